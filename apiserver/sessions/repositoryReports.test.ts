import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { newObject } from '#crds/kinds.js';
import { hostSnapshots } from '../records/hostSnapshots.js';
import type { SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { asAdmin, asController, openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../../test/builders/scriptedAgent.js';
import { until } from '../../test/builders/until.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const ID = sha256('shared');
const snapshotId = (number: number): string => sha256(`s${number}`);
const digestOf = (...numbers: number[]): string => sha256(numbers.map(snapshotId).sort().join('\n'));
const time = '2026-01-01T00:00:00.000Z';
function report(hostname: string, numbers: number[], changes: Partial<SnapshotsReport> = {}): SnapshotsReport {
  return { repository: 'shared', repositoryID: ID, hostname, digest: digestOf(...numbers), snapshots: numbers.map((number) => ({ id: snapshotId(number), time, hostname, tags: ['home'] })), more: false, time, ...changes };
}

describe('what hosts say of their repository', function () {
  this.timeout(30_000);
  let bed: SessionBed;
  const bearers = new Map<string, string>();
  const keys = new Map<string, ReturnType<typeof newAgentKey>>();
  const agents = new Map<string, { agent: ScriptedAgent; seq: number }>();
  const at = (name: string) => ({ namespace: 'default', name });

  before(async () => {
    bed = await openSessionBed();
    await bed.store.create('Secret', newObject('Secret', { name: 'shared', labels: { 'restic-manager.io/use': 'repository' } }, { stringData: { password: 'pw' } }), asAdmin);
    await bed.store.create('Repository', newObject('Repository', { name: 'shared' }, { spec: { url: '/srv/repo', credentialsSecretRef: { name: 'shared' }, runner: { hostRef: { name: 'runner' } } } }), asAdmin);
    await bed.store.patchStatus('Repository', at('shared'), { id: ID, phase: 'Ready' }, asController);
    for (const name of ['runner', 'web1', 'web2']) bearers.set(name, (await bed.enrolledHost(name, { repositoryRef: { name: 'shared' } })).bearer);
    bearers.set('stranger', (await bed.enrolledHost('stranger')).bearer);
    for (const name of bearers.keys()) await dial(name);
    await until('the caches', () => bed.informers.cache.get('Repository', at('shared'))?.status?.id);
  });
  after(async () => { await bed.close(); });

  async function dial(name: string): Promise<void> {
    const key = keys.get(name) ?? newAgentKey();
    keys.set(name, key);
    const seq = agents.get(name)?.seq ?? 0;
    const agent = await dialAgent(bed.port, bearers.get(name), signedHello(key, { storeEpoch: bed.store.epoch, spool: { first: seq + 1, last: seq, id: 's' } }));
    await agent.next('welcome');
    agents.set(name, { agent, seq });
  }
  function agentOf(name: string): { agent: ScriptedAgent; seq: number } {
    const entry = agents.get(name);
    if (!entry) throw new Error(name);
    return entry;
  }
  /** Sends spooled frames and waits until all are acknowledged. */
  async function say(name: string, ...frames: (SnapshotsReport | { stats: object })[]): Promise<void> {
    const entry = agentOf(name);
    for (const frame of frames) {
      entry.seq += 1;
      if ('stats' in frame) entry.agent.send('repo.stats', { repository: 'shared', time, ...frame.stats }, entry.seq);
      else entry.agent.send('snapshots.report', frame, entry.seq);
    }
    await entry.agent.acked(entry.seq);
  }
  const shown = (hostname: string): string[] | undefined => bed.records.inventory.page(ID, hostname)?.snapshots.map(({ id }) => id).sort();
  const idsOf = (...numbers: number[]): string[] => numbers.map(snapshotId).sort();
  const refusals = (name: string): string[] => bed.records.deadLetters(at(name)).map(({ reason }) => reason);

  it('is taken of a host itself, and of every host from the runner (R1, R4)', async () => {
    await say('web1', report('web1', [1, 2]));
    await say('runner', report('web2', [3]), report('long-dead', [4, 5]));
    await say('web1', report('web1', [1, 2, 6], { base: digestOf(1, 2), snapshots: report('web1', [6]).snapshots }));
    expect(shown('web1')).to.deep.equal(idsOf(1, 2, 6));
    expect(shown('web2')).to.deep.equal(idsOf(3));
    expect(shown('long-dead'), 'a host that is gone can be restored').to.deep.equal(idsOf(4, 5));
    expect(bed.records.inventory.list(ID, 'web2')?.reportedBy).to.equal('runner');
  });

  it('is refused by name from anybody else, and what follows is taken (E33)', async () => {
    const before = shown('web2');
    const rows: [SnapshotsReport, string][] = [
      [report('web2', []), 'host web1 may only report its own, because it is not the runner'],
      [report('nobody', [9]), 'host web1 may only report its own'],
      [report('web1', [9], { repositoryID: sha256('another') }), 'is not its id'],
      [report('web1', [9], { repository: 'elsewhere' }), 'host web1 does not use it'],
      [report('web1', [1, 9], { snapshots: report('web2', [1, 9]).snapshots }), 'is of "web2"'],
      [report('web1', [1], { digest: sha256('a lie') }), 'digest is not that'],
      [report('web1', [1], { snapshots: [{ id: '../../objects', time, hostname: 'web1' }] }), 'is no snapshot id'],
    ];
    await say('web1', ...rows.map(([bad]) => bad), report('web1', [1, 2, 7]));
    expect(shown('web1')).to.deep.equal(idsOf(1, 2, 7));
    expect(shown('web2')).to.deep.equal(before);
    expect(shown('nobody')).to.equal(undefined);
    const reasons = refusals('web1');
    for (const [index, [, says]] of rows.entries()) expect(reasons[index]).to.contain(says);
    expect(reasons).to.have.length(rows.length);
    await say('stranger', report('web1', []));
    expect(refusals('stranger')[0]).to.contain('host stranger does not use it');
    expect(shown('web1')).to.deep.equal(idsOf(1, 2, 7));
  });

  it('is acknowledged and put aside when names or lists are larger than the wire allows (E33)', async () => {
    const many = Array.from({ length: 1001 }, (_, index) => ({ id: snapshotId(index), time, hostname: 'web2' }));
    await say('web2', report('x'.repeat(254), [1]), report('web2', [1], { snapshots: many }), report('web2', [3, 8]));
    expect(shown('web2')).to.deep.equal(idsOf(3, 8));
    expect(refusals('web2')).to.have.length(2);
    expect(refusals('web2')[0]).to.contain('/hostname');
  });

  it('is asked for whole when a change fits no list, once, however often that happens', async () => {
    const { agent } = agentOf('web2');
    await say('web2', ...[10, 11, 12].map((number) => report('web2', [number], { base: digestOf(99) })));
    expect(shown('web2'), 'nothing changed').to.deep.equal(idsOf(3, 8));
    expect(await agent.next('rpc.request')).to.deep.equal({ method: 'snapshots.refresh', params: {} });
    await say('web2', report('web2', [3, 8, 12]));
    expect(shown('web2')).to.deep.equal(idsOf(3, 8, 12));
    expect(agent.none('rpc.request')).to.equal(true);
    expect(refusals('web2'), 'that is no refusal').to.have.length(2);
  });

  it('is shown with its age, and marked stale while the host is away (E15)', async () => {
    const host = () => bed.informers.cache.get('Host', at('web1')) ?? expect.fail('no host');
    const show = () => hostSnapshots({ records: bed.records, cache: bed.informers.cache }, host(), { limit: 2 });
    const online = (status: 'True' | 'False') => bed.store.patchStatus('Host', at('web1'), { conditions: [{ type: 'Online', status, reason: 'Connected', message: '', lastTransitionTime: time }] }, asController);
    await online('True');
    await until('online', () => host().status?.conditions?.[0]?.status === 'True');
    expect(show()).to.deep.include({ repository: 'shared', repositoryID: ID, hostname: 'web1', count: 3, matching: 3, refreshedTime: time, stale: false });
    expect(show().snapshots).to.have.length(2);
    await online('False');
    await until('away', () => host().status?.conditions?.[0]?.status === 'False');
    expect(show().stale).to.equal(true);
    const never = hostSnapshots({ records: bed.records, cache: bed.informers.cache }, bed.informers.cache.get('Host', at('stranger')) ?? expect.fail('no host'));
    expect(never).to.deep.equal({ hostname: 'stranger', count: 0, matching: 0, snapshots: [], repository: 'stranger', stale: true });
  });

  it('gives figures of the repository from its runner only; what is absent blanks nothing (E22, E34)', async () => {
    const observed = async () => (await bed.store.get('Repository', at('shared'))).status?.observed;
    await say('runner', { stats: { repositoryID: ID, sizeBytes: 1000, snapshotCount: 7, deletionProtection: 'Enforced', locks: [{ hostname: 'web1', pid: 12, time: '2026-01-01T01:00:00+01:00', exclusive: true }, { pid: 13, time: 'long ago' }] } });
    await say('runner', { stats: { repositoryID: ID, snapshotCount: 8 } });
    expect(await observed()).to.deep.equal({ repositoryID: ID, sizeBytes: 1000, snapshotCount: 8, deletionProtection: 'Enforced', time, locks: [{ hostname: 'web1', pid: 12, time: '2026-01-01T00:00:00.000Z', exclusive: true }, { pid: 13 }] });
    await say('web1', { stats: { repositoryID: ID, sizeBytes: 1 } });
    await say('runner', { stats: { repositoryID: sha256('another'), sizeBytes: 2 } });
    expect((await observed())?.sizeBytes).to.equal(1000);
    const days = Math.ceil((Date.now() - Date.parse(time)) / 86_400_000) + 1;
    expect(bed.records.trend.read(ID, days)).to.deep.equal([{ day: '2026-01-01', sizeBytes: 1000, snapshotCount: 8 }]);
  });

  it('slows a host that lists snapshots without end, says so, and keeps nobody else waiting', async () => {
    const entry = agentOf('web2');
    const page = report('web2', [], { digest: sha256('never'), snapshots: Array.from({ length: 1000 }, (_, index) => ({ id: snapshotId(index), time, hostname: 'web2' })), more: true });
    for (let count = 0; count < 75; count += 1) { entry.seq += 1; entry.agent.send('snapshots.report', page, entry.seq); }
    await until('an Event', () => bed.informers.cache.list('Event').find(({ reason, involvedObject }) => reason === 'ReportsSlowed' && involvedObject.name === 'web2'), 20_000);
    await say('web1', report('web1', [1, 2]));
    expect(shown('web1')).to.deep.equal(idsOf(1, 2));
    expect(entry.agent.frames.some((frame) => frame.type === 'ack' && frame.payload.seq === entry.seq), 'it is read from more slowly').to.equal(false);
    expect(entry.agent.closed, 'and not cut off').to.equal(undefined);
    expect(shown('web2')).to.deep.equal(idsOf(3, 8, 12));
  });

  it('a lock that keeps out another host\'s job makes the runner look, and nobody else (R6)', async () => {
    const runner = agents.get('runner')?.agent;
    if (!runner) throw new Error('no runner');
    await bed.store.create('ResticJob', newObject('ResticJob', { name: 'kept-out' }, { spec: { hostRef: { name: 'web1' }, type: 'Diff', diff: { a: 'cafecafe', b: 'beefbeef' } } }), asAdmin);
    await until('the job', () => bed.informers.cache.get('ResticJob', at('kept-out')));
    await bed.store.patchStatus('ResticJob', at('kept-out'), { phase: 'Failed', reason: 'RepositoryLocked', message: 'held by pid 4711 on elsewhere' }, asController);
    expect(await runner.next('rpc.request')).to.deep.equal({ method: 'locks.refresh', params: {} });
    await bed.store.patchStatus('ResticJob', at('kept-out'), { message: 'the same again' }, asController);
    await bed.store.create('ResticJob', newObject('ResticJob', { name: 'other' }, { spec: { hostRef: { name: 'web1' }, type: 'Diff', diff: { a: 'cafecafe', b: 'beefbeef' } } }), asAdmin);
    await until('the job', () => bed.informers.cache.get('ResticJob', at('other')));
    await bed.store.patchStatus('ResticJob', at('other'), { phase: 'Failed', reason: 'RepositoryLocked', message: 'held' }, asController);
    expect(await runner.next('rpc.request'), 'once for each').to.deep.equal({ method: 'locks.refresh', params: {} });
    expect([...agents.values()].map(({ agent }) => agent.none('rpc.request'))).to.deep.equal([...agents.values()].map(() => true));
  });

  it('stays when the host is deleted, and goes with the repository', async () => {
    await bed.store.delete('Host', at('web2'), asAdmin);
    await until('the host to be gone', () => !bed.informers.cache.get('Host', at('web2')));
    expect(shown('web2')).to.deep.equal(idsOf(3, 8, 12));
    await bed.records.trend.put(sha256('nobody has it'), Date.now(), { sizeBytes: 1 });
    await bed.store.delete('Repository', at('shared'), asAdmin);
    await until('its inventory to be gone', () => bed.records.inventory.repositories().length === 0);
    expect(shown('web1')).to.equal(undefined);
  });
});
