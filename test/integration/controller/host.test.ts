import { expect } from 'chai';
import { compilePlan } from '#controller/plan/compile.js';
import { conditionOf } from '#controller/status/conditions.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, aRepository, aRepositorySecret, aSchedule } from '../../builders/objects.js';

describe('a host, on the real store', () => {
  let bed: ControllerBed;
  beforeEach(async () => { bed = await openControllerBed(); });
  afterEach(async () => { await bed.close(); });
  const complete = (): Promise<void> => bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }));

  it('is Pending until its agent connects, Online then, Offline when it goes (E1, H1)', async () => {
    await complete();
    const pending = await bed.when('Host', 'web1', (it) => it.status?.phase === 'Pending');
    expect(conditionOf(pending, 'Online')).to.include({ status: 'False', reason: 'NeverConnected' });
    expect(conditionOf(pending, 'Ready')?.status, 'it is reconciled all the same').to.equal('True');
    await bed.connect('web1');
    const online = await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
    expect(conditionOf(online, 'Online')?.status).to.equal('True');
    await bed.disconnect('web1');
    const away = await bed.when('Host', 'web1', (it) => it.status?.phase === 'Offline');
    expect(conditionOf(away, 'Online')).to.include({ status: 'False', reason: 'Disconnected' });
  });

  it('is Asleep when it is a laptop, and Offline once it is not (H3)', async () => {
    await complete();
    await bed.edit('Host', 'web1', (host) => { host.spec.presence = 'Intermittent'; });
    await bed.connect('web1');
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
    await bed.disconnect('web1');
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Asleep' && conditionOf(it, 'Online')?.reason === 'Asleep');
    await bed.edit('Host', 'web1', (host) => { host.spec.presence = 'AlwaysOn'; });
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Offline');
  });

  it('is away when its gateway stops renewing its Lease, and back when the gateway is', async () => {
    await complete();
    await bed.connect('web1');
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
    await bed.pass(120_000);
    bed.clock.advance(41_000);
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Offline');
    await bed.renewLease();
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
  });

  it('stays Online over a restart of the server for two minutes, without a write, and no longer', async () => {
    await complete();
    await bed.connect('web1');
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
    await bed.settle();
    const { metadata } = await bed.get('Host', 'web1');
    bed.clock.advance(60_000);
    await bed.restart();
    await bed.settle();
    bed.clock.advance(100_000);
    await bed.settle();
    const held = await bed.get('Host', 'web1');
    expect(held.status?.phase).to.equal('Online');
    expect(held.metadata.resourceVersion).to.equal(metadata.resourceVersion);
    bed.clock.advance(21_000);
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Offline');
  });

  it('raises its plan generation with every new revision and never without one', async () => {
    await complete();
    await bed.settle();
    const first = await bed.get('Host', 'web1');
    const generation = first.status?.planGeneration ?? 0;
    expect(generation).to.be.at.least(1);
    await bed.edit('Host', 'web1', (host) => { host.metadata.labels = { env: 'lab' }; });
    await bed.settle();
    expect((await bed.get('Host', 'web1')).status?.planGeneration).to.equal(generation);
    await bed.edit('SourceGroup', 'docs', (group) => { group.spec.includes = ['/srv', '/etc']; });
    const second = await bed.when('Host', 'web1', (it) => it.status?.planGeneration === generation + 1);
    expect(second.status?.desiredRevision).to.not.equal(first.status?.desiredRevision);
    const compiled = compilePlan('web1', { cache: bed.informers.cache, planKey: bed.planKey, namespace: 'default' });
    expect(compiled.ok && compiled.revision).to.equal(second.status?.desiredRevision);
  });

  it('shows whether its agent has the plan (S6)', async () => {
    await complete();
    await bed.settle();
    const behind = await bed.when('Host', 'web1', (it) => conditionOf(it, 'Synced')?.reason === 'Offline');
    await bed.connect('web1');
    await bed.when('Host', 'web1', (it) => conditionOf(it, 'Synced')?.reason === 'PlanPending');
    await bed.store.patchStatus('Host', { namespace: 'default', name: 'web1' }, { appliedRevision: behind.status?.desiredRevision, appliedGeneration: 1 }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
    await bed.when('Host', 'web1', (it) => conditionOf(it, 'Synced')?.status === 'True');
  });

  it('stalls with the reason when its repository does not exist, and keeps its last plan when that is deleted later', async () => {
    await bed.create(aHost('web1'));
    const stalled = await bed.when('Host', 'web1', (it) => conditionOf(it, 'Stalled'));
    expect(conditionOf(stalled, 'Ready')).to.include({ reason: 'RepositoryNotFound', message: 'Repository default/web1 does not exist' });
    await bed.create(aRepositorySecret('repo-web1'), aRepository('web1'));
    const planned = await bed.when('Host', 'web1', (it) => it.status?.desiredRevision);
    await bed.remove('Repository', 'web1');
    const kept = await bed.when('Host', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'RepositoryNotFound');
    expect(kept.status?.desiredRevision).to.equal(planned.status?.desiredRevision);
    expect(conditionOf(kept, 'Synced')?.reason).to.equal('NoPlan');
  });

  it('refuses a plan over one MiB by name', async () => {
    await complete();
    await bed.create(...Array.from({ length: 8 }, (_, index) => aGroup(`big${String(index)}`, { hostRef: { name: 'web1' }, includes: Array.from({ length: 40 }, (__, path) => `/${String(index)}/${String(path)}/${'x'.repeat(4000)}`) })));
    const stalled = await bed.when('Host', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'PlanTooLarge');
    expect(conditionOf(stalled, 'Ready')?.message).to.contain('the limit is 1048576');
  });

  it('is refused when an older host has its fingerprint, or its snapshot host in the same repository', async () => {
    const fingerprint = `SHA256:${'A'.repeat(43)}`;
    await bed.create(aRepositorySecret('repo-shared'), aRepository('shared'), aHost('web1', { repositoryRef: { name: 'shared' }, enrollment: { fingerprint } }));
    await bed.when('Host', 'web1', (it) => conditionOf(it, 'Ready')?.status === 'True');
    bed.clock.advance(1000);
    await bed.create(aHost('web2', { repositoryRef: { name: 'shared' }, snapshotHost: 'web1' }), aHost('web3', { repositoryRef: { name: 'shared' }, enrollment: { fingerprint } }));
    await bed.when('Host', 'web2', (it) => conditionOf(it, 'Ready')?.reason === 'SnapshotHostTaken');
    await bed.when('Host', 'web3', (it) => conditionOf(it, 'Ready')?.reason === 'FingerprintTaken');
    expect(conditionOf(await bed.get('Host', 'web1'), 'Ready')?.status).to.equal('True');
    await bed.remove('Host', 'web1');
    await bed.when('Host', 'web2', (it) => conditionOf(it, 'Ready')?.status === 'True');
    await bed.when('Host', 'web3', (it) => conditionOf(it, 'Ready')?.status === 'True');
  });

  it('shows the next backup in the zone of its agent, and none while suspended (S6)', async () => {
    await complete();
    await bed.create(aSchedule('nightly', ['docs']));
    await bed.connect('web1', { timeZone: 'America/New_York' });
    await bed.when('Host', 'web1', (it) => it.status?.nextBackup === '2026-03-03T07:00:00Z');
    await bed.edit('Host', 'web1', (host) => { host.spec.suspend = true; });
    const suspended = await bed.when('Host', 'web1', (it) => it.status?.phase === 'Suspended' && it.status.nextBackup === undefined);
    expect(conditionOf(suspended, 'Online')?.status).to.equal('True');
    await bed.edit('Host', 'web1', (host) => { delete host.spec.suspend; });
    await bed.when('Host', 'web1', (it) => it.status?.nextBackup === '2026-03-03T07:00:00Z');
    await bed.pass(19 * 3_600_000 + 1000);
    await bed.when('Host', 'web1', (it) => it.status?.nextBackup === '2026-03-04T07:00:00Z');
  });

  it('keeps its last backup after the job is deleted (E23)', async () => {
    await complete();
    await bed.create(aBackup('b1', 'web1', 'docs', { startedBy: 'Agent' }));
    await bed.report('b1', { phase: 'Failed', reason: 'SourceMissing', message: '/srv is not there' });
    await bed.when('Host', 'web1', (it) => it.status?.lastBackup?.result === 'Failed');
    await bed.remove('ResticJob', 'b1');
    await bed.settle();
    expect((await bed.get('Host', 'web1')).status?.lastBackup?.jobName).to.equal('b1');
  });

  it('keeps when it last had a complete backup through later ones that failed, skipped files or were cancelled (E17)', async () => {
    await complete();
    const outcome = async (job: string, observed: Parameters<typeof bed.report>[1]): Promise<void> => {
      await bed.pass(60_000);
      await bed.create(aBackup(job, 'web1', 'docs', { startedBy: 'Agent' }));
      await bed.report(job, observed);
      await bed.when('Host', 'web1', (it) => it.status?.lastBackup?.jobName === job);
    };
    await outcome('first', { phase: 'Failed', reason: 'SourceMissing', message: '/srv is not there' });
    expect((await bed.get('Host', 'web1')).status?.lastBackup?.lastSuccessfulTime, 'never').to.equal(undefined);
    await outcome('good', { phase: 'Succeeded', reason: 'Completed', message: 'made' });
    const at = (await bed.get('ResticJob', 'good')).status?.completionTime;
    expect(at).to.be.a('string');
    await outcome('broken', { phase: 'Failed', reason: 'SourceMissing', message: '/srv is not there' });
    await outcome('stopped', { phase: 'Cancelled', reason: 'Cancelled', message: 'cancelled' });
    await outcome('partial', { phase: 'Succeeded', reason: 'Partial', message: 'one file was skipped', warnings: 1 });
    await bed.remove('ResticJob', 'good');
    await bed.settle();
    const { lastBackup } = (await bed.get('Host', 'web1')).status ?? {};
    expect([lastBackup?.result, lastBackup?.lastSuccessfulTime]).to.deep.equal(['Partial', at]);
    await outcome('again', { phase: 'Succeeded', reason: 'Completed', message: 'made' });
    expect((await bed.get('Host', 'web1')).status?.lastBackup?.lastSuccessfulTime).to.equal((await bed.get('ResticJob', 'again')).status?.completionTime);
  });

  it('tells in Events what happened, counting repeats (X1)', async () => {
    await complete();
    for (let round = 0; round < 3; round++) {
      await bed.connect('web1');
      await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
      await bed.disconnect('web1');
      await bed.when('Host', 'web1', (it) => it.status?.phase === 'Offline');
      await bed.settle();
    }
    const { metadata } = await bed.get('Host', 'web1');
    const events = bed.informers.cache.byIndex('Event', 'involved', metadata.uid);
    expect(events.map((event) => `${event.reason ?? ''} ${String(event.count)}`).sort()).to.deep.equal(['Connected 3', 'Disconnected 3']);
  });

  it('saves why a reconcile failed in its conditions, never a phase, and tries again', async () => {
    await complete();
    await bed.settle();
    let broken = true;
    await bed.restart((store) => ({
      ...store, get: store.get.bind(store), list: store.list.bind(store), watch: store.watch.bind(store), create: store.create.bind(store), update: store.update.bind(store), delete: store.delete.bind(store), patchMeta: store.patchMeta.bind(store), updateStatus: store.updateStatus.bind(store),
      patchStatus: async (kind, key, patch, options) => {
        if (broken && kind === 'Host' && 'phase' in patch) throw new Error('the disk said no');
        return store.patchStatus(kind, key, patch, options);
      },
    }));
    await bed.connect('web1');
    await bed.settle();
    expect((await bed.get('Host', 'web1')).status?.phase).to.equal('Pending');
    expect(bed.complaints.join()).to.contain('the disk said no');
    broken = false;
    bed.clock.advance(1000);
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
  });
});
