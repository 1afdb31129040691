import { expect } from 'chai';
import fc from 'fast-check';
import type { Change } from './environment.js';
import { createWriteQueue, type Transaction, type WriteQueue } from './writeQueue.js';

/** A disk of which the test says when a transaction ends and how. */
class Disk {
  readonly data = new Map<string, string>();
  readonly commits: Change[][] = [];
  #settle: ((error?: Error) => void) | undefined;
  #started: (() => void) | undefined;

  commit(changes: readonly Change[]): Promise<void> {
    this.commits.push([...changes]);
    this.#started?.();
    return new Promise((resolve, reject) => {
      this.#settle = (error) => {
        if (error !== undefined) return reject(error);
        for (const { key, value } of changes) if (value === undefined) this.data.delete(key); else this.data.set(key, value);
        resolve();
      };
    });
  }

  async started(count: number): Promise<void> {
    while (this.commits.length < count) await new Promise<void>((resolve) => { this.#started = resolve; });
  }

  end(error?: Error): void { this.#settle?.(error); }
}

const add = (key: string, by = 1) => (transaction: Transaction<number>): number => {
  const value = (transaction.get(key) ?? 0) + by;
  transaction.put(key, value, String(value));
  return value;
};

describe('the write queue', () => {
  let disk: Disk;
  let queue: WriteQueue<number>;
  let applied: string[];
  beforeEach(() => {
    disk = new Disk();
    applied = [];
    queue = createWriteQueue<number>({
      load: (key) => { const text = disk.data.get(key); return text === undefined ? undefined : Number(text); },
      commit: (changes) => disk.commit(changes),
      applied: (writes) => { for (const { key, before, value } of writes) applied.push(`${key}: ${before} -> ${value}`); },
    });
  });

  it('puts what arrives in one turn into one transaction, the last value of a key once', async () => {
    const results = Promise.all([queue.run(add('a')), queue.run(add('a')), queue.run(add('b'))]);
    await disk.started(1);
    disk.end();
    expect(await results).to.deep.equal([1, 2, 1]);
    expect(disk.commits).to.deep.equal([[{ key: 'a', value: '2' }, { key: 'b', value: '1' }]]);
    expect(applied).to.deep.equal(['a: undefined -> 1', 'a: 1 -> 2', 'b: undefined -> 1']);
  });

  it('decides on what is not durable yet, and shows readers only what is', async () => {
    const first = queue.run(add('a'));
    await disk.started(1);
    const second = queue.run(add('a'));
    expect(queue.durable('a')).to.equal(undefined);
    disk.end();
    await first;
    expect(queue.durable('a')).to.equal(1);
    await disk.started(2);
    disk.data.set('a', '2'); // The file shows a transaction before it is told.
    expect(queue.durable('a')).to.equal(1);
    disk.end();
    expect(await second).to.equal(2);
    expect(queue.durable('a')).to.equal(2);
  });

  it('tells a refusal that rests on an undurable write only when that write is durable', async () => {
    const made = queue.run(add('a'));
    let told = false;
    const refused = queue.run((transaction) => { if (transaction.get('a') !== undefined) throw new Error('there already'); }).catch((error: unknown) => { told = true; return error; });
    await disk.started(1);
    expect(told).to.equal(false);
    disk.end();
    await made;
    expect(await refused).to.be.an('error').with.property('message', 'there already');
  });

  it('tells at once what rests on durable state alone', async () => {
    void queue.run(add('a')).catch(() => undefined);
    await disk.started(1);
    expect(await queue.run((transaction) => transaction.get('b'))).to.equal(undefined);
    disk.end();
  });

  it('refuses a failed transaction whole, and decides again what came after it', async () => {
    const failing = Promise.allSettled([queue.run(add('a', 10)), queue.run(add('b', 10))]);
    await disk.started(1);
    const later = queue.run(add('a'));
    const conflict = queue.run((transaction) => { if (transaction.get('b') !== undefined) throw new Error('there already'); return add('b')(transaction); });
    disk.end(new Error('disk full'));
    expect((await failing).map((outcome) => outcome.status)).to.deep.equal(['rejected', 'rejected']);
    await disk.started(2);
    disk.end();
    expect(await later).to.equal(1);
    expect(await conflict).to.equal(1);
    expect([...disk.data]).to.deep.equal([['a', '1'], ['b', '1']]);
  });

  it('does other work only while nothing is in flight, and lets what gathers wait for it', async () => {
    const order: string[] = [];
    const first = queue.run(add('a')).then(() => order.push('first'));
    await disk.started(1);
    let end = (): void => undefined;
    const worked = queue.between(() => { order.push('work'); return new Promise<void>((resolve) => { end = resolve; }); });
    const second = queue.run(add('a'));
    expect(order).to.deep.equal([]);
    disk.end();
    await first;
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(order).to.deep.equal(['first', 'work']);
    expect(disk.commits).to.have.length(1);
    end();
    await worked;
    await disk.started(2);
    disk.end();
    expect(await second).to.equal(2);
  });

  it('goes on after other work that failed', async () => {
    expect(await queue.between(() => Promise.reject(new Error('no luck'))).catch((error: unknown) => error)).to.be.an('error').with.property('message', 'no luck');
    const next = queue.run(add('a'));
    await disk.started(1);
    disk.end();
    expect(await next).to.equal(1);
  });

  it('waits for all that is under way when it closes, and takes nothing more', async () => {
    const first = queue.run(add('a'));
    await disk.started(1);
    const second = queue.run(add('a'));
    const closed = queue.close(() => new Error('closed'));
    disk.end();
    await disk.started(2);
    disk.end();
    await closed;
    expect([await first, await second]).to.deep.equal([1, 2]);
    expect(await queue.run(add('a')).catch((error: unknown) => error)).to.be.an('error').with.property('message', 'closed');
  });

  it('ends in the sum of the acknowledged writes whatever fails (property)', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), by: fc.integer({ min: 1, max: 9 }) }), { minLength: 1, maxLength: 40 }), fc.infiniteStream(fc.boolean()), async (steps, luck) => {
      const store = new Map<string, string>();
      const own = createWriteQueue<number>({
        load: (key) => { const text = store.get(key); return text === undefined ? undefined : Number(text); },
        async commit(changes) {
          await new Promise((resolve) => { setImmediate(resolve); });
          if (luck.next().value) throw new Error('no luck');
          for (const { key, value } of changes) if (value !== undefined) store.set(key, value);
        },
      });
      const sums = new Map<string, number>();
      await Promise.all(steps.map(async ({ key, by }, index) => {
        for (let turn = 0; turn < index % 5; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
        await own.run(add(key, by)).then(() => sums.set(key, (sums.get(key) ?? 0) + by), () => undefined);
      }));
      expect(Object.fromEntries([...store].map(([key, text]) => [key, Number(text)]))).to.deep.equal(Object.fromEntries(sums));
    }), { numRuns: 100 });
  });
});
