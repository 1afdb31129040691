/**
 * Garbage collection with thousands of objects: what is over goes, nothing else does, in bounded time and with the process
 * responsive all along. RM_TEST_JOBS=100000 runs it at the size of a fleet and prints the figures.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from 'chai';
import { labels } from '#crds/kinds.js';
import type { OwnerReference } from '#crds/meta.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { makeFinishedJobs } from '../../builders/finishedJobs.js';
import { aBackup, aHost, aJob, aSchedule } from '../../builders/objects.js';
import { until } from '../../builders/until.js';

const MANY = Number(process.env['RM_TEST_JOBS'] ?? 2000);
const FEW = 20;
const person = { principal: { name: 'alice', role: 'admin' as const }, door: 'resources' as const, fieldManager: 'kubectl' };
const default_ = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

describe(`garbage collection with ${String(MANY)} jobs`, function () {
  this.timeout(60_000 + MANY * 20);
  let bed: ControllerBed;
  beforeEach(async () => { bed = await openControllerBed(); });
  afterEach(async () => { await bed.close(); });

  const jobs = (): number => bed.informers.cache.list('ResticJob').length;
  const known = async (count: number): Promise<void> => {
    await until(`${String(count)} jobs in the caches`, () => jobs() === count, 60_000, 20);
    await bed.settle();
  };

  /** Runs until `left` jobs are left; says how long it took and how long the process was deaf at most. */
  async function collects(left: number, begin: () => Promise<void> | void, what: string): Promise<void> {
    const deaf = monitorEventLoopDelay({ resolution: 10 });
    deaf.enable();
    const start = performance.now();
    await begin();
    await until(`${String(left)} jobs to be left`, () => jobs() === left, 30_000 + MANY * 10, 50);
    const ms = performance.now() - start;
    deaf.disable();
    if (process.env['RM_TEST_JOBS'] !== undefined) console.log(`      ${what}: ${String(MANY)} jobs in ${(ms / 1000).toFixed(1)} s, ${String(Math.round(MANY / ms * 1000))} a second, event loop delay max ${(deaf.max / 1e6).toFixed(0)} ms, p99 ${(deaf.percentile(99) / 1e6).toFixed(0)} ms, rss ${String(Math.round(process.memoryUsage().rss / 2 ** 20))} MiB`);
    expect(bed.complaints.filter((line) => /failed/.test(line))).to.deep.equal([]);
  }

  it('removes those whose ttl has passed, also when all end at once, and keeps the others', async () => {
    await bed.create(aHost('web1'));
    const now = bed.clock.now();
    await makeFinishedJobs(bed.store, MANY, (n) => aBackup(`old-${String(n)}`, `web${String(n % 50)}`, 'docs', { startedBy: 'Agent', ttlSecondsAfterFinished: 600 }), () => now);
    await makeFinishedJobs(bed.store, FEW, (n) => aBackup(`new-${String(n)}`, 'web1', 'docs', { startedBy: 'Agent', ttlSecondsAfterFinished: 1200 }), () => now);
    await known(MANY + FEW);
    bed.clock.advance(599_000);
    await bed.settle();
    expect(jobs()).to.equal(MANY + FEW);
    await collects(FEW, () => { bed.clock.advance(2000); }, 'ttl');
  });

  it('keeps the newest of each schedule, group and host, in one bucket as in many (J7)', async () => {
    await bed.create(aHost('web1'), aSchedule('nightly', ['docs'], { successfulJobsHistoryLimit: 5 }));
    const now = bed.clock.now();
    const half = Math.floor(MANY / 2);
    const meta = { labels: { [labels.schedule]: 'nightly' } };
    await makeFinishedJobs(bed.store, half, (n) => aBackup(`one-${String(n)}`, 'web1', 'docs', { startedBy: 'Agent' }, meta), (n) => now - n * 1000);
    await makeFinishedJobs(bed.store, half, (n) => aBackup(`many-${String(n)}`, `host${String(n % FEW)}`, 'docs', { startedBy: 'Agent' }, meta), (n) => now - n * 1000);
    await known(2 * half);
    await collects(5 + 5 * FEW, () => { bed.clock.advance(6000); }, 'history limits');
    for (let n = 0; n < 5; n++) await bed.get('ResticJob', `one-${String(n)}`);
    // A change of status is no reason to look at every job again; a change of a limit is.
    await bed.settle();
    await collects(1 + FEW, async () => {
      await bed.edit('Schedule', 'nightly', (schedule) => { schedule.spec.successfulJobsHistoryLimit = 1; });
      await bed.settle();
      bed.clock.advance(6000);
    }, 'a lower limit');
  });

  it('keeps the newest job that looked after a repository, however many are past their ttl (J8)', async () => {
    await bed.create(aHost('web1'));
    const now = bed.clock.now();
    await makeFinishedJobs(bed.store, MANY, (n) => aJob(`check-${String(n)}`, 'Check', 'web1', { repositoryRef: { name: 'web1' }, ttlSecondsAfterFinished: 600 }), (n) => now - n);
    await makeFinishedJobs(bed.store, 1, () => aJob('prune', 'Prune', 'web1', { repositoryRef: { name: 'web1' }, ttlSecondsAfterFinished: 600 }), () => now - MANY);
    await known(MANY + 1);
    await collects(2, () => { bed.clock.advance(601_000); }, 'upkeep');
    await bed.settle();
    expect(bed.informers.cache.list('ResticJob').map((job) => job.metadata.name)).to.have.members(['check-0', 'prune']);
  });

  for (const [policy, left] of [['Background', 0], ['Foreground', 0], ['Orphan', MANY]] as const) {
    it(`deletes an owner of all of them: ${policy}`, async () => {
      await bed.create(aHost('big'), aHost('other'));
      const owner: OwnerReference = { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', name: 'big', uid: (await bed.get('Host', 'big')).metadata.uid, blockOwnerDeletion: true };
      const also: OwnerReference = { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', name: 'other', uid: (await bed.get('Host', 'other')).metadata.uid };
      await makeFinishedJobs(bed.store, MANY, (n) => aBackup(`its-${String(n)}`, 'big', 'docs', { startedBy: 'Agent' }, { ownerReferences: [owner] }), () => bed.clock.now());
      await makeFinishedJobs(bed.store, FEW, (n) => aBackup(`shared-${String(n)}`, 'big', 'docs', { startedBy: 'Agent' }, { ownerReferences: [owner, also] }), () => bed.clock.now());
      await known(MANY + FEW);
      await collects(left + FEW, async () => {
        await bed.store.delete('Host', default_('big'), { ...person, propagationPolicy: policy });
        await until('the owner to be gone', async () => { bed.clock.advance(500); return bed.store.get('Host', default_('big')).then(() => false, () => true); }, 30_000 + MANY * 10, 50);
      }, policy);
      await bed.settle();
      const kept = bed.informers.cache.list('ResticJob');
      expect(new Set(kept.flatMap((job) => (job.metadata.ownerReferences ?? []).map((reference) => reference.name)))).to.deep.equal(new Set(['other']));
      expect(kept.filter((job) => job.metadata.name.startsWith('shared-'))).to.have.length(FEW);
    });
  }

  it('lets go of an owner that only shares its dependants, at once (foreground)', async () => {
    await bed.create(aHost('a'), aHost('b'));
    const [a, b] = await Promise.all(['a', 'b'].map(async (name): Promise<OwnerReference> => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', name, uid: (await bed.get('Host', name)).metadata.uid, blockOwnerDeletion: true })));
    if (!a || !b) throw new Error('two owners');
    await makeFinishedJobs(bed.store, 1, () => aBackup('shared', 'a', 'docs', { startedBy: 'Agent' }, { ownerReferences: [a, b] }), () => bed.clock.now());
    await known(1);
    await bed.store.delete('Host', default_('a'), { ...person, propagationPolicy: 'Foreground' });
    await bed.whenGone('Host', 'a');
    expect((await bed.get('ResticJob', 'shared')).metadata.ownerReferences).to.deep.equal([b]);
  });
});
