import { expect } from 'chai';
import { conditionOf } from '#controller/status/conditions.js';
import { initJobName } from '#controller/kinds/repository/initJob.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, anInit, aRepository, aRepositorySecret } from '../../builders/objects.js';

describe('a repository, on the real store', () => {
  let bed: ControllerBed;
  beforeEach(async () => { bed = await openControllerBed(); });
  afterEach(async () => { await bed.close(); });

  const initJobs = (): { name: string; phase: string | undefined; host: string }[] => bed.informers.cache.byIndex('ResticJob', 'init', 'web1').map((job) => ({ name: job.metadata.name, phase: job.status?.phase, host: job.spec.hostRef.name }));

  it('is opened once by its only host and pins the id it was told (H5)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'));
    const waiting = await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Unknown');
    expect(conditionOf(waiting, 'Available')?.message).to.contain('waits for host web1');
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    const ready = await bed.when('Repository', 'web1', (it) => it.status?.id);
    expect(ready.status).to.include({ phase: 'Ready', id: 'ab'.repeat(32), hosts: 1, sharedTrust: false });
    await bed.settle();
    expect(initJobs()).to.have.length(1);
    expect(initJobs()[0]?.name).to.equal(initJobName('web1', ready.status?.credentialsHash ?? '', ''));
    const host = await bed.when('Host', 'web1', (it) => conditionOf(it, 'RepositoryReady')?.status === 'True');
    expect(conditionOf(host, 'RepositoryReady')?.reason).to.equal('Opened');
  });

  it('says which key of which Secret is missing, and recovers when it comes (H5)', async () => {
    await bed.create(aHost('web1'), aRepository('web1'));
    await bed.connect('web1');
    const missing = await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'SecretNotFound');
    expect(conditionOf(missing, 'Ready')?.message).to.contain('Secret default/repo-web1');
    await bed.create(aRepositorySecret('repo-web1', {}, { labels: {} }));
    await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'SecretNotLabelled');
    await bed.edit('Secret', 'repo-web1', (secret) => { secret.metadata.labels = { 'restic-manager.io/use': 'repository' }; secret.data = { LD_PRELOAD: 'eA==', password: 'eA==' }; });
    const refused = await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'SecretVariableRefused');
    expect(conditionOf(refused, 'Ready')?.message).to.contain('LD_PRELOAD');
    await bed.edit('Secret', 'repo-web1', (secret) => { secret.data = { username: 'eA==' }; });
    await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'SecretIncomplete');
    await bed.edit('Secret', 'repo-web1', (secret) => { secret.data = { password: 'eA==' }; });
    await bed.openRepository('web1');
  });

  it('opens again with saved credentials, and again with the first ones (H5)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'));
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    const password = async (text: string): Promise<void> => { await bed.edit('Secret', 'repo-web1', (secret) => { secret.data = { password: Buffer.from(text).toString('base64') }; }); };
    const offered = async (count: number): Promise<string> => {
      await bed.when('Repository', 'web1', () => initJobs().length === count && initJobs().some((job) => job.phase === 'Offered'));
      return initJobs().find((job) => job.phase === 'Offered')?.name ?? '';
    };
    bed.clock.advance(2000);
    await password('wrong');
    await bed.report(await offered(2), { phase: 'Failed', reason: 'WrongPassword', message: 'wrong password', exitCode: 12 });
    const refused = await bed.when('Repository', 'web1', (it) => it.status?.phase === 'InitFailed');
    expect(conditionOf(refused, 'Available')).to.include({ status: 'False', reason: 'WrongPassword', message: 'restic refused the repository password; set key password of Secret default/repo-web1' });
    bed.clock.advance(2000);
    await password('correct horse');
    await bed.report(await offered(3), { phase: 'Succeeded', reason: 'Opened', message: 'opened', repositoryID: 'ab'.repeat(32) });
    const again = await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Ready');
    expect(again.status?.id).to.equal('ab'.repeat(32));
  });

  it('tries an unreachable one again, ever less often, and a wrong password never (H5)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'));
    await bed.connect('web1');
    const fail = async (count: number, reason: string): Promise<void> => {
      await bed.when('Repository', 'web1', () => initJobs().length === count && initJobs().some((job) => job.phase === 'Offered'));
      await bed.report(initJobs().find((job) => job.phase === 'Offered')?.name ?? '', { phase: 'Failed', reason, message: `${reason}!` });
      await bed.when('Repository', 'web1', (it) => it.status?.phase === 'InitFailed');
    };
    await fail(1, 'RepositoryUnreachable');
    await bed.pass(10_000);
    expect(initJobs()).to.have.length(1);
    await bed.pass(6_000);
    await fail(2, 'RepositoryUnreachable');
    await bed.pass(20_000);
    expect(initJobs()).to.have.length(2);
    await bed.pass(12_000);
    await fail(3, 'WrongPassword');
    await bed.pass(2 * 3_600_000);
    expect(initJobs()).to.have.length(3);
  });

  it('raises an alarm when a run finds another repository, stops backups to it, and never makes a new one (H5)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }), aBackup('b1', 'web1', 'docs'));
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    bed.clock.advance(1000);
    await bed.report('b1', { phase: 'Failed', reason: 'NoRepository', message: 'repository does not exist', exitCode: 10 });
    const replaced = await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Replaced');
    expect(replaced.status?.id).to.equal('ab'.repeat(32));
    expect(conditionOf(replaced, 'Available')).to.include({ status: 'False', reason: 'Replaced' });
    expect(conditionOf(replaced, 'Ready')?.status).to.equal('True');
    await bed.create(aBackup('b2', 'web1', 'docs'));
    const stuck = await bed.when('ResticJob', 'b2', (it) => it.status?.reason === 'WaitingForRepository');
    expect(stuck.status?.message).to.contain('replaced or is gone');
    await bed.pass(130_000);
    const failed = await bed.when('ResticJob', 'b2', (it) => it.status?.phase === 'Failed');
    expect(failed.status?.reason).to.equal('RepositoryReplaced');
    expect(initJobs()).to.have.length(1);
  });

  it('stays Replaced when the job that showed it is gone, over a restart too, until the pinned one is seen (H5)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }), aBackup('b1', 'web1', 'docs'));
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    bed.clock.advance(1000);
    await bed.report('b1', { phase: 'Failed', reason: 'NoRepository', message: 'the disk is not mounted', exitCode: 10 });
    await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Replaced');
    await bed.remove('ResticJob', 'b1');
    await bed.whenGone('ResticJob', 'b1');
    await bed.restart();
    await bed.edit('Repository', 'web1', (it) => { it.spec.displayName = 'looked at again'; });
    const still = await bed.when('Repository', 'web1', (it) => it.status?.observedGeneration === it.metadata.generation);
    expect(still.status).to.include({ phase: 'Replaced' }).and.have.property('replacedTime');
    expect(conditionOf(still, 'Available')).to.include({ status: 'False', reason: 'Replaced', message: 'the disk is not mounted' });
    bed.clock.advance(1000);
    await bed.edit('Repository', 'web1', (it) => { it.metadata.annotations = { 'restic-manager.io/probe': '1' }; });
    await bed.openRepository('web1', 'ab'.repeat(32));
    expect((await bed.get('Repository', 'web1')).status).not.to.have.property('replacedTime');
  });

  it('is Ready again after a probe finds the pinned one, asked for by annotation', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'));
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    bed.clock.advance(1000);
    await bed.store.patchStatus('Repository', { namespace: 'default', name: 'web1' }, { observed: { repositoryID: 'cd'.repeat(32), time: new Date(bed.clock.now()).toISOString() } }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
    await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Replaced');
    bed.clock.advance(1000);
    await bed.edit('Repository', 'web1', (it) => { it.metadata.annotations = { 'restic-manager.io/probe': '1' }; });
    await bed.when('Repository', 'web1', () => initJobs().some((job) => job.phase === 'Offered'));
    await bed.report(initJobs().find((job) => job.phase === 'Offered')?.name ?? '', { phase: 'Succeeded', reason: 'Opened', message: '', repositoryID: 'ab'.repeat(32) });
    await bed.when('Repository', 'web1', (it) => it.status?.phase === 'Ready');
  });

  it('asks for a runner once two hosts share it, and moves an init nobody took to that runner', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'));
    await bed.connect('web1');
    await bed.when('Repository', 'web1', () => initJobs().length === 1);
    await bed.create(aHost('web2', { repositoryRef: { name: 'web1' } }));
    const stalled = await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'RunnerRequired');
    expect(stalled.status).to.include({ hosts: 2, sharedTrust: true });
    await bed.edit('Repository', 'web1', (it) => { it.spec.runner = { hostRef: { name: 'web1' } }; });
    await bed.when('Repository', 'web1', (it) => conditionOf(it, 'Ready')?.status === 'True');
    await bed.openRepository('web1');
    const plans = await Promise.all(['web1', 'web2'].map((name) => bed.when('Host', name, (it) => it.status?.desiredRevision)));
    expect(plans.map((host) => host.status?.planGeneration ?? 0).every((generation) => generation >= 1)).to.equal(true);
  });

  it('of two objects of one storage only the older opens it; the younger says whose it is, and has its turn when that one goes (H5, J9)', async () => {
    const inits = (): string[] => ['a', 'b'].flatMap((name) => bed.informers.cache.byIndex('ResticJob', 'init', name).map((job) => job.spec.repositoryRef?.name ?? ''));
    await bed.create(aHost('a'), aHost('b'), aRepositorySecret('repo-a'), aRepositorySecret('repo-b'));
    await bed.connect('a');
    await bed.connect('b');
    // Made in one second: the name decides.
    await bed.create(aRepository('a', { url: 'rest:http://Backup.example/shared/' }), aRepository('b', { url: 'rest:http://backup.example:80/shared' }));
    const younger = await bed.when('Repository', 'b', (it) => conditionOf(it, 'Stalled')?.reason === 'StorageTaken');
    expect(conditionOf(younger, 'Ready')).to.include({ status: 'False', reason: 'StorageTaken' });
    expect(conditionOf(younger, 'Ready')?.message).to.contain('the storage of Repository a already').and.contain('spec.repositoryRef: {name: a}');
    expect(conditionOf(younger, 'Available')?.message).to.contain('Repository a');
    await bed.settle();
    await bed.openRepository('a', 'ab'.repeat(32));
    await bed.settle();
    expect((await bed.get('Repository', 'b')).status).not.to.have.property('id');
    await bed.create(anInit('by-hand', 'b', 'b'), aGroup('docs', { hostRef: { name: 'b' } }), aBackup('backup-b', 'b', 'docs'));
    for (const job of ['by-hand', 'backup-b']) expect((await bed.when('ResticJob', job, (it) => it.status?.reason === 'WaitingForRepository')).status?.message).to.contain('the storage of Repository a already');
    await bed.restart();
    await bed.settle();
    expect(inits(), 'by-hand alone').to.deep.equal(['a', 'b']);
    await bed.edit('ResticJob', 'by-hand', (it) => { it.spec.cancel = true; });
    await bed.when('ResticJob', 'by-hand', (it) => it.status?.phase === 'Cancelled');
    await bed.remove('Repository', 'a');
    await bed.when('Repository', 'b', (it) => conditionOf(it, 'Stalled') === undefined);
    await bed.openRepository('b', 'ab'.repeat(32));
  });

  it('one directory is two repositories on two machines, and one on one (H5)', async () => {
    await bed.create(aHost('a'), aHost('b'), aHost('c'), ...['a', 'b', 'c'].flatMap((name) => [aRepositorySecret(`repo-${name}`), aRepository(name, { url: name === 'b' ? 'local:/srv/backup/' : '/srv/backup' })]));
    await bed.connect('a', { machineId: 'one' });
    await bed.connect('b', { machineId: 'two' });
    await bed.openRepository('a', 'ab'.repeat(32));
    await bed.openRepository('b', 'cd'.repeat(32));
    await bed.connect('c', { machineId: 'two' });
    const taken = await bed.when('Repository', 'c', (it) => conditionOf(it, 'Stalled')?.reason === 'StorageTaken');
    expect(conditionOf(taken, 'Stalled')?.message).to.contain('Repository b');
    expect((await bed.get('Repository', 'a')).status).to.include({ phase: 'Ready' });
  });

  it('an Init that somebody makes waits while another object of its storage is being opened (J9)', async () => {
    await bed.create(aHost('a'), aHost('b'), aRepositorySecret('repo-a'), aRepositorySecret('repo-b'), aRepository('b', { url: 's3:s3.example/bucket/x' }));
    await bed.connect('a');
    await bed.connect('b');
    await bed.when('Repository', 'b', (it) => it.status?.phase === 'Initializing');
    await bed.settle();
    await bed.create(aRepository('a', { url: 's3:https://s3.example/bucket/x/' })); // of the same second: the older one by name
    await bed.settle();
    const waiting = bed.informers.cache.byIndex('ResticJob', 'init', 'a').map(({ status }) => status?.message);
    expect(waiting).to.have.length(1);
    expect(waiting[0]).to.match(/^job b-init-[0-9a-f]{8} is opening repository b, which has the same storage$/);
    await bed.report(bed.informers.cache.byIndex('ResticJob', 'init', 'b')[0]?.metadata.name ?? '', { phase: 'Succeeded', reason: 'Initialized', message: '', repositoryID: 'ab'.repeat(32) });
    await bed.openRepository('a', 'ab'.repeat(32));
  });

  it('copies what its runner saw and never blanks it (E22)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'));
    const see = (observed: Record<string, unknown>): Promise<unknown> => bed.store.patchStatus('Repository', { namespace: 'default', name: 'web1' }, { observed }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
    await see({ sizeBytes: 42, snapshotCount: 3, formatVersion: 2 });
    await bed.when('Repository', 'web1', (it) => it.status?.sizeBytes === 42 && it.status.snapshotCount === 3);
    await see({ sizeBytes: null, snapshotCount: 4 });
    const after = await bed.when('Repository', 'web1', (it) => it.status?.snapshotCount === 4);
    expect(after.status?.sizeBytes).to.equal(42);
  });
});
