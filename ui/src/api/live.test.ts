import { expect } from 'chai';
import { createLive, type LiveClient, type LiveOptions, type LiveSocket, type LogLine, type WatchedObject } from './live.js';

/** A socket whose other end is the test. */
class ScriptedSocket implements LiveSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event?: { code: number }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;
  send(data: string): void { this.sent.push(JSON.parse(data) as Record<string, unknown>); }
  close(): void { this.closed = true; }
  accept(): void { this.onopen?.(); }
  say(message: unknown): void { this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) }); }
  drop(code = 1006): void { this.onclose?.({ code }); }
}

interface Bed { sockets: ScriptedSocket[]; delays: number[]; states: string[]; client: LiveClient; tick(): void; last(): ScriptedSocket; lost: number }

function bed(options: Partial<LiveOptions> = {}): Bed {
  const sockets: ScriptedSocket[] = [];
  const delays: number[] = [];
  const states: string[] = [];
  /** At most one timer runs: for the next connection, or for silence. */
  let timer: (() => void) | undefined;
  const made: Bed = {
    sockets, delays, states, lost: 0,
    tick() { const run = timer; timer = undefined; run?.(); },
    last() { const socket = sockets.at(-1); if (!socket) throw new Error('no socket was opened'); return socket; },
    client: createLive({
      open() { const socket = new ScriptedSocket(); sockets.push(socket); return socket; },
      sessionGood: () => Promise.resolve(true),
      onSessionLost: () => { made.lost++; },
      onState: (state) => { states.push(state); },
      random: () => 1,
      setTimer: (run, ms) => { delays.push(ms); timer = run; return run; },
      clearTimer: (given) => { if (given !== undefined && given === timer) timer = undefined; },
      ...options,
    }),
  };
  return made;
}

const object = (name: string, version: number): WatchedObject => ({ metadata: { name, uid: `uid-${name}`, resourceVersion: String(version) } });
const names = (items: readonly WatchedObject[]): string[] => items.map((item) => item.metadata.name);

function watchHosts({ client }: Bed): { log: string[]; stop: () => void } {
  const log: string[] = [];
  const stop = client.watch('Host', {
    replace: (items) => { log.push(`replace ${names(items).join(',')}`); },
    event: (type, item) => { log.push(`${type} ${item.metadata.name}`); },
    state: (state) => { log.push(state); },
    refused: (code) => { log.push(`refused ${code}`); },
  });
  return { log, stop };
}

describe('live channel of the page', () => {
  it('opens one socket for all subscriptions and sends each when it is open', () => {
    const test = bed();
    watchHosts(test);
    test.client.progress(() => undefined);
    expect(test.sockets).to.have.length(1);
    expect(test.last().sent).to.deep.equal([]);
    test.last().accept();
    expect(test.last().sent).to.deep.equal([{ type: 'watch', id: 's1', kind: 'Host' }, { type: 'progress', id: 's2' }]);
    expect(test.states).to.deep.equal(['live']);
  });

  it('takes a list in pages as one set, then events', () => {
    const test = bed();
    const { log } = watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [object('a', 1)], resourceVersion: '9', more: true });
    expect(log).to.deep.equal([]);
    test.last().say({ type: 'list', id: 's1', items: [object('b', 2)], resourceVersion: '9', more: false });
    test.last().say({ type: 'event', id: 's1', event: 'MODIFIED', object: object('a', 10) });
    expect(log).to.deep.equal(['replace a,b', 'live', 'MODIFIED a']);
  });

  it('resumes a watch after the last version it saw, without a new list', () => {
    const test = bed();
    const { log } = watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [object('a', 1)], resourceVersion: '9', more: false });
    test.last().say({ type: 'event', id: 's1', event: 'ADDED', object: object('b', 12) });
    test.last().drop();
    test.tick();
    test.last().accept();
    expect(test.last().sent).to.deep.equal([{ type: 'watch', id: 's1', kind: 'Host', resourceVersion: '12' }]);
    expect(log).to.deep.equal(['replace a', 'live', 'ADDED b', 'stale', 'live']);
    expect(test.states).to.deep.equal(['live', 'stale', 'live']);
  });

  it('throws a half-told list away and asks for all of it again', () => {
    const test = bed();
    const { log } = watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [object('a', 1)], resourceVersion: '9', more: true });
    test.last().drop();
    test.tick();
    test.last().accept();
    expect(test.last().sent).to.deep.equal([{ type: 'watch', id: 's1', kind: 'Host' }]);
    test.last().say({ type: 'list', id: 's1', items: [object('b', 1)], resourceVersion: '11', more: false });
    expect(log).to.deep.equal(['replace b', 'live']);
  });

  it('is stale after gone until the fresh list is complete, and then resumes from that', () => {
    const test = bed();
    const { log } = watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [object('a', 1)], resourceVersion: '9', more: false });
    test.last().say({ type: 'gone', id: 's1' });
    test.last().say({ type: 'list', id: 's1', items: [object('c', 30)], resourceVersion: '30', more: false });
    test.last().drop();
    test.tick();
    test.last().accept();
    expect(log).to.deep.equal(['replace a', 'live', 'stale', 'replace c', 'live', 'stale', 'live']);
    expect(test.last().sent[0]).to.include({ resourceVersion: '30' });
  });

  it('delivers every log line once and in order however often the link breaks (J2)', () => {
    const test = bed();
    const seen: LogLine[] = [];
    const ends: string[] = [];
    test.client.tail('job-1', { lines: (lines) => { seen.push(...lines); }, end: (status) => { ends.push(status); }, refused: () => undefined });
    const line = (seq: number): LogLine => ({ seq, ts: '', stream: 'stdout', payload: String(seq) });
    test.last().accept();
    test.last().say({ type: 'log', id: 's1', lines: [line(1), line(2)] });
    test.last().drop();
    test.tick();
    test.last().accept();
    expect(test.last().sent[0]).to.include({ type: 'tail', job: 'job-1', from: 3 });
    test.last().say({ type: 'log', id: 's1', lines: [line(2), line(3)] });
    test.last().say({ type: 'end', id: 's1', status: 'succeeded' });
    expect(seen.map((entry) => entry.seq)).to.deep.equal([1, 2, 3]);
    expect(ends).to.deep.equal(['succeeded']);
  });

  it('does not ask again for the tail of a job that is over', () => {
    const test = bed();
    test.client.tail('job-1', { lines: () => undefined, end: () => undefined, refused: () => undefined });
    test.last().accept();
    test.last().say({ type: 'end', id: 's1', status: 'failed' });
    test.last().drop();
    test.tick();
    test.last().accept();
    expect(test.last().sent).to.deep.equal([]);
  });

  it('waits longer from failure to failure, at most 20 s, and starts anew once the server has spoken', async () => {
    const test = bed();
    watchHosts(test);
    for (let attempt = 0; attempt < 8; attempt++) {
      test.last().drop();
      await Promise.resolve();
      await Promise.resolve();
      test.tick();
    }
    expect(test.delays).to.deep.equal([500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [], resourceVersion: '1', more: false });
    test.last().drop();
    expect(test.delays.at(-1)).to.equal(500);
  });

  it('spreads reconnects: the wait lies between half and all of the ceiling', async () => {
    const test = bed({ random: () => 0 });
    watchHosts(test);
    test.last().drop();
    await Promise.resolve();
    await Promise.resolve();
    expect(test.delays).to.deep.equal([250]);
  });

  it('gives up and says so when the session is over', async () => {
    const test = bed({ sessionGood: () => Promise.resolve(false) });
    watchHosts(test);
    test.last().drop();
    await Promise.resolve();
    await Promise.resolve();
    expect(test.lost).to.equal(1);
    expect(test.delays).to.deep.equal([]);
  });

  it('checks the session when the server ends a socket for want of one', async () => {
    const test = bed({ sessionGood: () => Promise.resolve(false) });
    watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [], resourceVersion: '1', more: false });
    test.last().drop(4401);
    await Promise.resolve();
    await Promise.resolve();
    expect(test.lost).to.equal(1);
  });

  it('connects at once when it is woken, not after the wait', () => {
    const test = bed();
    watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [], resourceVersion: '1', more: false });
    test.last().drop();
    expect(test.sockets).to.have.length(1);
    test.client.wake();
    expect(test.sockets).to.have.length(2);
  });

  it('asks after 25 s of silence whether anybody is there, and takes no answer within 10 s for a loss', () => {
    const test = bed();
    const { log } = watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [], resourceVersion: '1', more: false });
    expect(test.delays.at(-1)).to.equal(25_000);
    test.tick();
    expect(test.last().sent.at(-1)).to.deep.equal({ type: 'ping', id: 'pulse' });
    test.last().say({ type: 'pong', id: 'pulse' });
    expect(test.delays.slice(-2)).to.deep.equal([10_000, 25_000]);
    test.tick();
    test.tick();
    expect(test.last().closed).to.equal(true);
    expect(test.states.at(-1)).to.equal('stale');
    expect(log.at(-1)).to.equal('stale');
    test.tick();
    expect(test.sockets).to.have.length(2);
  });

  it('asks at once after a machine woke up', () => {
    const test = bed();
    watchHosts(test);
    test.last().accept();
    test.last().say({ type: 'list', id: 's1', items: [], resourceVersion: '1', more: false });
    test.client.wake();
    expect(test.delays.at(-1)).to.equal(0);
  });

  it('stops a subscription on the server and forgets it', () => {
    const test = bed();
    const { stop, log } = watchHosts(test);
    test.last().accept();
    stop();
    expect(test.last().sent.at(-1)).to.deep.equal({ type: 'stop', id: 's1' });
    test.last().say({ type: 'list', id: 's1', items: [], resourceVersion: '1', more: false });
    expect(log).to.deep.equal([]);
  });

  it('passes a refusal on and ignores what is no message', () => {
    const test = bed();
    const { log } = watchHosts(test);
    test.last().accept();
    for (const nonsense of ['', '{', 'null', '[]', '{"type":7}', '{"type":"list","id":"other","items":[]}']) test.last().say(nonsense);
    test.last().say({ type: 'error', id: 's1', code: 'forbidden', message: 'role viewer may not' });
    expect(log).to.deep.equal(['refused forbidden']);
  });
});
