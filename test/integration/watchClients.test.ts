/** Many watchers that wait, and one that does not read: memory stays bounded, and nobody else is harmed. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { startPlainApi, type PlainApi } from '../builders/plainApi.js';
import { until } from '../builders/until.js';

const HOSTS = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
const IDLE = 1000;
const MiB = 2 ** 20;
interface Seen { type: string; object: { code?: number; metadata: { name?: string; resourceVersion?: string; annotations?: Record<string, string> } } }

describe('watchers of the resource API', function () {
  this.timeout(60_000);
  let api: PlainApi;
  before(async () => {
    api = await startPlainApi();
    const { status, text } = await api.ask('POST', HOSTS, '{"apiVersion":"restic-manager.io/v1alpha1","kind":"Host","metadata":{"name":"web1"},"spec":{}}', 'application/json');
    expect(status, text).to.equal(201);
  });
  after(async () => { await api.close(); });
  const change = async (n: number, text = ''): Promise<string> => {
    const reply = await api.ask('PATCH', `${HOSTS}/web1`, JSON.stringify({ metadata: { annotations: { n: String(n), text } } }), 'application/merge-patch+json');
    expect(reply.status, reply.text).to.equal(200);
    return (JSON.parse(reply.text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
  };
  /** Keeps what a watch said, parsed. */
  function reads(res: IncomingMessage): { events: Seen[]; ended: () => boolean } {
    const events: Seen[] = [];
    let [rest, over] = ['', false];
    res.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') events.push(JSON.parse(line) as Seen);
    });
    res.on('error', () => undefined);
    res.on('close', () => { over = true; });
    return { events, ended: () => over };
  }

  it(`${String(IDLE)} of them that wait cost little memory, all hear of a change, and leave nothing behind`, async () => {
    const version = api.store.resourceVersion();
    const before = process.memoryUsage().rss;
    const open: IncomingMessage[] = [];
    for (let batch = 0; batch < IDLE; batch += 50) open.push(...await Promise.all(Array.from({ length: 50 }, () => api.open(`${HOSTS}?watch=true&resourceVersion=${version}`))));
    const grown = (process.memoryUsage().rss - before) / MiB;
    let heard = 0;
    for (const res of open) res.once('data', () => { heard++; });
    await change(1);
    await until('everybody to have heard', () => heard === IDLE, 20_000);
    // Both ends of every connection are in this process.
    expect(grown, 'MiB').to.be.below(250);
    for (const res of open) res.destroy();
    await Promise.all(open.map((res) => (res.closed ? undefined : once(res, 'close'))));
    expect((await api.ask('GET', `${HOSTS}/web1`)).status).to.equal(200);
  });

  it('one that stops reading holds up nobody, costs no more memory than its socket, and gets an end from which it can go on', async () => {
    const version = api.store.resourceVersion();
    const slow = await api.open(`${HOSTS}?watch=true&resourceVersion=${version}`);
    const quick = reads(await api.open(`${HOSTS}?watch=true&resourceVersion=${version}`));
    const text = 'x'.repeat(100_000);
    const rounds = 350;
    let last = '';
    const start = performance.now();
    for (let n = 0; n < rounds; n++) last = await change(n, text);
    await until('the quick one to have seen all', () => quick.events.at(-1)?.object.metadata.resourceVersion === last, 20_000);
    expect(quick.events).to.have.length(rounds);
    expect(performance.now() - start, 'ms for all changes').to.be.below(40_000);
    // It reads again: what was on its way comes in order, then the end with 410 from which clients list again.
    const late = reads(slow);
    await until('the slow one to have been let go', () => late.ended(), 20_000);
    const gone = late.events.find((event) => event.type === 'ERROR');
    const seen = late.events.filter((event) => event.type !== 'ERROR').map((event) => Number(event.object.metadata.resourceVersion));
    expect(seen).to.deep.equal([...seen].sort((a, b) => a - b));
    expect(gone?.object.code).to.equal(410);
    expect(seen.length).to.be.below(rounds);
    const list = JSON.parse((await api.ask('GET', HOSTS)).text) as { metadata: { resourceVersion: string } };
    const resumed = reads(await api.open(`${HOSTS}?watch=true&resourceVersion=${list.metadata.resourceVersion}`));
    const next = await change(rounds);
    await until('the resumed watch to go on', () => resumed.events.some((event) => event.object.metadata.resourceVersion === next));
    slow.destroy();
    expect(api.faults).to.deep.equal([]);
  });
});
