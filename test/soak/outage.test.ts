/** The server is away for minutes of real time while schedules fall due each minute (Q3). RM_TEST_MINUTES: how many. */
import { expect } from 'chai';
import { openRecords } from '#apiserver/records/index.js';
import type { TestAgent } from '../builders/agent.js';
import { startServer } from '../builders/server.js';
import { until } from '../builders/until.js';
import { openWorld, type World } from '../builders/world.js';

const MINUTES = Number(process.env['RM_TEST_MINUTES'] ?? 4);
const MINUTE = 60_000;
const names = ['one', 'two', 'three'];

describe('a server that is away for a while (Q3, S7)', function () {
  this.timeout((MINUTES + 5) * MINUTE);
  let world: World;
  const agents = new Map<string, TestAgent>();
  before(async () => { world = await openWorld({ start: (options) => startServer({ ...options, bundle: true }) }); });
  after(async () => { await world.close(); });

  it(`${String(MINUTES)} minutes, with a schedule each minute on three hosts: every run that was due is there once afterwards, and its result came once`, async () => {
    for (const name of names) {
      agents.set(name, await world.agent(name, { bundle: true, token: await world.mintToken(name, [await world.source(name)]) }));
      await world.ready(name);
      const groups = (await world.call('GET', `/api/hosts/${name}/source-groups`)).body['items'] as { id: string }[];
      await world.call('POST', `/api/hosts/${name}/schedules`, { cron: '* * * * *', enabled: true, source_group_ids: [groups[0]?.id] });
    }
    await until('the first run of each', () => [...agents.values()].every((agent) => runsOf(agent).length > 0), 2 * MINUTE, 200);
    await world.killServer();
    const from = Date.now();
    await until('the outage to pass', () => Date.now() - from > MINUTES * MINUTE, (MINUTES + 1) * MINUTE, 1000);
    await world.startServerAgain();
    const to = Date.now();
    await until('everybody back', async () => (await world.list('Host')).every(({ status }) => status?.phase === 'Online' && status.conditions?.some((each) => each.type === 'Online' && each.status === 'True')), MINUTE, 200);
    const away = new Map(names.map((name) => [name, runsOf(agents.get(name)).filter(({ time }) => time > from && time < to)]));
    // the newest of each is an object; all of them are in records
    await until('the newest of each', async () => {
      const jobs = await world.list('ResticJob');
      return names.every((name) => jobs.some(({ metadata, status }) => metadata.name === away.get(name)?.at(-1)?.job && status?.phase === 'Succeeded'));
    }, MINUTE, 200);
    for (const name of names) {
      // a minute that began in the outage and one that ended in it may lie on its edge
      const minutes = away.get(name)?.map(({ time }) => Math.floor(time / MINUTE)) ?? [];
      expect(minutes.length, `runs of ${name}`).to.be.within(MINUTES - 1, MINUTES + 1);
      expect(new Set(minutes).size, `${name}: one each minute`).to.equal(minutes.length);
      expect((minutes.at(-1) ?? 0) - (minutes[0] ?? 0) + 1, `${name}: no minute left out`).to.equal(minutes.length);
      await agents.get(name)?.stop();
      const done = runsOf(agents.get(name));
      expect((JSON.parse(world.restic(name, 'snapshots', '--json').stdout) as unknown[]).length, `snapshots of ${name}`).to.equal(done.length);
    }
    await world.server.stop();
    const records = await openRecords({ dir: world.server.dataDir });
    try {
      for (const name of names) {
        for (const { job } of away.get(name) ?? []) {
          expect(records.findOutcome({ namespace: 'default', name: job })?.observed.phase, `outcome of ${job}`).to.equal('Succeeded');
          const log = records.readLog({ namespace: 'default', name: job }).lines;
          expect(log.map(({ seq }) => seq), `log of ${job}`).to.deep.equal(log.map((_, index) => index + 1));
          expect(log.filter(({ payload }) => payload.includes('"message_type":"summary"')), `summary of ${job}`).to.have.length(1);
        }
      }
    } finally { await records.close(); }
  });

  /** Backups that ended, as the agent says; all of them are its own cron's. */
  function runsOf(agent: TestAgent | undefined): { job: string; time: number }[] {
    return (agent?.log() ?? '').split('\n').filter((line) => line.includes('"msg":"job finished"') && line.includes('"type":"Backup"')).map((line) => JSON.parse(line) as { job: string; time: string }).map(({ job, time }) => ({ job, time: Date.parse(time) }));
  }
});
