/** What must outlive a kill -9 of either end: the run, its result, its log, the repository. */
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { backupCalls, expectDelivered } from '../builders/delivered.js';
import { runningRestics } from '../builders/runningRestics.js';
import { openWorld, teeRestic, type World } from '../builders/world.js';
import { until } from '../builders/until.js';

const MIB = 1024 * 1024;

describe('survival', function () {
  this.timeout(180_000);
  let world: World;
  before(async () => { world = await openWorld(); });
  after(async () => { await world.close(); });

  /** A host with a slow backup: `uploadKiBps` makes `bytes` last. */
  async function slowHost(name: string, { bytes, uploadKiBps, restic }: { bytes: number; uploadKiBps: number; restic?: string }): Promise<void> {
    const source = await world.source(name, bytes);
    await world.agent(name, { token: await world.mintToken(name, [source]), ...(restic === undefined ? {} : { restic }) });
    await world.ready(name);
    const { status } = await world.get('Host', name) ?? {};
    await world.patch('Host', name, { spec: { bandwidth: { uploadKiBps } } });
    await until('slow plan applied', async () => { const now = (await world.get('Host', name))?.status; return now?.appliedRevision !== status?.appliedRevision && now?.appliedRevision === now?.desiredRevision; });
  }
  async function running(job: string): Promise<void> {
    await until('running', async () => (await world.get('ResticJob', job))?.status?.phase === 'Running');
  }
  it('kill -9 of the server during a backup: the backup ends; its result and full log are there after the restart, once, byte for byte', async () => {
    const calls = join(world.dir, 'calls');
    await slowHost('keeper', { bytes: 8 * MIB, uploadKiBps: 1024, restic: await teeRestic(calls, { chatter: 150 }) });
    const job = await world.runNow('keeper');
    await running(job);
    await until('first lines', async () => (await world.logOf(job)).length > 20);
    await world.killServer();
    await until('backup to end while the server is away', () => {
      const [call] = backupCalls(calls);
      const out = call !== undefined && existsSync(`${call}.out`) ? readFileSync(`${call}.out`, 'utf8') : '';
      return out.includes('"message_type":"summary"') && out.includes('note 150:');
    }, 60_000, 200);
    await world.startServerAgain();
    const done = await world.ended(job);
    expect(done.status).to.include({ phase: 'Succeeded', reason: 'Completed' });
    await expectDelivered(world, job, calls);
    expect(backupCalls(calls), 'one backup').to.have.length(1);
    expect(JSON.parse(world.restic('keeper', 'snapshots', '--json').stdout)).to.have.length(1);
  });

  it('kill -9 of the agent during a backup: the job ends Failed with the reason, no orphan restic, no stale lock, the next backup succeeds', async () => {
    await slowHost('phoenix', { bytes: 16 * MIB, uploadKiBps: 512 });
    const agent = world.agents.find(({ stateDir }) => stateDir.endsWith('agent-phoenix'));
    const job = await world.runNow('phoenix');
    await running(job);
    await until('restic at work', () => runningRestics(world.repositoryUrl('phoenix')).length > 0);
    await until('restic has its lock', () => world.restic('phoenix', 'list', 'locks', '--no-lock').stdout.trim() !== '');
    await agent?.kill();
    await until('no orphan restic', () => runningRestics(world.repositoryUrl('phoenix')).length === 0, 5000);
    await world.agent('phoenix');
    const done = await world.ended(job);
    expect(done.status).to.include({ phase: 'Failed', reason: 'AgentRestarted' });
    expect(done.status?.message).to.include('the agent ended during the run');
    expect(world.restic('phoenix', 'list', 'locks', '--no-lock').stdout.trim(), 'stale lock').to.equal('');
    await world.patch('Host', 'phoenix', { spec: { bandwidth: null } });
    const next = await world.ended(await world.runNow('phoenix'));
    expect(next.status).to.include({ phase: 'Succeeded', reason: 'Completed' });
    expect(JSON.parse(world.restic('phoenix', 'snapshots', '--json').stdout)).to.have.length(1);
    expect(world.restic('phoenix', 'check').status).to.equal(0);
  });

  it('a schedule that fires while the server is down is run by the agent and recorded once when the server is back (S7)', async () => {
    const source = await world.source('loner');
    await world.agent('loner', { token: await world.mintToken('loner', [source]) });
    await world.ready('loner');
    const groups = (await world.call('GET', '/api/hosts/loner/source-groups')).body['items'] as { id: string }[];
    const before = (await world.get('Host', 'loner'))?.status?.appliedRevision;
    const { body } = await world.call('POST', '/api/hosts/loner/schedules', { cron: '* * * * *', enabled: true, source_group_ids: [groups[0]?.id] });
    await until('schedule in the plan', async () => { const status = (await world.get('Host', 'loner'))?.status; return status?.appliedRevision !== before && status?.appliedRevision === status?.desiredRevision; });
    await world.killServer();
    const agent = world.agents.find(({ stateDir }) => stateDir.endsWith('agent-loner'));
    const mark = agent?.log().length ?? 0;
    await until('a run without the server', () => /"msg":"job finished".*"type":"Backup"/.test(agent?.log().slice(mark) ?? ''), 100_000, 200);
    await world.startServerAgain();
    const run = await until('recorded', async () => (await world.list('ResticJob')).find(({ spec, status }) => spec.hostRef.name === 'loner' && spec.startedBy === 'Agent' && status?.phase === 'Succeeded'), 30_000, 100);
    await world.patch('Schedule', body['object_name'] as string, { spec: { suspend: true } });
    expect(run.spec.origin).to.include({ type: 'Schedule', name: body['object_name'] });
    const ran = new Set([...agent?.log().matchAll(/"msg":"job finished","job":"([^"]+)"/g) ?? []].map(([, name]) => name).filter((name) => name?.startsWith(`${String(body['object_name']).slice(0, 40)}-`)));
    const known = await until('every run recorded', async () => {
      const jobs = (await world.list('ResticJob')).filter(({ spec }) => spec.hostRef.name === 'loner' && spec.startedBy === 'Agent');
      return jobs.every(({ status }) => status?.phase === 'Succeeded') && jobs;
    });
    expect(known.map(({ metadata }) => metadata.name)).to.include(run.metadata.name);
    for (const { metadata } of known) expect(ran).to.include(metadata.name);
    const log = await world.logOf(run.metadata.name);
    expect(log.map(({ seq }) => seq)).to.deep.equal(log.map((_, index) => index + 1));
    expect(log.filter(({ payload }) => payload.includes('"message_type":"summary"'))).to.have.length(1);
  });

  it('a server that is stopped and started keeps its hosts online and loses nothing', async () => {
    const before = await world.list('ResticJob');
    await world.server.stop();
    await world.startServerAgain();
    expect((await world.get('Host', 'keeper'))?.status?.phase).to.equal('Online');
    await until('agent back', async () => { const { status } = await world.get('Host', 'keeper') ?? {}; return status?.conditions?.some(({ type, status: now }) => type === 'Online' && now === 'True'); });
    expect((await world.list('ResticJob')).map(({ metadata }) => metadata.name)).to.include.members(before.map(({ metadata }) => metadata.name));
    expect((await world.ended(await world.runNow('keeper'))).status).to.include({ phase: 'Succeeded' });
  });
});
