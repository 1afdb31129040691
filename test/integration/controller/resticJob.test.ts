import { expect } from 'chai';
import { conditionOf } from '#controller/status/conditions.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, aRepository, aRepositorySecret } from '../../builders/objects.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('a job, on the real store', () => {
  let bed: ControllerBed;
  beforeEach(async () => {
    bed = await openControllerBed();
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }));
  });
  afterEach(async () => { await bed.close(); });

  const ready = async (): Promise<void> => {
    await bed.connect('web1');
    await bed.openRepository('web1', 'ab'.repeat(32));
    await bed.settle();
  };

  it('is offered with the generation of a plan that has all it needs, runs, and ends as the agent says (J1)', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    const offered = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    const host = await bed.get('Host', 'web1');
    expect(offered.status?.desiredRun).to.deep.equal({ id: offered.metadata.uid, planGeneration: host.status?.planGeneration, state: 'Run' });
    expect(conditionOf(offered, 'Succeeded')?.status).to.equal('Unknown');
    expect(conditionOf(offered, 'Reconciling')?.status).to.equal('True');
    await bed.report('b1', { phase: 'Running', attempts: 1 });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Running');
    bed.clock.advance(95_000);
    await bed.report('b1', { phase: 'Succeeded', reason: 'Completed', message: '3 files new', exitCode: 0, snapshotID: 'cafe', summary: { bytesAdded: 7 } });
    const done = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Succeeded');
    expect(done.status).to.include({ duration: '1m 35s', snapshotID: 'cafe', exitCode: 0, reason: 'Completed' });
    expect(conditionOf(done, 'Succeeded')?.status).to.equal('True');
    expect(conditionOf(done, 'Complete')?.status).to.equal('True');
    expect(conditionOf(done, 'Reconciling')).to.equal(undefined);
    const after = await bed.when('Host', 'web1', (it) => it.status?.lastBackup?.jobName === 'b1');
    expect(after.status?.lastBackup).to.include({ result: 'Succeeded', snapshotID: 'cafe', bytesAdded: 7 });
  });

  it('is a success that was not complete when files were skipped', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.report('b1', { phase: 'Succeeded', reason: 'Partial', message: '2 files could not be read', exitCode: 3, warnings: 2 });
    const done = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Succeeded');
    expect(conditionOf(done, 'Complete')).to.include({ status: 'False', reason: 'Partial', message: '2 files could not be read' });
    await bed.when('Host', 'web1', (it) => it.status?.lastBackup?.result === 'Partial');
  });

  it('waits visibly for its host and fails at its starting deadline (E9)', async () => {
    await bed.create(aBackup('b1', 'web1', 'docs', { startingDeadlineSeconds: 600 }));
    const waiting = await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'WaitingForHost');
    expect(waiting.status).to.include({ phase: 'Queued', message: 'host web1 is not online' });
    await bed.pass(599_000);
    expect((await bed.get('ResticJob', 'b1')).status?.phase).to.equal('Queued');
    await bed.pass(2_000);
    const failed = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed');
    expect(failed.status?.reason).to.equal('StartingDeadlineExceeded');
    expect(bed.records.findOutcome({ namespace: 'default', name: 'b1' }), 'it never ran').to.equal(undefined);
  });

  it('waits for the repository to be known before a backup may go to it (H5)', async () => {
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.connect('web1');
    await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'WaitingForRepository');
    await bed.openRepository('web1');
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
  });

  it('gets a plan generation newer than a credential saved just before it (E8)', async () => {
    await ready();
    const before = (await bed.get('Host', 'web1')).status?.planGeneration ?? 0;
    await bed.edit('Secret', 'repo-web1', (secret) => { secret.data = { password: 'bmV3' }; });
    await bed.create(aBackup('b1', 'web1', 'docs'));
    const first = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered' || it.status?.reason === 'WaitingForTurn');
    if (first.status?.phase !== 'Offered') await bed.report(bed.informers.cache.byIndex('ResticJob', 'init', 'web1').find((job) => job.status?.phase === 'Offered')?.metadata.name ?? '', { phase: 'Succeeded', repositoryID: 'ab'.repeat(32) });
    const offered = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    expect(offered.status?.desiredRun?.planGeneration).to.be.greaterThan(before);
  });

  it('starts one at a time per host, the oldest first', async () => {
    await ready();
    for (const name of ['b1', 'b2', 'b3']) await bed.create(aBackup(name, 'web1', 'docs'));
    await bed.settle();
    const phases = async (): Promise<unknown[]> => (await Promise.all(['b1', 'b2', 'b3'].map((name) => bed.get('ResticJob', name)))).map((job) => job.status?.phase === 'Queued' ? job.status.reason : job.status?.phase);
    expect(await phases()).to.deep.equal(['Offered', 'WaitingForTurn', 'WaitingForTurn']);
    await bed.report('b1', { phase: 'Succeeded' });
    await bed.when('ResticJob', 'b2', (it) => it.status?.phase === 'Offered');
    await bed.settle();
    expect(await phases()).to.deep.equal(['Succeeded', 'Offered', 'WaitingForTurn']);
  });

  it('never offers two of many made at once for one host (J9)', async () => {
    await ready();
    const names = Array.from({ length: 12 }, (_, index) => `b${String(index).padStart(2, '0')}`);
    await Promise.all(names.map((name) => bed.create(aBackup(name, 'web1', 'docs'))));
    for (let round = 0; round < names.length; round++) {
      await bed.settle();
      const offered = bed.informers.cache.byIndex('ResticJob', 'active', 'web1').filter((job) => job.status?.phase === 'Offered');
      expect(offered, `round ${String(round)}`).to.have.length(1);
      await bed.report(offered[0]?.metadata.name ?? '', { phase: 'Succeeded' });
      await bed.when('ResticJob', offered[0]?.metadata.name ?? '', (it) => it.status?.phase === 'Succeeded');
    }
  });

  it('is cancelled before the offer, and once over stays what it was (J4, E23)', async () => {
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Queued');
    await bed.edit('ResticJob', 'b1', (job) => { job.spec.cancel = true; });
    const cancelled = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Cancelled');
    expect(cancelled.status?.reason).to.equal('CancelledBeforeStart');
    expect(conditionOf(cancelled, 'Succeeded')?.status).to.equal('False');
  });

  it('asks the agent to stop after the offer and believes its report (J4)', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.edit('ResticJob', 'b1', (job) => { job.spec.cancel = true; });
    const stopping = await bed.when('ResticJob', 'b1', (it) => it.status?.desiredRun?.state === 'Stop');
    expect(stopping.status?.phase).to.equal('Offered');
    expect(stopping.status?.desiredRun?.planGeneration, 'the rest of desiredRun stays').to.be.a('number');
    await bed.report('b1', { phase: 'Succeeded', reason: 'Completed' });
    const done = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Succeeded');
    expect(done.status?.reason).to.equal('Completed');
  });

  it('is stopped when it runs longer than its group allows', async () => {
    await bed.edit('SourceGroup', 'docs', (group) => { group.spec.activeDeadlineSeconds = 300; });
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.report('b1', { phase: 'Running' });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Running');
    await bed.pass(301_000);
    const stopping = await bed.when('ResticJob', 'b1', (it) => it.status?.desiredRun?.state === 'Stop');
    expect(stopping.status?.phase).to.equal('Running');
    await bed.report('b1', { phase: 'Failed', reason: 'DeadlineExceeded', message: 'stopped after 300 s' });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed' && it.status.reason === 'DeadlineExceeded');
  });

  it('gets the stored result when its name ran before, and is not run again (E9)', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.report('b1', { phase: 'Succeeded', snapshotID: 'cafe', message: 'first' });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Succeeded');
    await bed.remove('ResticJob', 'b1');
    await bed.create(aBackup('b1', 'web1', 'docs'));
    const again = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Succeeded');
    expect(again.status).to.include({ reason: 'AlreadyRan', snapshotID: 'cafe' });
    expect(again.status?.desiredRun).to.equal(undefined);
  });

  it('runs without an offer when the agent began it, and is never offered (S7)', async () => {
    await bed.create(aBackup('nightly-1', 'web1', 'docs', { startedBy: 'Agent', origin: { type: 'Schedule', name: 'nightly' } }));
    await bed.when('ResticJob', 'nightly-1', (it) => it.status?.reason === 'WaitingForAgent');
    await bed.report('nightly-1', { runID: 'nightly-1', phase: 'Running' });
    const running = await bed.when('ResticJob', 'nightly-1', (it) => it.status?.phase === 'Running');
    expect(running.status?.desiredRun).to.equal(undefined);
    await bed.edit('ResticJob', 'nightly-1', (job) => { job.spec.cancel = true; });
    const stopping = await bed.when('ResticJob', 'nightly-1', (it) => it.status?.desiredRun?.state === 'Stop');
    expect(stopping.status?.desiredRun).to.deep.equal({ id: 'nightly-1', state: 'Stop' });
    await bed.report('nightly-1', { runID: 'nightly-1', phase: 'Cancelled', reason: 'Cancelled' });
    await bed.when('ResticJob', 'nightly-1', (it) => it.status?.phase === 'Cancelled');
  });

  it('fails with the reason when waiting is hopeless, and not before objects had time to come (J5)', async () => {
    await bed.connect('web1');
    await bed.create(aBackup('b1', 'web1', 'nogroup'));
    const waiting = await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'GroupNotFound');
    expect(waiting.status?.phase).to.equal('Queued');
    expect(conditionOf(waiting, 'Stalled')?.reason).to.equal('GroupNotFound');
    await bed.pass(119_000);
    expect((await bed.get('ResticJob', 'b1')).status?.phase).to.equal('Queued');
    await bed.pass(2_000);
    const failed = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed');
    expect(failed.status).to.include({ reason: 'GroupNotFound', message: 'SourceGroup default/nogroup (spec.sourceGroupRef) does not exist' });
  });

  it('starts when what it missed comes within two minutes, however long it had waited before (J5)', async () => {
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'WaitingForHost');
    await bed.pass(DAY);
    const secret = await bed.get('Secret', 'repo-web1');
    await bed.remove('Secret', 'repo-web1');
    await bed.connect('web1');
    await bed.when('ResticJob', 'b1', (it) => conditionOf(it, 'Stalled'));
    await bed.pass(60_000);
    await bed.create(aRepositorySecret('repo-web1', { password: Buffer.from(secret.data?.['password'] ?? '', 'base64').toString() }));
    await bed.openRepository('web1');
    const offered = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    expect(conditionOf(offered, 'Stalled')).to.equal(undefined);
  });

  it('fails with NoCredentials when the Secret of its repository does not come (J5)', async () => {
    await bed.remove('Secret', 'repo-web1');
    await bed.connect('web1');
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.message?.includes('Secret default/repo-web1'));
    await bed.pass(121_000);
    const failed = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed');
    expect(failed.status?.reason).to.equal('NoCredentials');
  });

  it('ends when its host is deleted', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.remove('Host', 'web1');
    const ended = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed');
    expect(ended.status?.reason).to.equal('HostNotFound');
  });

  it('gives up seven days past its deadline when the host stays away', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs', { startingDeadlineSeconds: 3600, activeDeadlineSeconds: 7200 }));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.disconnect('web1');
    bed.clock.advance(7 * DAY);
    await bed.pass(HOUR);
    expect((await bed.get('ResticJob', 'b1')).status?.phase).to.equal('Offered');
    await bed.pass(2 * HOUR);
    const failed = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed');
    expect(failed.status?.reason).to.equal('HostUnreachable');
    expect(bed.records.findOutcome({ namespace: 'default', name: 'b1' })?.observed.reason, 'its name does not run again').to.equal('HostUnreachable');
  });

  it('counts those seven days from the deadline of the run that began, not from when the job was made', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs', { activeDeadlineSeconds: 7200 }));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.pass(5 * HOUR);
    await bed.report('b1', { phase: 'Running' });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Running');
    await bed.disconnect('web1');
    bed.clock.advance(7 * DAY);
    await bed.pass(HOUR);
    expect((await bed.get('ResticJob', 'b1')).status?.phase, 'an hour before').to.equal('Running');
    await bed.pass(HOUR);
    const failed = await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed');
    expect(failed.status?.reason).to.equal('HostUnreachable');
    expect(failed.status?.message).to.contain('seven days past');
  });

  it('is not offered on a suspended host', async () => {
    await ready();
    await bed.edit('Host', 'web1', (host) => { host.spec.suspend = true; });
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.reason === 'Suspended');
    await bed.edit('Host', 'web1', (host) => { delete host.spec.suspend; });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
  });

  it('survives a restart of the server at any point: nothing is decided from memory (J4)', async () => {
    await ready();
    await bed.create(aBackup('b1', 'web1', 'docs'));
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Offered');
    await bed.restart();
    await bed.settle();
    const offered = await bed.get('ResticJob', 'b1');
    await bed.restart();
    await bed.settle();
    expect((await bed.get('ResticJob', 'b1')).metadata.resourceVersion, 'a restart writes nothing').to.equal(offered.metadata.resourceVersion);
    await bed.report('b1', { phase: 'Failed', reason: 'SourceMissing', message: '/srv does not exist' });
    await bed.restart();
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Failed' && it.status.reason === 'SourceMissing');
  });
});
