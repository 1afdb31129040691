import { expect } from 'chai';
import { Conflict } from '#crds/objectStore.js';
import type { Log } from '../ports.js';
import { FakeClock } from './clock.js';
import { startLoop } from './loop.js';
import { WorkQueue } from './queue.js';
import { TerminalError, type Result } from './types.js';

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const quiet: Log = { debug() { /* quiet */ }, info() { /* quiet */ }, warn() { /* quiet */ }, error() { /* quiet */ } };

describe('the work queue', () => {
  const clock = new FakeClock(0);
  const queueWith = (options: Partial<ConstructorParameters<typeof WorkQueue>[0]> = {}): WorkQueue => new WorkQueue({ clock, random: () => 0.9999999, ...options });

  it('hands a key out once however often it was added', async () => {
    const queue = queueWith();
    for (let count = 0; count < 5; count++) queue.add('a');
    queue.add('b');
    expect([await queue.take(), await queue.take()]).to.deep.equal(['a', 'b']);
    expect(queue.length).to.equal(0);
  });

  it('never gives one key to two workers: what is added meanwhile comes afterwards', async () => {
    const queue = queueWith();
    queue.add('a');
    await queue.take();
    queue.add('a');
    const second = queue.take();
    let got = false;
    void second.then(() => { got = true; });
    await turn();
    expect(got).to.equal(false);
    queue.done('a');
    expect(await second).to.equal('a');
  });

  it('keeps the keys of one lane apart, and lets others pass', async () => {
    const queue = queueWith({ lane: (key) => key[0] ?? '' });
    for (const key of ['a1', 'a2', 'b1']) queue.add(key);
    expect([await queue.take(), await queue.take()]).to.deep.equal(['a1', 'b1']);
    queue.done('a1');
    expect(await queue.take()).to.equal('a2');
  });

  it('lets the next of a lane have its turn before those that came later, in the order they came', async () => {
    const queue = queueWith({ lane: (key) => key[0] ?? '' });
    for (const key of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) queue.add(key);
    expect([await queue.take(), await queue.take()]).to.deep.equal(['a1', 'b1']);
    queue.add('a2');
    queue.done('a1');
    expect(await queue.take()).to.equal('a2');
    queue.add('a4');
    queue.done('a2');
    expect(await queue.take(), 'it stood in line already').to.equal('a3');
    queue.done('b1');
    queue.done('a3');
    expect([await queue.take(), await queue.take(), await queue.take(), queue.length]).to.deep.equal(['b2', 'c1', 'a4', 0]);
  });

  it('forgets nobody when a key that waits for a lane has gone to another one meanwhile', async () => {
    const lanes: Record<string, string> = { a1: 'a', a2: 'a', a3: 'a', b1: 'b' };
    const queue = queueWith({ lane: (key) => lanes[key] ?? key });
    for (const key of ['a1', 'b1', 'a2', 'a3']) queue.add(key);
    expect([await queue.take(), await queue.take()]).to.deep.equal(['a1', 'b1']);
    const third = queue.take();
    lanes['a2'] = 'b';
    queue.done('a1');
    expect(await third).to.equal('a3');
    queue.done('a3');
    queue.done('b1');
    expect(await queue.take()).to.equal('a2');
    queue.done('a2');
    expect(queue.idle).to.equal(true);
  });

  it('costs each key the same however many wait in its lane', async () => {
    const lane = Object.assign((): string => { lane.asked++; return 'all'; }, { asked: 0 });
    const queue = queueWith({ lane });
    const count = 5000;
    for (let n = 0; n < count; n++) queue.add(String(n));
    for (let n = 0; n < count; n++) {
      const also = n + 1 < count ? queue.take() : undefined;
      if (n === 0) { expect(await also).to.equal('0'); continue; }
      queue.done(String(n - 1));
      expect(await also).to.equal(also && String(n));
    }
    expect(lane.asked).to.be.at.most(2 * count);
  });

  it('backs off exponentially to its cap, with jitter, and starts over after success', () => {
    const queue = queueWith({ baseDelay: 100, maxDelay: 1000 });
    const delays = Array.from({ length: 6 }, () => Math.round(queue.addRateLimited('a')));
    expect(delays).to.deep.equal([100, 200, 400, 800, 1000, 1000]);
    queue.forget('a');
    expect(Math.round(queue.addRateLimited('a'))).to.equal(100);
    expect(queueWith({ random: () => 0, baseDelay: 100 }).addRateLimited('b')).to.equal(50);
  });

  it('keeps the earliest of several delayed adds, and waits an hour at most', () => {
    const queue = queueWith();
    queue.addAfter('a', 5000);
    queue.addAfter('a', 1000);
    queue.addAfter('a', 9000);
    clock.advance(999);
    expect(queue.length).to.equal(0);
    clock.advance(1);
    expect(queue.length).to.equal(1);
    queue.addAfter('late', 400 * 86_400_000);
    clock.advance(3_600_000);
    expect(queue.length).to.equal(2);
  });

  it('lets an aggregate through once per interval, and never forgets the last of many', async () => {
    const queue = queueWith();
    queue.addThrottled('a', 10_000);
    expect(queue.length).to.equal(1);
    queue.done((await queue.take()) ?? '');
    clock.advance(4000);
    queue.addThrottled('a', 10_000);
    queue.addThrottled('a', 10_000);
    clock.advance(5999);
    expect(queue.length).to.equal(0);
    clock.advance(1);
    expect(queue.length).to.equal(1);
    queue.done((await queue.take()) ?? '');
    queue.addThrottled('a', 10_000);
    expect(queue.length, 'ten seconds from the second one').to.equal(0);
    clock.advance(10_000);
    expect(queue.length).to.equal(1);
  });

  it('lets its workers go when it stops', async () => {
    const queue = queueWith();
    const waiting = queue.take();
    queue.stop();
    expect(await waiting).to.equal(undefined);
    queue.add('a');
    expect(await queue.take()).to.equal(undefined);
  });
});

describe('the worker loop', () => {
  const run = async (reconcile: () => Promise<Result>): Promise<{ queue: WorkQueue; clock: FakeClock; stop: () => Promise<void> }> => {
    const clock = new FakeClock(0);
    const queue = new WorkQueue({ clock, random: () => 0 });
    const loop = startLoop({ name: 'Test', queue, workers: 1, reconcile, log: quiet });
    queue.add('default/a');
    await queue.whenIdle();
    return { queue, clock, stop: () => loop.stop() };
  };

  it('tries again after a failure, later after the next, and not after a terminal one', async () => {
    let runs = 0;
    const { queue, clock, stop } = await run(() => { runs++; return Promise.reject(runs < 3 ? new Error('no') : new TerminalError('never')); });
    expect([runs, queue.failuresOf('default/a')]).to.deep.equal([1, 1]);
    for (let step = 0; step < 20; step++) { clock.advance(100); await turn(); await queue.whenIdle(); }
    expect([runs, queue.failuresOf('default/a')]).to.deep.equal([3, 0]);
    await stop();
  });

  it('takes a conflict for a reason to read again, soon', async () => {
    let runs = 0;
    const { queue, clock, stop } = await run(() => { runs++; return runs === 1 ? Promise.reject(new Conflict('changed')) : Promise.resolve({}); });
    clock.advance(50);
    await turn();
    await queue.whenIdle();
    expect([runs, queue.failuresOf('default/a')]).to.deep.equal([2, 0]);
    await stop();
  });

  it('comes back when it was asked to', async () => {
    let runs = 0;
    const { queue, clock, stop } = await run(() => { runs++; return Promise.resolve(runs === 1 ? { requeueAfter: 5000 } : {}); });
    clock.advance(4999);
    expect(queue.length).to.equal(0);
    clock.advance(1);
    await turn();
    await queue.whenIdle();
    expect(runs).to.equal(2);
    await stop();
  });

  it('ends only after the reconcile in flight', async () => {
    let finish: () => void = () => undefined;
    const clock = new FakeClock(0);
    const queue = new WorkQueue({ clock });
    const loop = startLoop({ name: 'Test', queue, workers: 1, log: quiet, reconcile: () => new Promise((resolve) => { finish = () => { resolve({}); }; }) });
    queue.add('default/a');
    await turn();
    let stopped = false;
    const stopping = loop.stop().then(() => { stopped = true; });
    await turn();
    expect(stopped).to.equal(false);
    finish();
    await stopping;
  });
});
