/** Maintenance of a repository (J8) on the real store: what is made when, and that nothing is lost or doubled whatever dies when. */
import { expect } from 'chai';
import { maintenanceJobName } from '#controller/kinds/repository/maintenanceJob.js';
import { conditionOf } from '#controller/status/conditions.js';
import type { Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { ObjectStore } from '#crds/objectStore.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, aJob, aRepository, aRepositorySecret, aSecret } from '../../builders/objects.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
type Job = Stored<ResticJob>;

describe('maintenance, on the real store', function () {
  this.timeout(60_000);
  let bed: ControllerBed;
  beforeEach(async () => { bed = await openControllerBed(); });
  afterEach(async () => { await bed.close(); });

  const crons = { forget: { schedule: '17 3 * * *' }, prune: { schedule: '23 4 * * 0' }, check: { schedule: '31 5 1 * *', readDataSubsetPercent: 10 } };
  const kept = aGroup('docs', { hostRef: { name: 'web1' }, retention: { keepDaily: 7 } });
  /** A repository of web1 that is open, on a Monday noon; maintenance in UTC. */
  async function open(spec: Partial<Repository['spec']> = {}, group = kept): Promise<void> {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1', { maintenance: crons, ...spec }), group);
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    await bed.settle();
  }
  const jobs = (): Job[] => bed.informers.cache.byIndex('ResticJob', 'upkeep', 'repository/web1').toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const dues = (type: ResticJob['spec']['type']): unknown[] => jobs().filter((job) => job.spec.type === type).map((job) => job.spec.origin?.dueTime).sort();
  const repository = (): Promise<Stored<Repository>> => bed.get('Repository', 'web1');
  const current = async (): Promise<string> => { const { status, reason, message } = conditionOf(await repository(), 'MaintenanceCurrent') ?? {}; return `${status ?? ''} ${reason ?? ''}: ${message ?? ''}`; };
  /** Straight to a moment, without looking in between. */
  async function jump(ms: number): Promise<void> {
    bed.clock.advance(ms);
    await bed.renewLease();
    await bed.settle();
  }
  /** Plays the agent: each maintenance job that is offered ends as told. */
  async function work(ends: (job: Job) => Partial<ResticJobObserved> & Pick<ResticJobObserved, 'phase'> = () => ({ phase: 'Succeeded', reason: 'Completed' })): Promise<string[]> {
    const ran: string[] = [];
    for (;;) {
      await bed.settle();
      const offered = jobs().find((job) => job.status?.phase === 'Offered');
      if (!offered) return ran;
      ran.push(`${offered.spec.type} ${offered.spec.origin?.dueTime ?? ''}`);
      await bed.report(offered.metadata.name, ends(offered));
    }
  }

  it('makes each task once it is due, on the runner, under a name that its due moment gives, and says what comes next', async () => {
    await open();
    const before = await bed.when('Repository', 'web1', (it) => it.status?.nextMaintenance === 'Forget 2026-03-03T03:17:00Z');
    expect(before.status?.maintenance?.forget).to.deep.equal({ lastDueTime: '2026-03-02T12:00:00Z', schedule: '17 3 * * * UTC' });
    expect(conditionOf(before, 'MaintenanceCurrent')).to.include({ status: 'True', reason: 'Current' });
    await bed.pass(15 * HOUR + 17 * MINUTE);
    const [made] = jobs();
    expect(made?.metadata).to.deep.include({ name: maintenanceJobName(before, 'forget', Date.parse('2026-03-03T03:17:00Z')) });
    expect(made?.metadata.name).to.match(/^web1-forget-[0-9a-f]{10}$/);
    expect(made?.metadata.labels).to.deep.equal({ 'restic-manager.io/host': 'web1', 'restic-manager.io/origin': 'Maintenance', 'restic-manager.io/repository': 'web1' });
    expect(made?.metadata.ownerReferences?.map(({ kind, name }) => `${kind}/${name}`)).to.deep.equal(['Host/web1']);
    expect(made?.spec).to.deep.include({ type: 'Forget', hostRef: { name: 'web1' }, repositoryRef: { name: 'web1' }, ttlSecondsAfterFinished: 604_800, origin: { type: 'Maintenance', name: 'web1', dueTime: '2026-03-03T03:17:00Z' } });
    expect((await repository()).status?.maintenance?.forget?.lastDueTime).to.equal('2026-03-03T03:17:00Z');
    expect(await work()).to.deep.equal(['Forget 2026-03-03T03:17:00Z']);
    const after = await bed.when('Repository', 'web1', (it) => it.status?.lastForget?.result === 'Succeeded');
    expect(after.status?.lastForget).to.deep.equal({ time: '2026-03-03T03:17:00Z', result: 'Succeeded', reason: 'Completed', message: '', jobName: made?.metadata.name });
    await jump(29 * DAY);
    expect((await work()).sort()).to.deep.equal(['Check 2026-04-01T05:31:00Z', 'Forget 2026-04-01T03:17:00Z', 'Prune 2026-03-29T04:23:00Z'].filter((each) => !each.startsWith('Check')).sort());
    await jump(3 * HOUR);
    expect(await work()).to.deep.equal(['Check 2026-04-01T05:31:00Z']);
    expect(jobs().find((job) => job.spec.type === 'Check')?.spec.check).to.deep.equal({ readDataSubsetPercent: 10 });
  });

  it('goes by the zone of the runner\'s agent, and a change of that zone makes nothing due for the past', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1', { maintenance: crons }), kept);
    await bed.connect('web1', { timeZone: 'Asia/Tokyo' });
    await bed.openRepository('web1', 'ab'.repeat(32));
    await bed.when('Repository', 'web1', (it) => it.status?.nextMaintenance === 'Forget 2026-03-02T18:17:00Z');
    await jump(7 * HOUR);
    expect(await work()).to.deep.equal(['Forget 2026-03-02T18:17:00Z']);
    await bed.connect('web1', { timeZone: 'Europe/Lisbon' });
    await bed.settle();
    expect(jobs()).to.have.length(1);
    await bed.when('Repository', 'web1', (it) => it.status?.nextMaintenance === 'Forget 2026-03-03T03:17:00Z');
  });

  it('makes nothing while the runner is away, says so, and makes one when it is back after a month', async () => {
    await open();
    await bed.disconnect('web1');
    await bed.settle();
    expect(await current(), 'nothing is due yet').to.match(/^True Current/);
    for (let day = 0; day < 31; day++) await jump(DAY);
    expect(jobs()).to.deep.equal([]);
    expect(await current()).to.equal('False RunnerAway: forget is due since 2026-04-02T03:17:00Z, prune is due since 2026-03-29T04:23:00Z, check is due since 2026-04-01T05:31:00Z: host web1, which looks after the repository, is not online');
    expect((await repository()).status?.nextMaintenance).to.equal('Forget as soon as possible, due since 2026-04-02T03:17:00Z');
    await bed.connect('web1');
    expect((await work()).sort()).to.deep.equal(['Check 2026-04-01T05:31:00Z', 'Forget 2026-04-02T03:17:00Z', 'Prune 2026-03-29T04:23:00Z']);
    expect(await current()).to.match(/^True Current/);
    await jump(HOUR);
    expect(jobs(), 'each once').to.have.length(3);
  });

  it('makes one for all that fell due while a job waited to be taken, and another for what fell due while it ran', async () => {
    await open({ maintenance: { ...crons, forget: { schedule: '@hourly' } } });
    await bed.create(aBackup('long', 'web1', 'docs'));
    await bed.when('ResticJob', 'long', (it) => it.status?.phase === 'Offered');
    await bed.report('long', { phase: 'Running' });
    await bed.pass(3 * HOUR);
    expect(dues('Forget')).to.deep.equal(['2026-03-02T13:00:00Z']);
    await bed.report('long', { phase: 'Succeeded' });
    await bed.settle();
    const [only] = jobs();
    await bed.report(only?.metadata.name ?? '', { phase: 'Running' });
    await bed.pass(2 * HOUR);
    expect(dues('Forget')).to.have.length(1);
    await bed.report(only?.metadata.name ?? '', { phase: 'Succeeded' });
    await bed.settle();
    expect(dues('Forget')).to.deep.equal(['2026-03-02T13:00:00Z', '2026-03-02T17:00:00Z']);
    await work();
    expect(dues('Forget')).to.have.length(2);
  });

  it('says that a job waits too long to be taken', async () => {
    await open();
    await bed.create(aBackup('long', 'web1', 'docs'));
    await bed.when('ResticJob', 'long', (it) => it.status?.phase === 'Offered');
    await bed.report('long', { phase: 'Running' });
    await jump(DAY);
    expect(await current()).to.match(/^True/);
    await jump(DAY);
    expect(await current()).to.match(/^False Overdue: job web1-forget-[0-9a-f]{10} waits since 2026-03-03T12:00:\d\dZ: job long is running on this host$/);
  });

  it('makes no forget while no group has retention, and none for that time when one gets it', async () => {
    await open({}, aGroup('docs', { hostRef: { name: 'web1' } }));
    await jump(DAY);
    expect(jobs()).to.deep.equal([]);
    expect(await current()).to.match(/^True/);
    await bed.edit('SourceGroup', 'docs', (group) => { group.spec.retention = { keepDaily: 7 }; });
    await bed.settle();
    expect(jobs()).to.deep.equal([]);
    await jump(DAY);
    expect(dues('Forget')).to.deep.equal(['2026-03-04T03:17:00Z']);
  });

  it('makes nothing for the past of an edited or resumed schedule', async () => {
    await open();
    await jump(10_000);
    await bed.edit('Repository', 'web1', (it) => { it.spec.maintenance = { ...crons, forget: { schedule: '0 9 * * *' }, check: { ...crons.check, suspend: true } }; });
    await bed.settle();
    expect(jobs()).to.deep.equal([]);
    await bed.when('Repository', 'web1', (it) => it.status?.maintenance?.check?.schedule === 'suspended' && it.status.maintenance.forget?.schedule === '0 9 * * * UTC');
    for (let day = 0; day < 35; day += 5) { await jump(5 * DAY); await work(); }
    expect(dues('Check')).to.deep.equal([]);
    await bed.edit('Repository', 'web1', (it) => { it.spec.maintenance = crons; });
    await bed.settle();
    await work();
    expect(dues('Check')).to.deep.equal([]);
    expect(dues('Forget').at(-1)).to.equal('2026-04-06T09:00:00Z');
  });

  it('makes nothing while suspended, offers nothing, plans nothing, and makes the newest of each when it goes on', async () => {
    await open();
    await bed.create(aJob('mine', 'Restore', 'web1'));
    await bed.when('ResticJob', 'mine', (it) => it.status?.phase === 'Offered');
    await bed.edit('Repository', 'web1', (it) => { it.spec.suspend = true; });
    const suspended = await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Suspended');
    expect(conditionOf(suspended, 'Available')).to.include({ status: 'True', reason: 'Opened' });
    expect(conditionOf(suspended, 'MaintenanceCurrent')).to.include({ status: 'False', reason: 'Suspended' });
    expect(suspended.status?.nextMaintenance).to.equal(undefined);
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'Suspended' && it.status.message === 'repository web1 is suspended');
    await jump(2 * DAY);
    expect(jobs()).to.deep.equal([]);
    await bed.edit('Repository', 'web1', (it) => { delete it.spec.suspend; });
    await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Ready');
    await bed.settle();
    expect(dues('Forget')).to.deep.equal(['2026-03-04T03:17:00Z']);
  });

  it('does not try deletion that the storage refuses, says whose account is missing, and checks all the same (E16)', async () => {
    await open();
    const see = (deletionProtection: string): Promise<unknown> => bed.store.patchStatus('Repository', { namespace: 'default', name: 'web1' }, { observed: { deletionProtection } }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
    expect((await repository()).status?.deletionProtection).to.equal('Unknown');
    await see('Enforced');
    await bed.when('Repository', 'web1', (it) => it.status?.deletionProtection === 'Enforced');
    await bed.settle();
    expect(await current()).to.match(/^False AdminCredentialsRequired: the storage of repository web1 refuses deletion to the everyday credential/);
    for (let day = 0; day < 31; day++) await jump(DAY);
    expect(await work()).to.deep.equal(['Check 2026-04-01T05:31:00Z']);
    await bed.create(aSecret('admin', 'repository-admin', { password: 'p' }));
    await bed.edit('Repository', 'web1', (it) => { it.spec.adminCredentialsSecretRef = { name: 'admin' }; });
    expect((await work()).sort()).to.deep.equal(['Forget 2026-04-02T03:17:00Z', 'Prune 2026-03-29T04:23:00Z']);
    expect(await current()).to.match(/^True/);
    await bed.edit('Secret', 'admin', (secret) => { secret.data = {}; });
    const stalled = await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'AdminSecretIncomplete');
    expect(conditionOf(stalled, 'Ready')?.message).to.equal('Secret default/admin has no key password');
    expect(await current()).to.equal('False AdminCredentialsRequired: Secret default/admin has no key password');
  });

  it('shows every failure until the next success, and the worst first', async () => {
    await open();
    for (let day = 0; day < 31; day++) {
      await jump(DAY);
      await work((job) => (job.spec.type === 'Prune' ? { phase: 'Succeeded' } : { phase: 'Failed', reason: job.spec.type === 'Check' ? 'CheckFoundErrors' : 'RepositoryLocked', message: `${job.spec.type}!` }));
    }
    expect(await current()).to.equal('False CheckFailed: check failed at 2026-04-01T12:00:00Z (CheckFoundErrors): Check!; forget failed at 2026-04-02T12:00:00Z (RepositoryLocked): Forget!');
    expect((await repository()).status?.lastPrune).to.deep.include({ time: '2026-03-29T12:00:00Z', result: 'Succeeded', reason: 'Completed', message: '' });
    await bed.create(aJob('by-hand', 'Check', 'web1'), aJob('chosen', 'Forget', 'web1', { forget: { snapshotIDs: ['cafecafe'] } }), aJob('trial', 'Forget', 'web1', { dryRun: true }));
    bed.clock.advance(1000);
    for (const name of ['by-hand', 'chosen', 'trial']) {
      await bed.when('ResticJob', name, (it) => it.status?.phase === 'Offered');
      await bed.report(name, { phase: 'Succeeded' });
    }
    await bed.when('Repository', 'web1', (it) => it.status?.lastCheck?.jobName === 'by-hand');
    expect(await current(), 'a deletion of chosen snapshots or a dry run is no retention').to.match(/^False ForgetFailed: forget failed at 2026-04-02T12:00:00Z \(RepositoryLocked\): Forget!$/);
  });

  it('keeps the newest job of each task beyond its ttl, and what it told after that', async () => {
    await open({ maintenance: { ...crons, forget: { suspend: true }, prune: { suspend: true } } });
    for (let day = 0; day < 31; day++) await jump(DAY);
    await work();
    const first = jobs()[0]?.metadata.name ?? '';
    await jump(10 * DAY);
    await bed.get('ResticJob', first);
    await bed.remove('ResticJob', first);
    await bed.settle();
    expect((await repository()).status?.lastCheck?.jobName, 'jobs go, the fact stays').to.equal(first);
    expect(jobs(), 'what is settled is not made again').to.deep.equal([]);
    await jump(20 * DAY);
    await work();
    const second = jobs()[0]?.metadata.name ?? '';
    await jump(30 * DAY);
    await work();
    expect(jobs().map((job) => job.metadata.name), 'the one before goes').to.not.include(second);
  });

  it('moves to a new runner what the old one never took', async () => {
    await open({ runner: { hostRef: { name: 'web1' } } });
    await bed.create(aHost('web2', { repositoryRef: { name: 'web1' } }), aBackup('long', 'web1', 'docs'));
    await bed.when('ResticJob', 'long', (it) => it.status?.phase === 'Offered');
    await bed.connect('web2');
    await bed.report('long', { phase: 'Running' });
    await jump(DAY);
    expect(jobs().map((job) => [job.spec.hostRef.name, job.status?.phase])).to.deep.equal([['web1', 'Queued']]);
    await bed.edit('Repository', 'web1', (it) => { it.spec.runner = { hostRef: { name: 'web2' } }; });
    await bed.settle();
    expect(jobs().map((job) => [job.spec.hostRef.name, job.spec.origin?.dueTime, job.status?.phase])).to.deep.equal([['web2', '2026-03-03T03:17:00Z', 'Offered']]);
    expect((await repository()).status?.maintenance?.forget?.lastDueTime).to.equal('2026-03-03T03:17:00Z');
  });

  it('is not held up by a cron that never fires', async () => {
    await open();
    const { spec } = await repository();
    await bed.store.update('Repository', { ...await repository(), spec: { ...spec, maintenance: { ...crons, prune: { schedule: '0 4 31 4 *' } } } }, { principal: { name: 's', role: 'system' }, door: 'controller', fieldManager: 's' });
    await bed.settle();
    await jump(DAY);
    expect(dues('Forget')).to.deep.equal(['2026-03-03T03:17:00Z']);
  });

  describe('a forget that the guard holds (X6)', () => {
    const plan = { hash: 'ab'.repeat(32), remove: 40, of: 100, reasons: ['RemovesTooMuch', 'UnknownSnapshots'] as ('RemovesTooMuch' | 'UnknownSnapshots')[] };
    const hold = { phase: 'Failed' as const, reason: 'ApprovalRequired', message: 'held', forgetPlan: plan };
    const approval = 'restic-manager.io/approve-forget';
    const approvals = (): Job[] => jobs().filter((job) => job.spec.forget?.approvedPlan !== undefined);
    const annotate = (hash: string): Promise<void> => bed.edit('Repository', 'web1', (it) => { it.metadata.annotations = { [approval]: hash }; });
    async function held(): Promise<void> {
      await open();
      await jump(DAY);
      await work(() => hold);
      await bed.when('Repository', 'web1', (it) => conditionOf(it, 'ApprovalRequired'));
    }

    it('is said with counts and the command that approves it', async () => {
      await held();
      const it = await repository();
      expect(conditionOf(it, 'ApprovalRequired')).to.deep.include({ status: 'True', reason: 'RemovesTooMuch', message: `retention would remove 40 of 100 snapshots and waits for a person (RemovesTooMuch, UnknownSnapshots); look at them, then: kubectl annotate --overwrite -n default repository.restic-manager.io/web1 ${approval}=${plan.hash}` });
      expect(await current()).to.match(/^False ForgetFailed: .*ApprovalRequired/);
      expect(jobs()[0]?.status?.forgetPlan).to.deep.equal(plan);
      await bed.settle();
      expect(bed.informers.cache.list('Event').filter((event) => event.reason === 'ApprovalRequired' && event.involvedObject.kind === 'Repository').map((event) => event.count ?? 1)).to.deep.equal([1]);
    });

    it('makes one forget with the approved plan, over restarts too, and is over when that has run', async () => {
      await held();
      await annotate('cd'.repeat(32));
      await bed.settle();
      expect(approvals(), 'another plan').to.deep.equal([]);
      await annotate(plan.hash);
      await bed.settle();
      await bed.restart();
      await bed.settle();
      expect(approvals()).to.have.length(1);
      expect(approvals()[0]?.spec).to.deep.include({ type: 'Forget', forget: { approvedPlan: plan.hash }, origin: { type: 'Maintenance', name: 'web1' } });
      expect(conditionOf(await repository(), 'ApprovalRequired')?.message).to.contain('was approved');
      bed.clock.advance(1000);
      await work(() => ({ phase: 'Succeeded' }));
      await bed.when('Repository', 'web1', (it) => !conditionOf(it, 'ApprovalRequired') && it.status?.lastForget?.result === 'Succeeded');
      await jump(DAY);
      await work();
      expect(approvals(), 'the annotation that stayed does nothing more').to.have.length(1);
    });

    it('is carried out again with the same approval when it could not be the first time', async () => {
      await held();
      await annotate(plan.hash);
      bed.clock.advance(1000);
      expect(await work(() => ({ phase: 'Failed', reason: 'RepositoryLocked', message: 'locked' }))).to.have.length(1);
      await jump(DAY);
      await work((job) => (job.spec.forget ? { phase: 'Succeeded' } : hold));
      expect(approvals().map((job) => job.status?.phase)).to.have.members(['Failed', 'Succeeded']);
    });

    it('waits for its approval longer than jobs are kept', async () => {
      await held();
      await bed.edit('Repository', 'web1', (it) => { it.spec.maintenance = { forget: { suspend: true }, prune: { suspend: true }, check: { suspend: true } }; });
      await jump(20 * DAY);
      await annotate(plan.hash);
      await bed.settle();
      expect(approvals()).to.have.length(1);
    });
  });

  it('loses no moment and doubles none when the server is killed a hundred times, at any write (J8)', async function () {
    this.timeout(120_000);
    const seed = 20260302;
    let state = seed;
    const random = (below: number): number => { state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; return Math.floor((state / 2 ** 32) * below); };
    await open({ maintenance: { forget: { schedule: '0 */2 * * *' }, prune: { schedule: '20 1-22/3 * * *' }, check: { schedule: '15 5 * * *' } } });
    const begin = bed.clock.now();
    const ran = new Map<string, number>();
    let kills = 0;
    for (let round = 0; round < 100; round++) {
      // This server lives for a few writes only; the last of them may or may not have reached the disk.
      const server = mortal(random(4), random(2) === 0);
      await bed.restart(server.wrap);
      await jump((10 + random(100)) * MINUTE);
      if (server.dead()) kills++;
      await bed.restart();
      for (const each of await work()) ran.set(each, (ran.get(each) ?? 0) + 1);
    }
    const expected: string[] = [];
    for (let at = begin + MINUTE - (begin % MINUTE); at <= bed.clock.now(); at += MINUTE) {
      const [hour, minute] = [new Date(at).getUTCHours(), new Date(at).getUTCMinutes()];
      const due = new Date(at).toISOString().replace('.000Z', 'Z');
      if (minute === 0 && hour % 2 === 0) expected.push(`Forget ${due}`);
      if (minute === 20 && hour >= 1 && hour <= 22 && (hour - 1) % 3 === 0) expected.push(`Prune ${due}`);
      if (minute === 15 && hour === 5) expected.push(`Check ${due}`);
    }
    expect(Object.fromEntries(ran), `seed ${String(seed)}`).to.deep.equal(Object.fromEntries(expected.map((each) => [each, 1])));
    expect(kills, 'servers that were killed in a write').to.be.greaterThan(60);
    expect(expected.length).to.be.greaterThan(60);
  });
});

/** A store whose process dies at its nth write of a repository or job: that one is done or not, and no later one is. Reads go on: nobody sees them. */
function mortal(writes: number, lastReachesDisk: boolean): { wrap: (store: ObjectStore) => ObjectStore; dead: () => boolean } {
  let left = writes;
  let dead = false;
  const mutating = new Set(['create', 'update', 'patchStatus', 'patchMeta', 'apply', 'delete', 'patch']);
  return {
    dead: () => dead,
    wrap: (store) => new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        if (!mutating.has(String(name))) return value.bind(target) as unknown;
        return async (...args: unknown[]) => {
          if (dead) throw new Error('killed');
          // Presence flickers with the clock that jumps: those writes would be most of them.
          const counts = args[0] === 'Repository' || args[0] === 'ResticJob';
          if (!counts || left-- > 0) return (value as (...all: unknown[]) => unknown).apply(target, args);
          dead = true;
          if (lastReachesDisk) await (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
          throw new Error('killed');
        };
      },
    }),
  };
}
