import { expect } from 'chai';
import type { CacheEvent } from '#controller/runtime/types.js';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { textOf } from '#crds/wire/logLines.js';
import { aBackup, aGroup, aHost, aRepository, aRepositorySecret, aSchedule } from '../builders/objects.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../builders/scriptedAgent.js';
import { asAdmin, openSessionBed, type SessionBed } from '../builders/sessionBed.js';
import { until } from '../builders/until.js';

const GROUPS = ['etc', 'home', 'mail', 'srv', 'var'];
const HOURS = 7 * 24;
const RUNS = GROUPS.length * HOURS;
/** Job history a schedule keeps by default. */
const HISTORY = 3;

describe('an agent that was away for a week of hourly backups', function () {
  this.timeout(120_000);
  let bed: SessionBed;
  const agents: ScriptedAgent[] = [];
  const key = newAgentKey();
  const namespace = 'default';
  before(async () => { bed = await openSessionBed({ controllers: true }); });
  after(async () => {
    await Promise.all(agents.map((agent) => agent.kill()));
    await bed.close();
  });

  /** A host whose repository is ready. */
  async function host(name: string): Promise<string> {
    await bed.store.create('Secret', aRepositorySecret(`repo-${name}`), asAdmin);
    await bed.store.create('Repository', aRepository(name), asAdmin);
    const made = await bed.store.create('Host', aHost(name), asAdmin);
    return bed.identity.issueBearer(made);
  }
  async function dial(name: string, bearer: string, spool = { first: 1, last: 0, id: name }): Promise<ScriptedAgent> {
    let seq = spool.last;
    const agent = await dialAgent(bed.port, bearer, signedHello(key, { hostname: name, storeEpoch: bed.store.epoch, resticVersion: '0.19.1', spool }), (frame) => {
      const time = new Date().toISOString();
      if (frame.type === 'plan.set') agent.send('plan.applied', { revision: frame.payload.revision, generation: frame.payload.generation });
      if (frame.type === 'job.run') agent.send('job.finished', { identity: frame.payload.identity, phase: 'Succeeded', reason: 'Completed', message: 'done', startTime: time, completionTime: time, attempts: 1, repositoryID: 'e'.repeat(64) }, ++seq);
    });
    agents.push(agent);
    await agent.next('welcome');
    return agent;
  }
  const phaseOf = (job: string): string | undefined => bed.informers.cache.get('ResticJob', { namespace, name: job })?.status?.phase;

  it('puts every run in records, makes an object of the newest of each group only, and keeps no other host waiting (S7)', async () => {
    const away = await host('away');
    const other = await host('other');
    for (const group of GROUPS) await bed.store.create('SourceGroup', aGroup(group, { hostRef: { name: 'away' } }), asAdmin);
    await bed.store.create('SourceGroup', aGroup('data', { hostRef: { name: 'other' } }), asAdmin);
    await bed.store.create('Schedule', aSchedule('hourly', GROUPS, { schedule: '0 * * * *' }), asAdmin);
    await dial('other', other);
    await until('the other host to be ready', () => bed.informers.cache.get('Host', { namespace, name: 'other' })?.status?.conditions?.some(({ type, status }) => type === 'RepositoryReady' && status === 'True'));
    await until('the schedule', () => bed.informers.cache.get('Schedule', { namespace, name: 'hourly' }));

    const begun = Date.now() - HOURS * 3_600_000;
    const identityOf = (run: number): JobIdentity => ({ job: `hourly-${String(run).padStart(10, '0')}`, runID: `hourly-${String(run).padStart(10, '0')}`, type: 'Backup', startedBy: 'Agent', sourceGroup: GROUPS[run % GROUPS.length] ?? '', schedule: 'hourly', origin: 'Schedule', dueTime: timeOf(run) });
    const timeOf = (run: number): string => new Date(begun + Math.floor(run / GROUPS.length) * 3_600_000).toISOString();
    const written = new Map<string, number>();
    const made = new Set<string>();
    const count = ({ kind, type, object }: CacheEvent): void => {
      written.set(`${kind}/${object.metadata.name}`, (written.get(`${kind}/${object.metadata.name}`) ?? 0) + 1);
      if (kind === 'ResticJob' && type === 'ADDED') made.add(object.metadata.name);
    };
    const stop = bed.informers.onChange(count);
    const start = Date.now();
    const agent = await dial('away', away, { first: 1, last: 3 * RUNS, id: 'away' });
    for (let run = 0; run < RUNS; run++) {
      const identity = identityOf(run);
      agent.send('job.started', { identity, startTime: timeOf(run), attempts: 1 }, 3 * run + 1);
      agent.send('job.log', { job: identity.job, runID: identity.runID, firstSeq: 1, lines: [textOf({ ts: timeOf(run), stream: 'stdout', payload: `run ${String(run)}` })] }, 3 * run + 2);
      agent.send('job.finished', { identity, phase: run % 50 === 0 ? 'Failed' : 'Succeeded', reason: run % 50 === 0 ? 'ResticFailed' : 'Completed', message: 'done', startTime: timeOf(run), completionTime: timeOf(run), attempts: 1 }, 3 * run + 3);
    }
    // Meanwhile a person backs up the other host.
    await until('the backlog to be under way', () => bed.records.findOutcome({ namespace, name: identityOf(GROUPS.length).job }), 60_000);
    const asked = Date.now();
    await bed.store.create('ResticJob', aBackup('now', 'other', 'data'), asAdmin);
    await until('the other host\'s backup', () => phaseOf('now') === 'Succeeded', 30_000, 5);
    const took = Date.now() - asked;
    expect(bed.records.findOutcome({ namespace, name: identityOf(RUNS - GROUPS.length - 1).job }), 'the backlog is still being taken').to.equal(undefined);
    expect(took, 'milliseconds for the other host').to.be.below(5_000);
    await until('the whole backlog', () => agent.frames.some((frame) => frame.type === 'ack' && frame.payload.seq >= 3 * RUNS), 90_000);
    const seconds = (Date.now() - start) / 1_000;
    await until('the newest run to be an object', () => phaseOf(identityOf(RUNS - 1).job) !== undefined);
    stop();

    const newest = Array.from({ length: GROUPS.length }, (_, index) => identityOf(RUNS - 1 - index).job).sort();
    const jobs = [...made].filter((name) => name.startsWith('hourly-')).sort();
    expect(jobs, 'objects').to.deep.equal(newest);
    for (let run = 0; run < RUNS; run++) {
      const job = { namespace, name: identityOf(run).job };
      expect(bed.records.findOutcome(job)?.observed.phase, job.name).to.equal(run % 50 === 0 ? 'Failed' : 'Succeeded');
      expect(bed.records.readLog(job).lines.map(({ payload }) => payload)).to.deep.equal([`run ${String(run)}`]);
    }
    // An object: made, observed, concluded, its conditions once more.
    for (const name of newest) expect(written.get(`ResticJob/${name}`), name).to.be.at.most(5);
    expect(written.get('Schedule/hourly') ?? 0, 'aggregates, one in ten seconds').to.be.at.most(2 + Math.ceil(seconds / 10));
    for (const group of GROUPS) expect(written.get(`SourceGroup/${group}`) ?? 0, `aggregates of ${group}`).to.be.at.most(2 + Math.ceil(seconds / 10));
    expect([...written.values()].reduce((sum, each) => sum + each, 0), `writes for ${String(RUNS)} runs`).to.be.below(120 + 3 * seconds);
  });

  it('goes on as every other host: what it runs now becomes objects, as many as the history keeps', async () => {
    const agent = agents.at(-1);
    if (!agent) throw new Error('the first test made no agent');
    for (let run = 0; run < 6; run++) {
      const job = `hourly-9${String(run).padStart(9, '0')}`;
      const time = new Date(Date.now() + run).toISOString();
      const identity: JobIdentity = { job, runID: job, type: 'Backup', startedBy: 'Agent', sourceGroup: 'etc', schedule: 'hourly', origin: 'Schedule', dueTime: time };
      agent.send('job.started', { identity, startTime: time, attempts: 1 }, 3 * RUNS + 2 * run + 1);
      agent.send('job.finished', { identity, phase: 'Succeeded', reason: 'Completed', message: 'done', startTime: time, completionTime: time, attempts: 1 }, 3 * RUNS + 2 * run + 2);
      await agent.acked(3 * RUNS + 2 * run + 2);
    }
    const left = (): string[] => bed.informers.cache.byIndex('ResticJob', 'host', 'away').filter(({ spec, status }) => spec.sourceGroupRef?.name === 'etc' && status?.phase === 'Succeeded').map(({ metadata }) => metadata.name).sort();
    await until('the history limit', () => left().length === HISTORY && left().every((name) => name.startsWith('hourly-9')), 30_000).catch((error: unknown) => { throw new Error(`${String(error)}: ${left().join(' ')}`); });
  });
});
