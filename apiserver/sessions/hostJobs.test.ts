import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { newObject, type ResticJob } from '#crds/kinds.js';
import type { JobFinished } from '#crds/wire/agentProtocol.gen.js';
import { asAdmin, asController, openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../../test/builders/scriptedAgent.js';
import { until } from '../../test/builders/until.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const ID = sha256('web1');

describe('jobs of a connected host', function () {
  this.timeout(30_000);
  let bed: SessionBed;
  let agent: ScriptedAgent;
  let seq = 0;
  const at = (name: string) => ({ namespace: 'default', name });
  const makeSecret = (name: string, use: string) => bed.store.create('Secret', newObject('Secret', { name, labels: { 'restic-manager.io/use': use } }, { stringData: { password: `canary-${name}` } }), asAdmin);
  before(async () => {
    bed = await openSessionBed();
    await makeSecret('everyday', 'repository');
    await bed.store.create('Repository', newObject('Repository', { name: 'web1' }, { spec: { url: '/srv/repo', credentialsSecretRef: { name: 'everyday' }, adminCredentialsSecretRef: { name: 'admin' } } }), asAdmin);
    await bed.store.patchStatus('Repository', at('web1'), { id: ID, phase: 'Ready' }, asController);
    const { bearer } = await bed.enrolledHost('web1');
    agent = await dialAgent(bed.port, bearer, signedHello(newAgentKey(), { storeEpoch: bed.store.epoch }));
    await agent.next('welcome');
    await until('the caches', () => bed.informers.cache.get('Repository', at('web1'))?.status?.id && bed.informers.cache.get('Host', at('web1')));
  });
  after(async () => { await bed.close(); });

  async function offered(name: string, spec: Partial<ResticJob['spec']> & Pick<ResticJob['spec'], 'type'>) {
    const job = await bed.store.create('ResticJob', newObject('ResticJob', { name }, { spec: { hostRef: { name: 'web1' }, ...spec } }), asAdmin);
    return bed.store.patchStatus('ResticJob', at(name), { phase: 'Offered', desiredRun: { id: job.metadata.uid, planGeneration: 1, state: 'Run' } }, asController);
  }
  async function finish(job: Awaited<ReturnType<typeof offered>>, rest: Partial<JobFinished>) {
    const payload: JobFinished = { identity: { job: job.metadata.name, runID: job.metadata.uid, type: job.spec.type, startedBy: 'Server' }, phase: 'Succeeded', reason: 'Completed', message: 'done', completionTime: new Date().toISOString(), ...rest };
    agent.send('job.finished', payload, ++seq);
    await agent.acked(seq);
    return (await bed.job(job.metadata.name)).status?.observed;
  }

  it('stay Offered and are not sent half-made while a Secret is gone, say so, and are sent when it is back', async () => {
    await offered('prune', { type: 'Prune' });
    const event = await until('an Event', () => bed.informers.cache.list('Event').find(({ reason }) => reason === 'NotSent'));
    expect(event.message).to.contain('Secret default/admin (spec.adminCredentialsSecretRef) does not exist');
    expect(event.message).to.not.contain('canary');
    expect(agent.none('job.run')).to.equal(true);
    expect((await bed.job('prune')).status).to.include({ phase: 'Offered' }).and.not.have.property('observed');
    await makeSecret('admin', 'repository-admin');
    const run = await agent.next('job.run');
    expect(run.identity).to.include({ job: 'prune', type: 'Prune' });
    expect(run.adminCredentials).to.deep.equal({ password: 'canary-admin' });
  });

  it('can be cancelled while they cannot be sent (J4)', async () => {
    await bed.store.delete('Secret', at('admin'), asAdmin);
    await until('the Secret to be gone', () => !bed.informers.cache.get('Secret', at('admin')));
    const job = await offered('prune-2', { type: 'Prune', cancel: true });
    await until('an Event', () => bed.informers.cache.list('Event').find(({ reason, involvedObject }) => reason === 'NotSent' && involvedObject.name === 'prune-2'));
    await bed.store.patchStatus('ResticJob', at('prune-2'), { desiredRun: { id: job.metadata.uid, planGeneration: 1, state: 'Stop' } }, asController);
    await until('its end', async () => (await bed.job('prune-2')).status?.observed?.phase === 'Cancelled');
    await makeSecret('admin', 'repository-admin');
    await until('the Secret', () => bed.informers.cache.get('Secret', at('admin')));
    expect(agent.none('job.run')).to.equal(true);
  });

  it('end Failed when no frame holds their arguments', async () => {
    const keepTags = Array.from({ length: 32 }, (_, index) => `${String(index)}${'x'.repeat(250)}`);
    const groups = Array.from({ length: 140 }, (_, index) => `g${String(index)}`);
    await Promise.all(groups.map((name) => bed.store.create('SourceGroup', newObject('SourceGroup', { name }, { spec: { hostRef: { name: 'web1' }, includes: ['/srv'], retention: { keepLast: 1, keepTags } } }), asAdmin)));
    await until('the groups', () => bed.informers.cache.list('SourceGroup').length === groups.length);
    await offered('huge', { type: 'Forget' });
    const observed = await until('its end', async () => (await bed.job('huge')).status?.observed);
    expect(observed).to.deep.include({ phase: 'Failed', reason: 'Unsupported', attempts: 0 });
    expect(observed.message).to.contain('use fewer source groups in this repository');
    expect(bed.records.findOutcome(at('huge'))?.observed.reason).to.equal('Unsupported');
    expect(agent.none('job.run')).to.equal(true);
    await Promise.all(groups.map((name) => bed.store.delete('SourceGroup', at(name), asAdmin)));
    await until('the groups to be gone', () => bed.informers.cache.list('SourceGroup').length === 0);
  });

  it('keep everything the agent tells of their end, in status and in records', async () => {
    const forget = await offered('forget', { type: 'Forget' });
    await agent.next('job.run');
    const plan = { hash: sha256('plan'), remove: 5, of: 9, reasons: ['RemovesTooMuch' as const, 'FutureSnapshots' as const] };
    const told = { forgetPlan: plan, skippedFiles: ['/root/a', 'name with\nnewline'], targetDirectory: '/root/rm-restore/x', summary: { snapshotsRemoved: 1, snapshotsKept: 8, locksLeft: 0, errorsFound: 2 }, exitCode: 3, warnings: 4, reason: 'ApprovalRequired', phase: 'Failed' as const };
    expect(await finish(forget, told)).to.deep.include(told);
    expect(bed.records.findOutcome(at('forget'))?.observed).to.deep.include(told);
  });

  it('tell which snapshots are known: those that backups made, in the host\'s own repository, at a time that can be true', async () => {
    const soon = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();
    const rows: [name: string, type: 'Backup' | 'Restore', rest: Partial<JobFinished>, known: boolean][] = [
      ['plain', 'Backup', { repositoryID: ID, snapshotID: sha256('1') }, true],
      ['partial', 'Backup', { repositoryID: ID, snapshotID: sha256('2'), reason: 'Partial' }, true],
      ['failed', 'Backup', { repositoryID: ID, snapshotID: sha256('3'), phase: 'Failed', reason: 'NothingRead' }, true],
      ['fast-clock', 'Backup', { repositoryID: ID, snapshotID: sha256('4'), completionTime: soon(50) }, true],
      ['future', 'Backup', { repositoryID: ID, snapshotID: sha256('5'), completionTime: soon(70) }, false],
      ['restore', 'Restore', { repositoryID: ID, snapshotID: sha256('6') }, false],
      ['elsewhere', 'Backup', { repositoryID: sha256('other'), snapshotID: sha256('7') }, false],
      ['none', 'Backup', { repositoryID: ID }, false],
    ];
    for (const [name, type, rest] of rows) {
      await finish(await offered(name, { type, ...(type === 'Restore' ? { restore: { snapshot: 'cafecafe', overwrite: 'Never' as const } } : { sourceGroupRef: { name: 'home' } }) }), rest);
    }
    const known = rows.filter(([, , , counts]) => counts).map(([, , { snapshotID }]) => snapshotID?.slice(0, 16));
    expect(bed.records.knownSnapshots(ID, 100)).to.have.members(known);
    expect(bed.records.knownSnapshots(sha256('other'), 100)).to.deep.equal([]);
    await offered('forget-2', { type: 'Forget' });
    const { forget } = await until('the frame', () => agent.frames.flatMap((frame) => (frame.type === 'job.run' && frame.payload.identity.job === 'forget-2' ? [frame.payload] : []))[0]);
    expect(forget?.known).to.have.members(known);
  });
});
