import { expect } from 'chai';
import { forEachEvent, type EagerIterator } from './eager.js';

describe('events one after the other', () => {
  /** Numbers in bursts; `take` gives the rest of a burst. */
  function bursts(all: number[][], end?: Error): { events: AsyncIterable<number>; asked: () => number; returned: () => boolean } {
    let burst: number[] = [];
    let asked = 0;
    let returned = false;
    const iterator: EagerIterator<number> = {
      async next() {
        asked += 1;
        burst = all.shift() ?? [];
        const value = burst.shift();
        await Promise.resolve();
        if (value !== undefined) return { done: false, value };
        if (end) throw end;
        return { done: true, value: undefined };
      },
      take: () => burst.shift(),
      return() { returned = true; return Promise.resolve({ done: true, value: undefined }); },
    };
    return { events: { [Symbol.asyncIterator]: () => iterator }, asked: () => asked, returned: () => returned };
  }

  it('come in order, with one promise for what is there together', async () => {
    const seen: number[] = [];
    const { events, asked, returned } = bursts([[1, 2, 3], [4]]);
    await forEachEvent(events, (event) => { seen.push(event); return true; });
    expect(seen).to.deep.equal([1, 2, 3, 4]);
    expect(asked()).to.equal(3);
    expect(returned()).to.equal(false);
  });

  it('wait for whoever takes them, and end when that one wants no more', async () => {
    const seen: number[] = [];
    const { events, returned } = bursts([[1, 2, 3]]);
    await forEachEvent(events, async (event) => { await new Promise((resolve) => { setImmediate(resolve); }); seen.push(event); return event < 2; });
    expect(seen).to.deep.equal([1, 2]);
    expect(returned()).to.equal(true);
  });

  it('pass on how they failed', async () => {
    const { events } = bursts([[1]], new Error('too old'));
    expect(await forEachEvent(events, () => true).catch((error: unknown) => error)).to.be.an('error').with.property('message', 'too old');
  });

  it('come from any iterable', async () => {
    const seen: number[] = [];
    await forEachEvent((async function* () { await Promise.resolve(); yield 1; yield 2; })(), (event) => { seen.push(event); return true; });
    expect(seen).to.deep.equal([1, 2]);
  });
});
