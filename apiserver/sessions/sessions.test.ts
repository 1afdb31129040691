import { expect } from 'chai';
import { createHmac } from 'node:crypto';
import { compilePlan } from '#controller/plan/compile.js';
import { newObject, type ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { textOf } from '#crds/wire/logLines.js';
import { asAdmin, asController, openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../../test/builders/scriptedAgent.js';
import { until } from '../../test/builders/until.js';
import { verifySignature } from './signing.js';

describe('sessions', function () {
  let bed: SessionBed;
  const agents: ScriptedAgent[] = [];
  before(async () => { bed = await openSessionBed(); });
  after(async () => { await bed.close(); });
  afterEach(async () => { for (const agent of agents.splice(0)) if (agent.closed === undefined) await agent.kill(); });

  const key = newAgentKey();
  let serial = 0;
  const unique = (stem: string): string => `${stem}-${String(++serial)}`;

  async function connected(name: string, bearer: string, changes: Parameters<typeof signedHello>[1] = {}): Promise<ScriptedAgent> {
    const agent = await dialAgent(bed.port, bearer, signedHello(key, { storeEpoch: bed.store.epoch, ...changes }));
    agents.push(agent);
    await agent.next('welcome');
    await until('connection in status', () => bed.informers.cache.get('Host', { namespace: 'default', name })?.status?.connection);
    return agent;
  }
  async function dial(bearer: string | undefined, hello = signedHello(key)): Promise<ScriptedAgent> {
    const agent = await dialAgent(bed.port, bearer, hello);
    agents.push(agent);
    return agent;
  }
  /** A job as the reconciler offers it. */
  async function offeredJob(host: string, name = unique('job'), spec: Partial<ResticJob['spec']> = {}): Promise<Stored<ResticJob>> {
    const job = await bed.store.create('ResticJob', newObject('ResticJob', { name }, { spec: { hostRef: { name: host }, type: 'Backup', sourceGroupRef: { name: 'home' }, ...spec } }), asAdmin);
    return bed.store.patchStatus('ResticJob', { namespace: 'default', name }, { phase: 'Offered', desiredRun: { id: job.metadata.uid, planGeneration: 3, state: 'Run' } }, asController);
  }
  const identityOf = (job: Stored<ResticJob>): JobIdentity => ({ job: job.metadata.name, runID: job.metadata.uid, type: 'Backup', startedBy: 'Server', sourceGroup: 'home' });
  const line = (seq: number, payload = `line ${String(seq)}`) => ({ seq, ts: '2026-01-01T00:00:00.000Z', stream: 'stdout' as const, payload });
  const text = (seq: number) => textOf(line(seq));
  const finished = (identity: JobIdentity, phase: 'Succeeded' | 'Failed' | 'Cancelled' = 'Succeeded') => ({ identity, phase, reason: phase === 'Succeeded' ? 'Completed' : 'ResticFailed', message: 'done', completionTime: '2026-01-01T00:01:00Z', exitCode: 0 });

  describe('letting agents in', () => {
    it('welcomes an agent and writes connection, agent and key once', async () => {
      const { host, bearer } = await bed.enrolledHost('web1');
      const agent = await dial(bearer, signedHello(key, { resticVersion: '0.19.1' }));
      const welcome = await agent.next('welcome');
      expect(welcome).to.include({ hostName: 'web1', hostID: host.metadata.uid, storeEpoch: bed.store.epoch, heartbeatSeconds: 30 });
      const { status } = await until('status', () => { const h = bed.informers.cache.get('Host', { namespace: 'default', name: 'web1' }); return h?.status?.connection ? h : undefined; });
      expect(status?.connection).to.include({ gateway: 'gateway-1' });
      expect(status?.agent).to.include({ os: 'linux', resticVersion: '0.19.1', publicKey: key.publicKey });
      expect(bed.sessions.onlineHosts()).to.equal(1);
      await agent.leave();
      const after = await until('disconnect', () => { const h = bed.informers.cache.get('Host', { namespace: 'default', name: 'web1' }); return h?.status?.lastSeenTime ? h : undefined; });
      expect(after.status).to.not.have.property('connection');
    });
    it('refuses a wrong or missing bearer on the upgrade', async () => {
      expect((await dial('nonsense')).refusedStatus).to.equal(401);
      expect((await dial(undefined)).refusedStatus).to.equal(401);
    });
    it('refuses protocol versions outside its range by name', async () => {
      const { bearer } = await bed.enrolledHost('old1');
      const agent = await dial(bearer, signedHello(key, { protocolVersion: 99 }));
      expect(await agent.next('refused')).to.include({ reason: 'protocol_too_new', maxProtocol: 1 });
      expect(await agent.untilClosed()).to.equal(4005);
    });
    it('accepts an unsigned hello only until the host has a key on record', async () => {
      const { bearer } = await bed.enrolledHost('keyless');
      const first = await dial(bearer, signedHello(key, { signature: '' }));
      await first.next('welcome');
      await first.kill();
      await (await connected('keyless', bearer)).kill();
      await until('key', () => bed.informers.cache.get('Host', { namespace: 'default', name: 'keyless' })?.status?.agent?.publicKey);
      const unsigned = await dial(bearer, signedHello(key, { signature: '' }));
      expect(await unsigned.next('refused')).to.include({ reason: 'unauthorised' });
      const stranger = await dial(bearer, signedHello(newAgentKey()));
      expect(await stranger.next('refused')).to.include({ reason: 'unauthorised' });
      expect(stranger.frames.map(({ type }) => type)).to.not.include('welcome');
    });
    it('refuses a hello whose signature is wrong', async () => {
      const { bearer } = await bed.enrolledHost('forged');
      const hello = signedHello(key);
      const agent = await dial(bearer, { ...hello, hostname: 'other' });
      expect(await agent.next('refused')).to.include({ reason: 'unauthorised' });
    });
    it('refuses a second agent while the first one answers, and says so in an Event (J9)', async () => {
      const { bearer } = await bed.enrolledHost('twin');
      const first = await connected('twin', bearer);
      const second = await dial(bearer);
      expect(await second.next('refused')).to.include({ reason: 'duplicate_agent' });
      expect(await second.untilClosed()).to.equal(4003);
      expect(first.closed).to.equal(undefined);
      await until('event', () => bed.informers.cache.list('Event').find(({ reason }) => reason === 'DuplicateAgent'));
    });
    it('replaces a connection that no longer answers (4002)', async () => {
      const { bearer } = await bed.enrolledHost('frozen');
      const first = await connected('frozen', bearer);
      const sessionID = bed.informers.cache.get('Host', { namespace: 'default', name: 'frozen' })?.status?.connection?.sessionID;
      first.freeze();
      const second = await dial(bearer);
      await second.next('welcome', 8000);
      await until('connection of the newcomer', () => { const now = bed.informers.cache.get('Host', { namespace: 'default', name: 'frozen' })?.status?.connection?.sessionID; return now !== undefined && now !== sessionID; });
    }).timeout(15_000);
    it('answers malformed frames with error and goes on (Q5)', async () => {
      const { bearer } = await bed.enrolledHost('garbler');
      const agent = await connected('garbler', bearer);
      agent.raw('{"type":');
      expect(await agent.next('error')).to.include({ code: 'malformed_frame' });
      agent.raw(Buffer.from([1, 2, 3]));
      await agent.next('error');
      agent.raw(JSON.stringify({ type: 'job.log', seq: 1, payload: { job: 7 } }));
      await agent.next('error');
      await agent.acked(1);
      expect(bed.records.deadLetters({ namespace: 'default', name: 'garbler' })).to.have.length(1);
      agent.raw(JSON.stringify({ type: 'of.the.future', payload: {} }));
      agent.send('heartbeat', {});
      expect(agent.closed).to.equal(undefined);
    });
    it('closes an oversized frame with 1009', async () => {
      const { bearer } = await bed.enrolledHost('bigmouth');
      const agent = await connected('bigmouth', bearer);
      agent.raw(JSON.stringify({ type: 'heartbeat', payload: { clock: 'x'.repeat(1024 * 1024) } }));
      expect(await agent.untilClosed()).to.equal(1009);
    });
    it('says revoked, signed, when the host is deleted (H4)', async () => {
      const { host, bearer } = await bed.enrolledHost('doomed');
      const agent = await connected('doomed', bearer);
      await bed.store.delete('Host', { namespace: 'default', name: 'doomed' }, asAdmin);
      const { hostID, time, signature } = await agent.next('revoked');
      expect(hostID).to.equal(host.metadata.uid);
      expect(verifySignature(bed.identity.signingKey.publicKeyBase64, Buffer.from(`restic-manager/revoked/1\n${hostID}\n${time}`), signature)).to.equal(true);
      expect(await agent.untilClosed()).to.equal(4006);
      const again = await dial(bearer);
      expect(await again.next('revoked')).to.include({ hostID: host.metadata.uid });
    });
    it('ends the session of a bearer that was replaced', async () => {
      const { host, bearer } = await bed.enrolledHost('rotated');
      const agent = await connected('rotated', bearer);
      await bed.identity.issueBearer(host);
      expect(await agent.next('refused')).to.include({ reason: 'unauthorised' });
      expect(await agent.untilClosed()).to.equal(4005);
    });
  });

  describe('plan', () => {
    it('is pushed only when its compilation is the desired revision, and again when the generation moves', async () => {
      const { bearer } = await bed.enrolledHost('planned');
      await bed.store.create('Secret', newObject('Secret', { name: 'planned', labels: { 'restic-manager.io/use': 'repository' } }, { stringData: { password: 'pw' } }), asAdmin);
      await bed.store.create('Repository', newObject('Repository', { name: 'planned' }, { spec: { url: '/srv/repo', credentialsSecretRef: { name: 'planned' } } }), asAdmin);
      const agent = await connected('planned', bearer);
      await bed.store.patchStatus('Host', { namespace: 'default', name: 'planned' }, { desiredRevision: createHmac('sha256', 'x').update('other').digest('hex'), planGeneration: 1 }, asController);
      const compiled = await until('compiled', () => { const c = compilePlan('planned', { cache: bed.informers.cache, planKey: bed.identity.planKey, namespace: 'default' }); return c.ok && c; });
      expect(agent.none('plan.set')).to.equal(true);
      await bed.store.patchStatus('Host', { namespace: 'default', name: 'planned' }, { desiredRevision: compiled.revision, planGeneration: 2 }, asController);
      expect(await agent.next('plan.set')).to.deep.include({ revision: compiled.revision, generation: 2 });
      agent.send('plan.applied', { revision: compiled.revision, generation: 2 });
      await until('applied', async () => (await bed.store.get('Host', { namespace: 'default', name: 'planned' })).status?.appliedGeneration === 2);
      await agent.kill();
      const same = await connected('planned', bearer, { appliedRevision: compiled.revision, appliedGeneration: 2 });
      await bed.store.patchStatus('Host', { namespace: 'default', name: 'planned' }, { planGeneration: 3 }, asController);
      expect(await same.next('plan.set')).to.include({ generation: 3 });
      expect(same.frames.filter(({ type }) => type === 'plan.set')).to.have.length(1);
      await same.kill();
      const restored = await connected('planned', bearer, { appliedRevision: compiled.revision, appliedGeneration: 3, storeEpoch: 'another' });
      expect(await restored.next('plan.set')).to.include({ generation: 3 });
      // what it cannot run is on the host, and asked again at the next connection: it may be a newer agent by then
      restored.send('plan.applied', { revision: compiled.revision, generation: 3, stalled: [{ schedule: 'nightly', message: 'no such zone' }] });
      const stalled = async (): Promise<unknown> => (await bed.store.get('Host', { namespace: 'default', name: 'planned' })).status?.stalledSchedules;
      await until('stalled', stalled);
      expect(await stalled()).to.deep.equal([{ name: 'nightly', message: 'no such zone' }]);
      await restored.kill();
      const newer = await connected('planned', bearer, { appliedRevision: compiled.revision, appliedGeneration: 3 });
      expect(await newer.next('plan.set')).to.include({ generation: 3 });
      newer.send('plan.applied', { revision: compiled.revision, generation: 3 });
      await until('healed', async () => await stalled() === undefined);
    });
  });

  describe('jobs', () => {
    it('offers a job, takes its reports once and in order, and tells the log (J2)', async () => {
      const { bearer } = await bed.enrolledHost('runner1');
      const agent = await connected('runner1', bearer);
      const job = await offeredJob('runner1');
      const { name } = job.metadata;
      const run = await agent.next('job.run');
      expect(run).to.deep.include({ planGeneration: 3 });
      expect(run.identity).to.include({ job: name, runID: job.metadata.uid, sourceGroup: 'home' });
      agent.send('job.started', { identity: run.identity, startTime: '2026-01-01T00:00:00Z' }, 1);
      agent.send('job.log', { job: name, runID: run.identity.runID, firstSeq: 1, lines: [text(1), text(2)] }, 2);
      agent.send('job.log', { job: name, runID: run.identity.runID, firstSeq: 1, lines: [text(1), text(2)] }, 2);
      agent.send('job.log', { job: name, runID: run.identity.runID, firstSeq: 2, lines: [text(2), text(3)] }, 3);
      agent.send('job.finished', finished(run.identity), 4);
      await agent.acked(4);
      expect(bed.records.readLog({ namespace: 'default', name }).lines.map(({ payload }) => payload)).to.deep.equal(['line 1', 'line 2', 'line 3']);
      expect((await bed.job(name)).status?.observed).to.include({ phase: 'Succeeded', runID: job.metadata.uid, startTime: '2026-01-01T00:00:00.000Z', exitCode: 0 });
      expect(bed.records.findOutcome({ namespace: 'default', name })?.observed.phase).to.equal('Succeeded');
    });
    it('sends job.run again after a reconnect when hello does not name it, and not when it does', async () => {
      const { bearer } = await bed.enrolledHost('again');
      const first = await connected('again', bearer);
      const job = await offeredJob('again');
      await first.next('job.run');
      await first.kill();
      const second = await connected('again', bearer);
      await second.next('job.run');
      await second.kill();
      const third = await connected('again', bearer, { runningJobs: [job.metadata.uid] });
      await bed.store.patchMeta('ResticJob', { namespace: 'default', name: job.metadata.name }, { labels: { touched: 'yes' } }, asAdmin);
      await until('touched', () => bed.informers.cache.get('ResticJob', { namespace: 'default', name: job.metadata.name })?.metadata.labels);
      expect(third.none('job.run')).to.equal(true);
    });
    it('does not offer a job again whose result is still in the spool', async () => {
      const { bearer } = await bed.enrolledHost('spooled');
      const first = await connected('spooled', bearer);
      const job = await offeredJob('spooled');
      await first.next('job.run');
      await first.kill();
      const second = await connected('spooled', bearer, { spool: { first: 1, last: 2, id: 's' } });
      second.send('job.started', { identity: identityOf(job), startTime: '2026-01-01T00:00:00Z' }, 1);
      second.send('job.finished', finished(identityOf(job)), 2);
      await second.acked(2);
      await until('observed', async () => (await bed.job(job.metadata.name)).status?.observed?.phase === 'Succeeded');
      expect(second.none('job.run')).to.equal(true);
    });
    it('sends job.stop with the reason (J4)', async () => {
      const { bearer } = await bed.enrolledHost('stopper');
      const agent = await connected('stopper', bearer);
      const job = await offeredJob('stopper', unique('job'), { cancel: true });
      await agent.next('job.run');
      await bed.store.patchStatus('ResticJob', { namespace: 'default', name: job.metadata.name }, { desiredRun: { id: job.metadata.uid, planGeneration: 3, state: 'Stop' } }, asController);
      expect(await agent.next('job.stop')).to.deep.equal({ job: job.metadata.name, runID: job.metadata.uid, reason: 'Cancelled' });
    });
    it('ends a job itself that is to stop and that the agent never had', async () => {
      const { bearer } = await bed.enrolledHost('never');
      const job = await offeredJob('never', unique('job'), { cancel: true });
      await bed.store.patchStatus('ResticJob', { namespace: 'default', name: job.metadata.name }, { desiredRun: { id: job.metadata.uid, planGeneration: 3, state: 'Stop' } }, asController);
      const agent = await connected('never', bearer);
      await until('cancelled', async () => (await bed.job(job.metadata.name)).status?.observed?.phase === 'Cancelled');
      expect(agent.none('job.run')).to.equal(true);
    });
    it('calls a running job Lost that hello does not name, once the spool is drained', async () => {
      const { bearer } = await bed.enrolledHost('amnesiac');
      const first = await connected('amnesiac', bearer);
      const job = await offeredJob('amnesiac');
      const other = await offeredJob('amnesiac');
      await first.next('job.run');
      first.send('job.started', { identity: identityOf(job), startTime: '2026-01-01T00:00:00Z' }, 1);
      first.send('job.started', { identity: identityOf(other), startTime: '2026-01-01T00:00:00Z' }, 2);
      await first.acked(2);
      await first.kill();
      const second = await connected('amnesiac', bearer, { spool: { first: 3, last: 3, id: 'spool-1' } });
      expect((await bed.job(job.metadata.name)).status?.observed?.phase).to.equal('Running');
      second.send('job.finished', finished(identityOf(other)), 3);
      await until('lost', async () => (await bed.job(job.metadata.name)).status?.observed?.reason === 'Lost');
      expect((await bed.job(job.metadata.name)).status?.observed?.phase).to.equal('Failed');
      expect((await bed.job(other.metadata.name)).status?.observed?.phase).to.equal('Succeeded');
    });
    it('never takes reports about another host\'s job: dead letter, acknowledged, nothing changed', async () => {
      const { bearer } = await bed.enrolledHost('mallory');
      await bed.enrolledHost('victim');
      const job = await offeredJob('victim');
      const agent = await connected('mallory', bearer);
      agent.send('job.started', { identity: identityOf(job), startTime: '2026-01-01T00:00:00Z' }, 1);
      agent.send('job.log', { job: job.metadata.name, runID: job.metadata.uid, firstSeq: 1, lines: [text(1)] }, 2);
      agent.send('job.finished', finished(identityOf(job)), 3);
      agent.send('job.finished', finished({ ...identityOf(job), job: 'not-there', runID: 'x' }), 4);
      await agent.acked(4);
      expect((await bed.job(job.metadata.name)).status).to.not.have.property('observed');
      expect(bed.records.lastLogSeq({ namespace: 'default', name: job.metadata.name })).to.equal(0);
      expect(bed.records.findOutcome({ namespace: 'default', name: 'not-there' })).to.equal(undefined);
      expect(bed.records.deadLetters({ namespace: 'default', name: 'mallory' })).to.have.length(4);
    });
    it('does not resurrect a job that is over', async () => {
      const { bearer } = await bed.enrolledHost('late');
      const agent = await connected('late', bearer);
      const job = await offeredJob('late');
      await agent.next('job.run');
      agent.send('job.finished', finished(identityOf(job), 'Failed'), 1);
      agent.send('job.started', { identity: identityOf(job), startTime: '2026-01-01T00:00:00Z' }, 2);
      agent.send('job.finished', finished(identityOf(job), 'Succeeded'), 3);
      await agent.acked(3);
      expect((await bed.job(job.metadata.name)).status?.observed?.phase).to.equal('Failed');
      await until('event', () => bed.informers.cache.list('Event').find(({ reason }) => reason === 'LateReport'));
    });
    it('keeps the outcome of a job that was deleted while it ran', async () => {
      const { bearer } = await bed.enrolledHost('deleter');
      const agent = await connected('deleter', bearer);
      const job = await offeredJob('deleter');
      await agent.next('job.run');
      agent.send('job.started', { identity: identityOf(job), startTime: '2026-01-01T00:00:00Z' }, 1);
      await agent.acked(1);
      await bed.store.delete('ResticJob', { namespace: 'default', name: job.metadata.name }, asAdmin);
      await until('gone', () => !bed.informers.cache.get('ResticJob', { namespace: 'default', name: job.metadata.name }));
      agent.send('job.finished', finished(identityOf(job)), 2);
      await agent.acked(2);
      expect(bed.records.findOutcome({ namespace: 'default', name: job.metadata.name })?.observed.phase).to.equal('Succeeded');
      expect(bed.informers.cache.get('ResticJob', { namespace: 'default', name: job.metadata.name })).to.equal(undefined);
    });
  });

  describe('runs an agent began itself', () => {
    async function scheduled(name: string): Promise<{ bearer: string; identity: (n: number) => JobIdentity }> {
      const { bearer } = await bed.enrolledHost(name);
      await bed.store.create('SourceGroup', newObject('SourceGroup', { name }, { spec: { hostRef: { name }, includes: ['/srv'] } }), asAdmin);
      await bed.store.create('Schedule', newObject('Schedule', { name }, { spec: { schedule: '0 1 * * *', sourceGroupRefs: [{ name }] } }), asAdmin);
      await until('cached', () => bed.informers.cache.get('Schedule', { namespace: 'default', name }));
      return { bearer, identity: (n) => { const job = `${name}-000000000${String(n)}`; return { job, runID: job, type: 'Backup', startedBy: 'Agent', sourceGroup: name, schedule: name, origin: 'Schedule', dueTime: '2026-01-01T01:00:00Z' }; } };
    }
    it('become objects of their host (S7)', async () => {
      const { bearer, identity } = await scheduled('cron1');
      const agent = await connected('cron1', bearer);
      agent.send('job.started', { identity: identity(1), startTime: '2026-01-01T01:00:00Z' }, 1);
      agent.send('job.log', { job: identity(1).job, runID: identity(1).runID, firstSeq: 1, lines: [text(1)] }, 2);
      agent.send('job.finished', finished(identity(1)), 3);
      await agent.acked(3);
      const job = await bed.job(identity(1).job);
      expect(job.spec).to.deep.include({ startedBy: 'Agent', sourceGroupRef: { name: 'cron1' }, origin: { type: 'Schedule', name: 'cron1', dueTime: '2026-01-01T01:00:00.000Z' } });
      expect(job.metadata.ownerReferences?.[0]).to.include({ kind: 'Host', name: 'cron1' });
      expect(job.metadata.labels).to.include({ 'restic-manager.io/schedule': 'cron1', 'restic-manager.io/host': 'cron1' });
      expect(job.status?.observed?.phase).to.equal('Succeeded');
      expect(bed.records.readLog({ namespace: 'default', name: identity(1).job }).lines).to.have.length(1);
      expect(agent.none('job.run')).to.equal(true);
    });
    it('after an absence become one object per schedule and group, with every outcome and log in records (S7)', async () => {
      const { bearer, identity } = await scheduled('away1');
      const agent = await connected('away1', bearer, { spool: { first: 1, last: 9, id: 's' } });
      for (const n of [1, 2, 3]) {
        agent.send('job.started', { identity: identity(n), startTime: '2026-01-01T01:00:00Z' }, 3 * n - 2);
        agent.send('job.log', { job: identity(n).job, runID: identity(n).runID, firstSeq: 1, lines: [text(1)] }, 3 * n - 1);
        agent.send('job.finished', finished(identity(n)), 3 * n);
      }
      await agent.acked(9);
      await until('observed', () => bed.informers.cache.get('ResticJob', { namespace: 'default', name: identity(3).job })?.status?.observed);
      expect(bed.informers.cache.byIndex('ResticJob', 'host', 'away1').map(({ metadata }) => metadata.name)).to.deep.equal([identity(3).job]);
      for (const n of [1, 2, 3]) {
        expect(bed.records.findOutcome({ namespace: 'default', name: identity(n).job })?.observed.phase).to.equal('Succeeded');
        expect(bed.records.readLog({ namespace: 'default', name: identity(n).job }).lines).to.have.length(1);
      }
    });
    it('are refused when no schedule of this host can have asked for them', async () => {
      const { identity } = await scheduled('cron2');
      const { bearer } = await bed.enrolledHost('cron3');
      const agent = await connected('cron3', bearer);
      agent.send('job.started', { identity: identity(1), startTime: '2026-01-01T01:00:00Z' }, 1);
      agent.send('job.finished', finished(identity(1)), 2);
      await agent.acked(2);
      expect(bed.informers.cache.get('ResticJob', { namespace: 'default', name: identity(1).job })).to.equal(undefined);
      expect(bed.records.deadLetters({ namespace: 'default', name: 'cron3' })).to.have.length(2);
    });
    it('are taken once when the server restarts between effect and acknowledgement', async () => {
      const { bearer, identity } = await scheduled('crash1');
      const spool = { first: 1, last: 3, id: 's' };
      const agent = await connected('crash1', bearer, { spool });
      agent.send('job.started', { identity: identity(1), startTime: '2026-01-01T01:00:00Z' }, 1);
      agent.send('job.log', { job: identity(1).job, runID: identity(1).runID, firstSeq: 1, lines: [text(1), text(2)] }, 2);
      await agent.acked(2);
      await bed.restart();
      const second = await connected('crash1', bearer, { spool });
      second.send('job.started', { identity: identity(1), startTime: '2026-01-01T01:00:00Z' }, 1);
      second.send('job.log', { job: identity(1).job, runID: identity(1).runID, firstSeq: 1, lines: [text(1), text(2)] }, 2);
      second.send('job.finished', finished(identity(1)), 3);
      await second.acked(3);
      await until('object', () => bed.informers.cache.get('ResticJob', { namespace: 'default', name: identity(1).job })?.status?.observed?.phase === 'Succeeded');
      expect(bed.records.readLog({ namespace: 'default', name: identity(1).job }).lines.map(({ seq }) => seq)).to.deep.equal([1, 2]);
    });
  });
});
