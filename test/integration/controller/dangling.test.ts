/**
 * References to what is gone. Deleting always succeeds; every dependant says so in a condition and an Event, the agent keeps
 * the last plan that was whole, and putting the object back heals everything.
 */
import { expect } from 'chai';
import { createPlanPush } from '#apiserver/sessions/planPush.js';
import { conditionOf, type Conditioned } from '#controller/status/conditions.js';
import type { Kind } from '#crds/kinds.js';
import type { Plan } from '#crds/wire/agentProtocol.gen.js';
import { openControllerBed, type ControllerBed } from '../../builders/controllerBed.js';
import { aBackup, aGroup, aHost, aRepository, aRepositorySecret, aSchedule } from '../../builders/objects.js';
import { until } from '../../builders/until.js';

describe('references to what is gone', function () {
  this.timeout(30_000);
  let bed: ControllerBed;
  /** Plans sent to the agent of web1, as its session would. */
  let sent: Plan[];
  let push: () => Promise<void>;

  beforeEach(async () => {
    bed = await openControllerBed();
    await bed.create(aHost('web1'), aRepositorySecret('repo-web1'), aRepository('web1'), aGroup('docs', { hostRef: { name: 'web1' } }), aGroup('etc', { hostRef: { name: 'web1' } }), aSchedule('nightly', ['docs', 'etc']));
    await bed.connect('web1');
    await bed.openRepository('web1');
    await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Ready')?.status === 'True');
    await bed.settle();
    sent = [];
    const quiet = { debug() { /* quiet */ }, info() { /* quiet */ }, warn() { /* quiet */ }, error() { /* quiet */ } };
    const context = { informers: bed.informers, planKey: bed.planKey, namespace: 'default', log: quiet, epoch: 'e' };
    const link = { send: (_type: string, payload: { plan: Plan }) => { sent.push(payload.plan); } };
    const plans = createPlanPush(context as unknown as Parameters<typeof createPlanPush>[0], link as unknown as Parameters<typeof createPlanPush>[1], {} as Parameters<typeof createPlanPush>[2], 'epoch');
    push = async () => {
      await bed.settle();
      const host = bed.informers.cache.get('Host', { namespace: 'default', name: 'web1' });
      if (host) plans.evaluate(host);
    };
    await push();
    expect(sent.map((plan) => plan.groups.map((group) => group.name))).to.deep.equal([['docs', 'etc']]);
  });
  afterEach(async () => { await bed.close(); });

  /** Waits until the object stalls for this cause, with an Event that says the same. */
  async function stalls(kind: 'Host' | 'Repository' | 'Schedule' | 'SourceGroup' | 'ResticJob', name: string, reason: string, names: RegExp): Promise<void> {
    const object = await bed.when(kind, name, (it) => conditionOf(it as { status?: Conditioned }, 'Stalled')?.reason === reason && names.test(conditionOf(it as { status?: Conditioned }, 'Stalled')?.message ?? ''));
    const ready = conditionOf(object as { status?: Conditioned }, 'Ready');
    expect(ready, `${kind} ${name}`).to.include({ status: 'False', reason });
    const event = await until(`an Event ${reason} about ${kind} ${name}`, () => bed.informers.cache.list('Event').find((each) => each.involvedObject.uid === object.metadata.uid && each.reason === reason), 5000, 5);
    expect(event).to.deep.include({ type: 'Warning', message: ready?.message });
  }
  async function isWell(kind: Kind, name: string): Promise<void> {
    await bed.when(kind, name, (it) => conditionOf(it as { status?: Conditioned }, 'Ready')?.status === 'True' && !conditionOf(it as { status?: Conditioned }, 'Stalled'));
  }
  /** A backup that waits its turn: the host is away. */
  async function waitingJob(): Promise<void> {
    await bed.disconnect('web1');
    await bed.create(aBackup('waiting', 'web1', 'docs'));
    await bed.when('ResticJob', 'waiting', (it) => it.status?.reason === 'WaitingForHost');
  }

  it('a repository: host and waiting job say RepositoryNotFound, the plan stays, and all is well when it is back', async () => {
    await waitingJob();
    const before = (await bed.get('Host', 'web1')).status?.desiredRevision;
    await bed.remove('Repository', 'web1');
    await stalls('Host', 'web1', 'RepositoryNotFound', /Repository default\/web1 does not exist/);
    await stalls('ResticJob', 'waiting', 'RepositoryNotFound', /Repository default\/web1 does not exist/);
    expect(conditionOf(await bed.get('Host', 'web1'), 'RepositoryReady')).to.include({ status: 'False', reason: 'RepositoryNotFound' });
    expect(conditionOf(await bed.get('Host', 'web1'), 'Synced')).to.include({ status: 'False', reason: 'NoPlan' });
    expect((await bed.get('Host', 'web1')).status?.desiredRevision).to.equal(before);
    await push();
    expect(sent, 'the agent keeps its last plan').to.have.length(1);
    await bed.create(aRepository('web1'));
    await isWell('Host', 'web1');
    await bed.when('ResticJob', 'waiting', (it) => it.status?.reason === 'WaitingForHost' && !conditionOf(it, 'Stalled'));
    await bed.connect('web1');
    await bed.when('ResticJob', 'waiting', (it) => it.status?.phase === 'Offered');
    await push();
    expect(sent.at(-1), 'it is the same repository: its id was not forgotten').to.deep.equal(sent[0]);
  });

  it('a repository that is made anew elsewhere is another one, not a replaced one', async () => {
    await bed.remove('Repository', 'web1');
    await bed.when('Host', 'web1', (it) => conditionOf(it, 'Ready')?.reason === 'RepositoryNotFound');
    bed.clock.advance(5000);
    await bed.create(aRepository('web1', { url: 'rest:https://elsewhere.example/web1/' }));
    const other = 'b'.repeat(64);
    await bed.openRepository('web1', other);
    await bed.when('Repository', 'web1', (it) => it.status?.id === other && conditionOf(it, 'Available')?.status === 'True');
    await push();
    expect(sent.at(-1)?.repository).to.deep.include({ id: other, url: 'rest:https://elsewhere.example/web1/' });
  });

  it('a Secret: repository, host and waiting job say SecretNotFound, the plan stays, and all is well when it is back', async () => {
    await waitingJob();
    await bed.remove('Secret', 'repo-web1');
    await stalls('Repository', 'web1', 'SecretNotFound', /Secret default\/repo-web1 .* does not exist/);
    await stalls('Host', 'web1', 'SecretNotFound', /Secret default\/repo-web1 .* does not exist/);
    await stalls('ResticJob', 'waiting', 'SecretNotFound', /Secret default\/repo-web1 .* does not exist/);
    await push();
    expect(sent, 'the agent keeps its last plan').to.have.length(1);
    await bed.create(aRepositorySecret('repo-web1'));
    await isWell('Repository', 'web1');
    await isWell('Host', 'web1');
    await bed.connect('web1');
    await bed.when('ResticJob', 'waiting', (it) => it.status?.phase === 'Offered');
    await push();
    expect(sent, 'and the plan is still the same').to.have.length(1);
    expect((await bed.get('Repository', 'web1')).status?.phase).to.equal('Ready');
  });

  it('a group: its schedule says GroupNotFound and drops just that group, the job waits, and all is well when it is back', async () => {
    await waitingJob();
    await bed.remove('SourceGroup', 'docs');
    await stalls('Schedule', 'nightly', 'GroupNotFound', /SourceGroup docs \(spec\.sourceGroupRefs\) does not exist/);
    await stalls('ResticJob', 'waiting', 'GroupNotFound', /SourceGroup default\/docs \(spec\.sourceGroupRef\) does not exist/);
    await isWell('Host', 'web1');
    await push();
    expect(sent.at(-1)?.groups.map((group) => group.name)).to.deep.equal(['etc']);
    expect(sent.at(-1)?.schedules.map((schedule) => [schedule.name, schedule.groups.length])).to.deep.equal([['nightly', 1]]);
    await bed.remove('SourceGroup', 'etc');
    await bed.when('Schedule', 'nightly', (it) => conditionOf(it, 'Ready')?.message === 'SourceGroup docs, etc (spec.sourceGroupRefs) does not exist');
    await push();
    expect(sent.at(-1)).to.deep.include({ groups: [], schedules: [] });
    await bed.create(aGroup('docs', { hostRef: { name: 'web1' } }), aGroup('etc', { hostRef: { name: 'web1' } }));
    await isWell('Schedule', 'nightly');
    await bed.connect('web1');
    await bed.when('ResticJob', 'waiting', (it) => it.status?.phase === 'Offered');
    await push();
    expect(sent.at(-1)?.schedules[0]?.groups).to.have.length(2);
  });

  it('a host: its groups, the repository it looks after and its waiting job say HostNotFound, and all is well when it is back', async () => {
    await bed.edit('Repository', 'web1', (repository) => { repository.spec.runner = { hostRef: { name: 'web1' } }; });
    await waitingJob();
    await bed.remove('Host', 'web1');
    await stalls('SourceGroup', 'docs', 'HostNotFound', /Host default\/web1 \(spec\.hostRef\) does not exist/);
    await stalls('Repository', 'web1', 'HostNotFound', /Host default\/web1 \(spec\.runner\.hostRef\) does not exist/);
    await stalls('ResticJob', 'waiting', 'HostNotFound', /Host default\/web1 \(spec\.hostRef\) does not exist/);
    await push();
    expect(sent).to.have.length(1);
    await bed.create(aHost('web1'));
    for (const name of ['docs', 'etc']) await isWell('SourceGroup', name);
    await isWell('Repository', 'web1');
    await bed.connect('web1');
    await bed.when('ResticJob', 'waiting', (it) => it.status?.phase === 'Offered');
  });

  it('a job gives up after two minutes, with the missing object as its reason', async () => {
    await waitingJob();
    await bed.remove('SourceGroup', 'docs');
    await bed.when('ResticJob', 'waiting', (it) => conditionOf(it, 'Stalled')?.reason === 'GroupNotFound');
    await bed.pass(119_000);
    expect((await bed.get('ResticJob', 'waiting')).status?.phase).to.equal('Queued');
    await bed.pass(2000);
    const failed = await bed.when('ResticJob', 'waiting', (it) => it.status?.phase === 'Failed');
    expect(failed.status).to.deep.include({ reason: 'GroupNotFound', message: 'SourceGroup default/docs (spec.sourceGroupRef) does not exist' });
  });

  it('objects applied in any order warn nobody: only their conditions say what is missing', async () => {
    await bed.settle();
    const before = bed.informers.cache.list('Event').filter((event) => event.type === 'Warning').length;
    await bed.create(aSchedule('weekly', ['media']), aGroup('media', { hostRef: { name: 'db1' } }), aHost('db1'), aRepository('db1'), aRepositorySecret('repo-db1'));
    await isWell('Schedule', 'weekly');
    await isWell('Host', 'db1');
    await bed.settle();
    expect(bed.informers.cache.list('Event').filter((event) => event.type === 'Warning')).to.have.length(before);
  });

  it('labels bring a host into a group and take it out again: the plan gains and loses it (H2, X3)', async () => {
    await bed.create(aGroup('policy', { hostSelector: { matchLabels: { env: 'prod' } }, includes: ['/var'] }), aSchedule('hourly', ['policy'], { schedule: '@hourly' }));
    await push();
    expect(sent).to.have.length(1);
    await bed.edit('Host', 'web1', (host) => { host.metadata.labels = { env: 'prod' }; });
    await bed.when('SourceGroup', 'policy', (it) => it.status?.matchedHosts === 1);
    await push();
    expect(sent.at(-1)?.groups.map((group) => group.name)).to.deep.equal(['docs', 'etc', 'policy']);
    expect(sent.at(-1)?.schedules.map((schedule) => schedule.name)).to.deep.equal(['hourly', 'nightly']);
    await bed.edit('Host', 'web1', (host) => { host.metadata.labels = { env: 'test' }; });
    await bed.when('SourceGroup', 'policy', (it) => it.status?.matchedHosts === 0);
    await push();
    expect(sent.at(-1)?.groups.map((group) => group.name)).to.deep.equal(['docs', 'etc']);
    expect(sent.at(-1)?.schedules.map((schedule) => schedule.name)).to.deep.equal(['nightly']);
  });
});
