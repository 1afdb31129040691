/** Jobs of every type on the real store: who waits for whom over hosts and repositories, what wakes them, and what their status keeps. */
import { expect } from 'chai';
import { conditionOf } from '#controller/status/conditions.js';
import type { ResticJob } from '#crds/kinds.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, aJob, aRepository, aRepositorySecret } from '../../builders/objects.js';

const off = { forget: { suspend: true }, prune: { suspend: true }, check: { suspend: true } };

describe('jobs of a shared repository, on the real store', function () {
  this.timeout(20_000);
  let bed: ControllerBed;
  beforeEach(async () => {
    bed = await openControllerBed();
    const shared = { repositoryRef: { name: 'shared' } };
    await bed.create(aHost('db1', shared), aHost('db2', shared), aHost('db3', shared), aHost('web1'), aRepositorySecret('repo-shared'), aRepositorySecret('repo-web1'),
      aRepository('shared', { runner: { hostRef: { name: 'db1' } }, maintenance: off }), aRepository('web1', { maintenance: off }), aGroup('docs', { hostRef: { name: 'db1' } }));
    for (const host of ['db1', 'db2', 'db3', 'web1']) await bed.connect(host);
    await bed.openRepository('shared', 'ab'.repeat(32));
    await bed.openRepository('web1', 'cd'.repeat(32));
    await bed.settle();
  });
  afterEach(async () => { await bed.close(); });

  const phaseOf = (name: string): string => { const { phase, reason } = bed.informers.cache.get('ResticJob', { namespace: 'default', name })?.status ?? {}; return phase === 'Queued' ? (reason ?? '') : (phase ?? ''); };
  const offered = (name: string): Promise<unknown> => bed.when('ResticJob', name, (it) => it.status?.phase === 'Offered');
  const waits = (name: string, message: string): Promise<unknown> => bed.when('ResticJob', name, (it) => it.status?.reason === 'WaitingForRepository' && it.status.message === message);
  async function ends(name: string, observed: Partial<ResticJobObserved> & Pick<ResticJobObserved, 'phase'> = { phase: 'Succeeded' }): Promise<ResticJob> {
    await bed.report(name, observed);
    return bed.when('ResticJob', name, (it) => it.status?.phase === observed.phase);
  }

  it('wait for each other by name over hosts, and go on as soon as they may (J9)', async () => {
    await bed.create(aJob('r1', 'Restore', 'db2'));
    await offered('r1');
    await bed.create(aJob('p1', 'Prune', 'db1'));
    await waits('p1', 'job r1 (Restore) is running in repository shared on host db2');
    await bed.create(aJob('r2', 'Diff', 'db3'), aBackup('b1', 'db1', 'docs'));
    await offered('r2');
    await offered('b1');
    await ends('r1');
    await waits('p1', 'job r2 (Diff) is running in repository shared on host db3');
    await ends('r2');
    await bed.when('ResticJob', 'p1', (it) => it.status?.reason === 'WaitingForTurn');
    await ends('b1');
    await offered('p1');
    await bed.create(aJob('r3', 'Restore', 'db3'), aJob('c1', 'Check', 'db1', { repositoryRef: { name: 'shared' } }));
    await waits('r3', 'job p1 (Prune) is running in repository shared on host db1');
    await ends('p1');
    await offered('r3');
    await ends('r3');
    await offered('c1');
    await bed.create(aJob('r4', 'Restore', 'db3'));
    await offered('r4');
  });

  it('are let go when the host that holds them up goes away: a restore is never stuck behind it', async () => {
    await bed.create(aJob('p1', 'Prune', 'db1'));
    await offered('p1');
    await bed.create(aJob('r1', 'Restore', 'web1', { restore: { snapshot: 'cafecafe', repositoryRef: { name: 'shared' } } }));
    await waits('r1', 'job p1 (Prune) is running in repository shared on host db1');
    await bed.disconnect('db1');
    await offered('r1');
  });

  it('never delete while others read, however many come at once (J9)', async () => {
    const reads = Array.from({ length: 9 }, (_, n) => aJob(`r${String(n)}`, 'Restore', `db${String((n % 2) + 2)}`));
    const deletes = Array.from({ length: 3 }, (_, n) => aJob(`p${String(n)}`, n === 0 ? 'Forget' : 'Prune', 'db1'));
    const mixed = [...reads.slice(0, 3), ...deletes, ...reads.slice(3)];
    // All the others wait for this one, and are woken in one moment when it ends.
    await bed.create(aJob('p', 'Forget', 'db1'));
    await offered('p');
    await Promise.all(mixed.map((job) => bed.create(job)));
    const left = new Set(['p', ...mixed.map((job) => job.metadata.name)]);
    while (left.size > 0) {
      await bed.settle();
      const running = [...left].filter((name) => phaseOf(name) === 'Offered');
      const deleting = running.filter((name) => name.startsWith('p'));
      expect(deleting.length > 0 ? running.length : 1, running.join()).to.equal(1);
      const [next] = running;
      expect(next, [...left].map((name) => `${name} ${phaseOf(name)}`).join()).to.be.a('string');
      await ends(next ?? '');
      left.delete(next ?? '');
    }
  });

  it('fail by name when they are not the runner\'s, after objects had time to come', async () => {
    await bed.create(aJob('p1', 'Prune', 'db2'));
    const waiting = await bed.when('ResticJob', 'p1', (it) => it.status?.reason === 'NotRunner');
    expect(conditionOf(waiting, 'Stalled')?.message).to.contain('the runner of repository shared is host db1');
    await bed.pass(121_000);
    const failed = await bed.when('ResticJob', 'p1', (it) => it.status?.phase === 'Failed');
    expect(failed.status?.reason).to.equal('NotRunner');
    await bed.create(aJob('p2', 'Prune', 'db2'));
    await bed.when('ResticJob', 'p2', (it) => it.status?.reason === 'NotRunner');
    await bed.edit('Repository', 'shared', (it) => { it.spec.runner = { hostRef: { name: 'db2' } }; });
    await offered('p2');
  });

  it('wait for a credential that may delete, start when it comes, and fail by name when it does not (E16)', async () => {
    await bed.store.patchStatus('Repository', { namespace: 'default', name: 'shared' }, { observed: { deletionProtection: 'Enforced' } }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
    await bed.when('Repository', 'shared', (it) => it.status?.deletionProtection === 'Enforced');
    await bed.create(aJob('p1', 'Prune', 'db1'));
    await bed.when('ResticJob', 'p1', (it) => it.status?.reason === 'AdminCredentialsRequired');
    await bed.edit('Repository', 'shared', (it) => { it.spec.runner = { hostRef: { name: 'db1' }, adminCredentials: 'OnRunner' }; });
    await offered('p1');
    await ends('p1');
    await bed.edit('Repository', 'shared', (it) => { it.spec.runner = { hostRef: { name: 'db1' } }; });
    await bed.create(aJob('p2', 'Forget', 'db1'));
    await bed.when('ResticJob', 'p2', (it) => it.status?.reason === 'AdminCredentialsRequired');
    await bed.pass(121_000);
    expect((await bed.when('ResticJob', 'p2', (it) => it.status?.phase === 'Failed')).status?.reason).to.equal('AdminCredentialsRequired');
  });

  it('keep what the agent found: skipped files, where a restore went, the plan of a forget', async () => {
    await bed.create(aBackup('b1', 'db1', 'docs'));
    await offered('b1');
    const skipped = Array.from({ length: 20 }, (_, n) => `/srv/${String(n)}`);
    const partial = await ends('b1', { phase: 'Succeeded', reason: 'Partial', message: '25 files could not be read', skippedFiles: skipped, warnings: 25, summary: { filesProcessed: 100 } });
    expect(partial.status).to.deep.include({ skippedFiles: skipped, warnings: 25, summary: { filesProcessed: 100 } });
    expect(conditionOf(partial, 'Complete')).to.include({ status: 'False', reason: 'Partial' });
    await bed.create(aJob('r1', 'Restore', 'db2'));
    await offered('r1');
    const restored = await ends('r1', { phase: 'Succeeded', reason: 'Partial', message: '1 file was there already', targetDirectory: '/root/rm-restore/r1', summary: { filesRestored: 4, filesSkipped: 1 } });
    expect(restored.status).to.deep.include({ targetDirectory: '/root/rm-restore/r1', summary: { filesRestored: 4, filesSkipped: 1 } });
    expect(conditionOf(restored, 'Complete')?.status).to.equal('False');
    await bed.create(aJob('f1', 'Forget', 'db1'));
    await offered('f1');
    const forgetPlan = { hash: 'ef'.repeat(32), remove: 3, of: 9, reasons: ['FutureSnapshots' as const] };
    expect((await ends('f1', { phase: 'Failed', reason: 'ApprovalRequired', forgetPlan })).status?.forgetPlan).to.deep.equal(forgetPlan);
  });

  it('stay partial when their name is used again', async () => {
    await bed.create(aBackup('b1', 'db1', 'docs'));
    await offered('b1');
    await ends('b1', { phase: 'Succeeded', reason: 'Partial', message: '2 files could not be read', skippedFiles: ['/srv/a'] });
    await bed.remove('ResticJob', 'b1');
    await bed.create(aBackup('b1', 'db1', 'docs'));
    const again = await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'AlreadyRan');
    expect(conditionOf(again, 'Complete')).to.include({ status: 'False', message: '2 files could not be read' });
    expect(again.status?.skippedFiles).to.deep.equal(['/srv/a']);
  });
});
