import { expect } from 'chai';
import { fingerprintOf } from '#controller/runtime/indexes.js';
import { conditionOf } from '#controller/status/conditions.js';
import { labels } from '#crds/kinds.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, anAnnouncement, aRepository, aRepositorySecret, aSchedule, aSecret, publicKeyOf } from '../../builders/objects.js';

const HOUR = 3_600_000;
let bed: ControllerBed;
beforeEach(async () => { bed = await openControllerBed(); });
afterEach(async () => { await bed.close(); });

describe('a source group, on the real store', () => {
  it('counts the hosts its selector matches, as labels change (X3)', async () => {
    await bed.create(aGroup('docs', { hostSelector: { matchLabels: { env: 'prod' } } }), aHost('web1', {}, { labels: { env: 'prod' } }), aHost('web2'));
    await bed.when('SourceGroup', 'docs', (it) => it.status?.matchedHosts === 1);
    await bed.edit('Host', 'web2', (host) => { host.metadata.labels = { env: 'prod' }; });
    await bed.when('SourceGroup', 'docs', (it) => it.status?.matchedHosts === 2);
    await bed.edit('Host', 'web1', (host) => { delete host.metadata.labels; });
    await bed.remove('Host', 'web2');
    const none = await bed.when('SourceGroup', 'docs', (it) => it.status?.matchedHosts === 0);
    expect(conditionOf(none, 'Ready')).to.include({ status: 'True', reason: 'NoHostMatches' });
  });

  it('stalls while its host does not exist, in whatever order objects come', async () => {
    await bed.create(aGroup('docs', { hostRef: { name: 'web1' }, tag: 'Docs' }));
    const stalled = await bed.when('SourceGroup', 'docs', (it) => conditionOf(it, 'Stalled')?.reason === 'HostNotFound');
    expect(stalled.status?.tag).to.equal('Docs');
    await bed.create(aHost('web1'));
    await bed.when('SourceGroup', 'docs', (it) => conditionOf(it, 'Ready')?.status === 'True');
  });

  it('writes its last backup at most every ten seconds', async () => {
    await bed.create(aGroup('docs', { hostRef: { name: 'web1' } }), aHost('web1'));
    await bed.settle();
    const back = async (name: string): Promise<void> => {
      await bed.create(aBackup(name, 'web1', 'docs', { startedBy: 'Agent' }));
      await bed.report(name, { runID: name, phase: 'Succeeded' });
      await bed.when('ResticJob', name, (it) => it.status?.phase === 'Succeeded');
      await bed.settle();
    };
    await back('r1');
    await bed.when('SourceGroup', 'docs', (it) => it.status?.lastBackupTime === '2026-03-02T12:00:00Z');
    bed.clock.advance(2000);
    await back('r2');
    expect((await bed.get('SourceGroup', 'docs')).status?.lastBackupTime).to.equal('2026-03-02T12:00:00Z');
    bed.clock.advance(9000);
    await bed.when('SourceGroup', 'docs', (it) => it.status?.lastBackupTime === '2026-03-02T12:00:02Z');
  });

  it('counts complete backups only as its last, and the host shows the partial one as what it was', async () => {
    await bed.create(aGroup('docs', { hostRef: { name: 'web1' } }), aHost('web1'));
    const back = async (name: string, reason: string, spec: object = {}): Promise<void> => {
      bed.clock.advance(11_000);
      await bed.create(aBackup(name, 'web1', 'docs', { startedBy: 'Agent', ...spec }));
      await bed.report(name, { runID: name, phase: 'Succeeded', reason });
      await bed.when('ResticJob', name, (it) => it.status?.phase === 'Succeeded');
      await bed.settle();
    };
    await back('r1', 'Completed');
    await bed.when('SourceGroup', 'docs', (it) => it.status?.lastBackupTime === '2026-03-02T12:00:11Z');
    await back('r2', 'Partial');
    await back('r3', 'Completed', { dryRun: true });
    bed.clock.advance(11_000);
    await bed.settle();
    expect((await bed.get('SourceGroup', 'docs')).status?.lastBackupTime).to.equal('2026-03-02T12:00:11Z');
    expect((await bed.get('Host', 'web1')).status?.lastBackup).to.include({ jobName: 'r2', result: 'Partial' });
    await back('r4', 'Unchanged');
    await bed.when('SourceGroup', 'docs', (it) => it.status?.lastBackupTime === '2026-03-02T12:00:55Z');
  });

  it('shows its retention, and whether its schedules feed it, as they change (S4)', async () => {
    await bed.create(aHost('web1'), aGroup('docs', { hostRef: { name: 'web1' }, retention: { keepDaily: 7, keepWeekly: 4 } }));
    const aligned = (status: string, reason: string): Promise<unknown> => bed.when('SourceGroup', 'docs', (it) => conditionOf(it, 'RetentionAligned')?.status === status && conditionOf(it, 'RetentionAligned')?.reason === reason);
    const unfed = await bed.when('SourceGroup', 'docs', (it) => it.status?.retention === '7d 4w');
    expect(conditionOf(unfed, 'RetentionAligned')).to.include({ status: 'False', reason: 'CadenceMismatch' });
    expect(conditionOf(unfed, 'Ready')?.status, 'it never lowers Ready').to.equal('True');
    await bed.create(aSchedule('nightly', ['docs']));
    await aligned('True', 'Aligned');
    await bed.edit('Schedule', 'nightly', (it) => { it.spec.suspend = true; });
    await aligned('False', 'CadenceMismatch');
    await bed.edit('Schedule', 'nightly', (it) => { delete it.spec.suspend; it.spec.schedule = '@weekly'; });
    await bed.settle();
    expect(conditionOf(await bed.get('SourceGroup', 'docs'), 'RetentionAligned')?.message).to.contain('spec.retention.keepDaily reaches');
    await bed.edit('SourceGroup', 'docs', (it) => { delete it.spec.retention; });
    await aligned('True', 'NoRetention');
    expect((await bed.get('SourceGroup', 'docs')).status?.retention).to.equal('none');
  });

  it('stalls while a script cannot be read, as its host does for its own, and the plan follows the Secret (E14)', async () => {
    const hooks = { pre: { secretKeyRef: { name: 'scripts', key: 'pre' } } };
    await bed.create(aHost('web1', { hooks }), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' }, hooks }));
    const stalled = await bed.when('SourceGroup', 'docs', (it) => conditionOf(it, 'Stalled')?.reason === 'HookSecretNotFound');
    expect(conditionOf(stalled, 'Ready')?.message).to.equal('Secret default/scripts (spec.hooks.pre.secretKeyRef) does not exist');
    const host = await bed.when('Host', 'web1', (it) => conditionOf(it, 'Stalled')?.reason === 'HookSecretNotFound');
    expect(host.status?.desiredRevision, 'there is a plan all the same').to.be.a('string');
    const script = aSecret('scripts', 'user', { pre: '#!/bin/sh' });
    await bed.create(script);
    await bed.when('SourceGroup', 'docs', (it) => conditionOf(it, 'Stalled')?.reason === 'HookSecretNotLabelled');
    await bed.edit('Secret', 'scripts', (it) => { it.metadata.labels = { 'restic-manager.io/use': 'hook' }; });
    await bed.when('SourceGroup', 'docs', (it) => conditionOf(it, 'Ready')?.status === 'True');
    await bed.when('Host', 'web1', (it) => conditionOf(it, 'Ready')?.status === 'True');
    await bed.settle();
    const before = (await bed.get('Host', 'web1')).status?.desiredRevision;
    await bed.edit('Secret', 'scripts', (it) => { it.data = { pre: Buffer.from('#!/bin/sh\nsync').toString('base64') }; });
    await bed.when('Host', 'web1', (it) => it.status?.desiredRevision !== before);
  });

  it('stops retention where it shares its tag with another on a host, and says it there (E2)', async () => {
    await bed.create(aHost('web1', {}, { labels: { env: 'prod' } }), aGroup('docs', { hostRef: { name: 'web1' }, retention: { keepLast: 1 } }), aGroup('policy', { hostSelector: { matchLabels: { env: 'prod' } }, tag: 'docs' }));
    const shared = await bed.when('Host', 'web1', (it) => conditionOf(it, 'RetentionAmbiguous')?.status === 'True');
    expect(conditionOf(shared, 'RetentionAmbiguous')).to.include({ reason: 'TagShared', message: 'several source groups share a tag on this host, so forget leaves its snapshots alone: docs (docs, policy)' });
    await bed.edit('Host', 'web1', (it) => { delete it.metadata.labels; });
    await bed.when('Host', 'web1', (it) => !conditionOf(it, 'RetentionAmbiguous'));
  });
});

describe('a schedule, on the real store', () => {
  it('shows groups, hosts, next and last run (S3, S6)', async () => {
    await bed.create(aHost('web1'), aHost('web2'), aGroup('docs', { hostRef: { name: 'web1' } }), aGroup('etc', { hostRef: { name: 'web2' } }), aSchedule('nightly', ['docs', 'etc'], { timeZone: 'Europe/Berlin' }));
    const shown = await bed.when('Schedule', 'nightly', (it) => it.status?.hosts?.matched === 2);
    expect(shown.status).to.deep.include({ groups: 'docs,etc', hosts: { matched: 2, synced: 0 }, nextRun: '2026-03-03T01:00:00Z' });
    expect(conditionOf(shown, 'Synced')).to.include({ status: 'False', reason: 'PlanPending', message: '2 of 2 hosts have not applied their newest plan' });
    await bed.create(aBackup('nightly-1', 'web1', 'docs', { startedBy: 'Agent' }, { labels: { [labels.schedule]: 'nightly' } }));
    bed.clock.advance(30_000);
    await bed.report('nightly-1', { runID: 'nightly-1', phase: 'Succeeded', reason: 'Partial' });
    await bed.when('Schedule', 'nightly', (it) => it.status?.lastRunResult === 'Partial' && it.status.lastRunTime === '2026-03-02T12:00:30Z');
  });

  it('counts the hosts whose agent has the plan', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }), aSchedule('nightly', ['docs']));
    const host = await bed.when('Host', 'web1', (it) => it.status?.desiredRevision);
    await bed.settle();
    await bed.store.patchStatus('Host', { namespace: 'default', name: 'web1' }, { appliedRevision: (await bed.get('Host', host.metadata.name)).status?.desiredRevision }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
    await bed.settle();
    bed.clock.advance(10_000);
    const synced = await bed.when('Schedule', 'nightly', (it) => it.status?.hosts?.synced === 1);
    expect(conditionOf(synced, 'Synced')).to.include({ status: 'True', reason: 'PlanApplied' });
  });

  it('says which host\'s agent cannot run it, in the agent\'s words, for as long as that is so (S6, E12)', async () => {
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }), aSchedule('nightly', ['docs']));
    await bed.when('Host', 'web1', (it) => it.status?.desiredRevision);
    const says = async (stalledSchedules: { name: string; message: string }[] | null): Promise<void> => {
      await bed.settle();
      await bed.store.patchStatus('Host', { namespace: 'default', name: 'web1' }, { appliedRevision: stalledSchedules ? 'old' : 'new', stalledSchedules }, { principal: { name: 's', role: 'system' }, door: 'session', fieldManager: 's' });
      await bed.settle();
      bed.clock.advance(10_000);
    };
    await says([{ name: 'nightly', message: '"0 2 * * *" is not a cron expression' }, { name: 'other', message: 'x' }]);
    const stalled = await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Synced')?.reason === 'ScheduleStalled');
    expect(conditionOf(stalled, 'Synced')).to.include({ status: 'False', message: 'host web1: "0 2 * * *" is not a cron expression' });
    expect(conditionOf(stalled, 'Ready')?.status, 'the spec is valid').to.equal('True');
    await says(null);
    await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Synced')?.reason === 'PlanPending');
  });

  it('stalls naming the missing group, and is Ready when it comes (E12)', async () => {
    await bed.create(aSchedule('nightly', ['docs', 'etc']));
    const stalled = await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Ready')?.reason === 'GroupNotFound');
    expect(conditionOf(stalled, 'Ready')?.message).to.equal('SourceGroup docs, etc (spec.sourceGroupRefs) does not exist');
    await bed.create(aGroup('docs', { hostSelector: { matchLabels: { a: 'b' } } }), aGroup('etc', { hostSelector: { matchLabels: { a: 'b' } } }));
    await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Ready')?.status === 'True');
  });

  it('has no next run while suspended', async () => {
    await bed.create(aSchedule('nightly', ['docs'], { suspend: true }), aGroup('docs', { hostSelector: { matchLabels: { a: 'b' } } }));
    const shown = await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Ready')?.status === 'True');
    expect(shown.status?.nextRun).to.equal(undefined);
  });
});

describe('an announcement, on the real store', () => {
  it('shows its fingerprint and becomes the Host that a person makes with it (H8)', async () => {
    await bed.create(anAnnouncement('web1'));
    const pending = await bed.when('EnrollmentRequest', 'web1', (it) => it.status?.phase === 'Pending');
    const fingerprint = fingerprintOf(publicKeyOf('web1'));
    expect(pending.status).to.include({ fingerprint, expiresTime: '2026-03-02T13:00:00Z', hostnameCollision: false });
    expect(fingerprint).to.match(/^SHA256:[A-Za-z0-9+/]{43}$/);
    await bed.create(aHost('renamed', { enrollment: { fingerprint } }));
    const enrolled = await bed.when('EnrollmentRequest', 'web1', (it) => it.status?.phase === 'Enrolled');
    expect(enrolled.status?.hostRef?.name).to.equal('renamed');
  });

  it('is Enrolled at once when Git declared the Host before (X4)', async () => {
    await bed.create(aHost('web1', { enrollment: { fingerprint: fingerprintOf(publicKeyOf('web1')) } }), anAnnouncement('web1'));
    const enrolled = await bed.when('EnrollmentRequest', 'web1', (it) => it.status?.phase === 'Enrolled');
    expect(enrolled.status?.hostRef?.name).to.equal('web1');
  });

  it('flags a hostname that another host or request has, and not its own earlier announcement (E4)', async () => {
    await bed.create(aHost('web1'), anAnnouncement('a1', { hostname: 'web1.example.org' }), anAnnouncement('a2', { hostname: 'db1' }), anAnnouncement('a3', { hostname: 'db1', publicKey: publicKeyOf('a2') }));
    await bed.when('EnrollmentRequest', 'a1', (it) => it.status?.hostnameCollision === true);
    await bed.when('EnrollmentRequest', 'a3', (it) => it.status?.hostnameCollision === false);
    await bed.create(anAnnouncement('a4', { hostname: 'DB1' }));
    await bed.when('EnrollmentRequest', 'a2', (it) => it.status?.hostnameCollision === true);
  });

  it('is denied by a person, and runs out after an hour and is removed an hour later (E30)', async () => {
    await bed.create(anAnnouncement('a1'), anAnnouncement('a2'));
    await bed.edit('EnrollmentRequest', 'a1', (it) => { it.spec.denied = true; });
    await bed.when('EnrollmentRequest', 'a1', (it) => it.status?.phase === 'Denied');
    await bed.pass(HOUR);
    await bed.when('EnrollmentRequest', 'a2', (it) => it.status?.phase === 'Expired');
    await bed.pass(HOUR + 1000);
    await bed.whenGone('EnrollmentRequest', 'a1');
    await bed.whenGone('EnrollmentRequest', 'a2');
  });
});

describe('what removes objects that are over', () => {
  const owned = (uid: string, name: string, more: object = {}): { apiVersion: string; kind: string; name: string; uid: string } => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', name, uid, ...more });

  it('deletes what a deleted host owned, and nothing else (H4)', async () => {
    await bed.create(aHost('web1'), aHost('web2'));
    const { uid } = (await bed.get('Host', 'web1')).metadata;
    const other = (await bed.get('Host', 'web2')).metadata.uid;
    await bed.create(aGroup('own', { hostRef: { name: 'web1' } }, { ownerReferences: [owned(uid, 'web1')] }), aGroup('free', { hostRef: { name: 'web1' } }), aGroup('shared', { hostRef: { name: 'web1' } }, { ownerReferences: [owned(uid, 'web1'), owned(other, 'web2')] }));
    await bed.remove('Host', 'web1');
    await bed.whenGone('SourceGroup', 'own');
    await bed.when('SourceGroup', 'shared', (it) => it.metadata.ownerReferences?.length === 1);
    await bed.get('SourceGroup', 'free');
  });

  it('deletes dependants first when asked to (foreground), and sets them free when asked to (orphan)', async () => {
    const person = { principal: { name: 'alice', role: 'admin' as const }, door: 'resources' as const, fieldManager: 'kubectl' };
    await bed.create(aHost('web1'), aHost('web2'));
    const [first, second] = [(await bed.get('Host', 'web1')).metadata.uid, (await bed.get('Host', 'web2')).metadata.uid];
    await bed.create(aGroup('g1', { hostRef: { name: 'web1' } }, { ownerReferences: [owned(first, 'web1', { blockOwnerDeletion: true })] }), aGroup('g2', { hostRef: { name: 'web2' } }, { ownerReferences: [owned(second, 'web2')] }));
    await bed.store.delete('Host', { namespace: 'default', name: 'web1' }, { ...person, propagationPolicy: 'Foreground' });
    await bed.whenGone('SourceGroup', 'g1');
    for (let round = 0; round < 3; round++) { bed.clock.advance(1000); await bed.settle(); }
    await bed.whenGone('Host', 'web1');
    await bed.store.delete('Host', { namespace: 'default', name: 'web2' }, { ...person, propagationPolicy: 'Orphan' });
    await bed.whenGone('Host', 'web2');
    await bed.when('SourceGroup', 'g2', (it) => (it.metadata.ownerReferences ?? []).length === 0);
  });

  it('deletes a finished job after its ttl and not before', async () => {
    await bed.create(aHost('web1'), aBackup('b1', 'web1', 'docs', { startedBy: 'Agent', ttlSecondsAfterFinished: 600 }));
    await bed.report('b1', { runID: 'b1', phase: 'Succeeded' });
    await bed.when('ResticJob', 'b1', (it) => it.status?.phase === 'Succeeded');
    await bed.pass(590_000);
    await bed.get('ResticJob', 'b1');
    await bed.pass(20_000);
    await bed.whenGone('ResticJob', 'b1');
  });

  it('keeps the newest runs per schedule, group and host, successes and failures apart (J7)', async () => {
    await bed.create(aHost('web1'), aHost('web2'), aSchedule('nightly', ['docs'], { successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 1 }));
    const run = async (name: string, host: string, phase: 'Succeeded' | 'Failed'): Promise<void> => {
      await bed.create(aBackup(name, host, 'docs', { startedBy: 'Agent' }, { labels: { [labels.schedule]: 'nightly' } }));
      bed.clock.advance(1000);
      await bed.report(name, { runID: name, phase });
      await bed.when('ResticJob', name, (it) => it.status?.phase === phase);
    };
    for (const name of ['s1', 's2', 's3', 's4']) await run(name, 'web1', 'Succeeded');
    for (const name of ['f1', 'f2']) await run(name, 'web1', 'Failed');
    await run('other', 'web2', 'Succeeded');
    await bed.pass(6000);
    for (const gone of ['s1', 's2', 'f1']) await bed.whenGone('ResticJob', gone);
    for (const kept of ['s3', 's4', 'f2', 'other']) await bed.get('ResticJob', kept);
    await bed.edit('Schedule', 'nightly', (schedule) => { schedule.spec.successfulJobsHistoryLimit = 1; });
    await bed.settle();
    await bed.pass(6000);
    await bed.whenGone('ResticJob', 's3');
  });

  it('forgets events after an hour', async () => {
    await bed.create(aHost('web1'));
    await bed.connect('web1');
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Online');
    await bed.disconnect('web1');
    await bed.when('Host', 'web1', (it) => it.status?.phase === 'Offline');
    await bed.settle();
    expect(bed.informers.cache.list('Event')).to.have.length(2);
    await bed.pass(HOUR + 120_000);
    expect(bed.informers.cache.list('Event')).to.have.length(0);
  });
});
