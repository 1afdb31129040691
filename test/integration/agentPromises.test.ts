/** What agent and server promise each other when files or states are lost on either side. */
import { spawnSync } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { agentCommand, type TestAgent } from '../builders/agent.js';
import { until } from '../builders/until.js';
import { openWorld, type World } from '../builders/world.js';

describe('agent and server after losses', function () {
  this.timeout(180_000);
  let world: World;
  before(async () => { world = await openWorld(); });
  after(async () => { await world.close(); });

  async function host(name: string): Promise<TestAgent> {
    const agent = await world.agent(name, { token: await world.mintToken(name, [await world.source(name)]) });
    await world.ready(name);
    return agent;
  }
  async function backup(name: string): Promise<string> {
    const job = await world.runNow(name);
    expect((await world.ended(job)).status).to.include({ phase: 'Succeeded' });
    return job;
  }
  const statusOf = ({ stateDir }: TestAgent): string => {
    const [program, ...args] = agentCommand();
    return spawnSync(program, [...args, 'status'], { env: { PATH: process.env['PATH'], RM_STATE_DIR: stateDir }, encoding: 'utf8' }).stdout;
  };
  /** One byte in the middle becomes another. */
  async function flip(path: string, at: (bytes: Buffer) => number): Promise<void> {
    const bytes = await readFile(path);
    bytes[at(bytes)]! ^= 1;
    await writeFile(path, bytes);
  }

  it('sets every damaged file of the agent aside, says so in log and status, and gets plan and state again by itself (E7, S7)', async () => {
    const first = await host('broken');
    await backup('broken');
    await first.stop();
    const { stateDir } = first;
    const segment = (await readdir(join(stateDir, 'spool'))).find((name) => name.endsWith('.jsonl')) ?? '';
    await flip(join(stateDir, 'plan.enc'), ({ length }) => length - 5);
    await writeFile(join(stateDir, 'plan.key'), 'short');
    await writeFile(join(stateDir, 'state.json'), '{"storeEpoch": ');
    await flip(join(stateDir, 'journal.jsonl'), (bytes) => bytes.indexOf('"t":"end"') + 5);
    await writeFile(join(stateDir, 'spool', segment), 'junk\n');
    const second = await world.agent('broken');
    await world.ready('broken');
    const aside = (await readdir(stateDir)).filter((name) => name.includes('.corrupt-'));
    const names = ['journal.jsonl', 'plan.enc', 'plan.key', 'spool', 'state.json'];
    expect(aside.map((name) => name.replace(/\.corrupt-.*/, '')).sort()).to.deep.equal(names);
    const status = await until('the status', () => { const text = statusOf(second); return text.includes(': online') && text.includes('revision') && text; });
    for (const name of aside) {
      expect(second.log(), name).to.contain(name);
      expect(status, name).to.contain(`set aside   ${name}`);
    }
    await backup('broken');
    await second.stop();
    await writeFile(join(stateDir, 'credentials.json'), '{"bearer": "x');
    const third = await world.agent('broken');
    await until('its announcement', async () => ((await world.call('GET', '/api/pending-hosts')).body['items'] as { hostname: string }[]).some(({ hostname }) => hostname === 'broken'));
    expect(third.log()).to.contain('credentials.json.corrupt-');
    await third.kill();
  });

  it('a server put back to an older state gets the results since, once each, and no job runs again (S7)', async () => {
    const agent = await host('kept');
    const before = await backup('kept');
    await world.killServer();
    const copy = join(world.dir, 'copy');
    await cp(world.server.dataDir, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    await world.startServerAgain();
    await world.ready('kept');
    await world.call('POST', '/api/hosts/kept/schedules', { cron: '* * * * *', enabled: true, source_group_ids: [((await world.call('GET', '/api/hosts/kept/source-groups')).body['items'] as { id: string }[])[0]?.id] });
    const lost = await backup('kept');
    const accepted = (): string[] => [...agent.log().matchAll(/"msg":"job accepted","job":"([^"]+)"/g)].map(([, name = '']) => name);
    const ended = (): string[] => [...agent.log().matchAll(/"msg":"job finished","job":"([^"]+)"/g)].map(([, name = '']) => name);
    await world.killServer();
    await rm(world.server.dataDir, { recursive: true });
    await cp(copy, world.server.dataDir, { recursive: true });
    await world.startServerAgain();
    await until('it to be noticed', () => world.server.log().includes('put back to an older state'), 60_000);
    await world.ready('kept', 60_000);
    await until('the results again', () => agent.log().includes('sending it the results of the last 30 days again'));
    expect((await world.get('ResticJob', before))?.status).to.include({ phase: 'Succeeded' });
    expect(await world.get('ResticJob', lost), 'what only the lost state knew is no object again').to.equal(undefined);
    const after = await backup('kept');
    const jobs = (await world.list('ResticJob')).filter(({ spec }) => spec.hostRef.name === 'kept' && spec.type === 'Backup').map(({ metadata }) => metadata.name);
    expect(new Set(jobs).size).to.equal(jobs.length);
    expect(jobs).to.include.members([before, after]);
    // it is told once: the next connection is an ordinary one
    const times = (): number => agent.log().split('sending it the results of the last 30 days again').length - 1;
    await world.killServer();
    await world.startServerAgain();
    await world.ready('kept', 60_000);
    await backup('kept');
    expect(times()).to.equal(1);
    expect(new Set(accepted()).size, 'every job was accepted once (E27)').to.equal(accepted().length);
    for (const job of ended()) expect(accepted(), 'and named when it was (E27)').to.include(job);
    expect([...new Set(ended())].length, 'and its end named once (E27)').to.equal(ended().length);
    expect(JSON.parse(world.restic('kept', 'snapshots', '--json').stdout) as unknown[]).to.have.length(ended().length - 1); // one was the init
  });

  it('a report refused for good is put aside, acknowledged and told; what is behind it arrives (E33)', async () => {
    const agent = await host('odd');
    await agent.stop();
    // a run of a schedule that no longer exists by the time it is told
    const { Spool } = await import('#agent/spool/spool.js');
    const { silentLog } = await import('#agent/log.js');
    const spool = await Spool.open({ dir: join(agent.stateDir, 'spool'), log: silentLog });
    const completionTime = new Date().toISOString();
    for (const job of ['odd-0000000001', 'odd-0000000002']) await spool.append({ type: 'job.finished', payload: { identity: { job, runID: job, type: 'Backup', startedBy: 'Agent', schedule: 'gone', sourceGroup: 'gone' }, phase: 'Succeeded', reason: 'Completed', message: '', completionTime } });
    await spool.close();
    const again = await world.agent('odd');
    await world.ready('odd');
    await backup('odd');
    const events = (await world.list('Event')).filter(({ reason, involvedObject }) => reason === 'ReportRefused' && involvedObject.name === 'odd');
    expect(events.map(({ message }) => message).join('\n')).to.contain('schedule gone with group gone is not known for this host');
    await until('everything acknowledged', () => /spool\s+0 frames/.test(statusOf(again)));
    expect(await world.get('ResticJob', 'odd-0000000001')).to.equal(undefined);
  });
});
