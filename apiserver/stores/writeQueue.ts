/**
 * Group commit for read-modify-write. Each write is decided at once, synchronously, against the head: what is durable plus
 * what was decided and not yet committed. While one transaction is on its way to the disk, the next gathers. Nothing is
 * told to anyone before its transaction is durable, a refusal that rests on an undurable write included.
 *
 * When a transaction fails, its writes are refused and everything decided after them is decided again, because it may
 * have rested on them.
 *
 *   run() -> decided -> [gathering] -> [in flight] -> applied(), resolved
 *                            ^              |
 *                            +-- decided again when the flight fails (the flight itself: rejected)
 */
import type { Change } from './environment.js';

export interface Transaction<V> {
  /** The head value of a key. */
  get(key: string): V | undefined;
  /** Replaces the head value; `stored` is what the file will hold. */
  put(key: string, value: V, stored: string): void;
  remove(key: string): void;
}

export interface Applied<V> { key: string; before: V | undefined; value: V | undefined; stored: string | undefined }

export interface WriteQueueHooks<V> {
  /** Reads a durable value. Not called for keys the queue holds. */
  load(key: string): V | undefined;
  commit(changes: readonly Change[]): Promise<void>;
  /** Further changes that belong to every transaction, e.g. the counter. */
  also?(): Change[];
  /** One write became durable; called in the order of decision, before the writer is told. */
  applied?(writes: readonly Applied<V>[]): void;
  /** The head fell back to what is durable. */
  rolledBack?(): void;
  /** All of one transaction was applied and every writer told. */
  flushed?(): void;
}

interface Operation<V> {
  decide: (transaction: Transaction<V>) => unknown;
  writes: Applied<V>[];
  outcome: { ok: true; value: unknown } | { ok: false; error: unknown };
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export interface WriteQueue<V> {
  /** Decides now and resolves with the decision's result when it and all it rests on are durable. `decide` may be called again; it must be pure but for the transaction. */
  run<T>(decide: (transaction: Transaction<V>) => T): Promise<T>;
  /** The durable value: never one that is still in flight. */
  durable(key: string): V | undefined;
  /** Whether a key has a write that is not durable yet: what the file shows of it may be too new. */
  holds(key: string): boolean;
  /** Does `work` while nothing is in flight: what gathers meanwhile flies after it. Resolves and rejects as `work`. */
  between(work: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is gathering or in flight. Later writes are refused with `error`. */
  close(error: () => Error): Promise<void>;
}

export function createWriteQueue<V>(hooks: WriteQueueHooks<V>): WriteQueue<V> {
  /** Undurable values by key, and how many undurable writes each key still has. */
  const head = new Map<string, { value: V | undefined; writes: number }>();
  /** The durable values of the keys in `head`: the file may already show the transaction in flight. */
  const held = new Map<string, V | undefined>();
  let gathering: Operation<V>[] = [];
  let flying = false;
  let scheduled = false;
  const breaks: (() => Promise<void>)[] = [];
  let closed: (() => Error) | undefined;
  let idle: (() => void)[] = [];

  const durable = (key: string): V | undefined => (held.has(key) ? held.get(key) : hooks.load(key));

  function decide(operation: Operation<V>): void {
    let leansOnHead = false;
    operation.writes = [];
    const written = new Map<string, Applied<V>>();
    const write = (key: string, value: V | undefined, stored: string | undefined): void => {
      const earlier = written.get(key);
      if (earlier !== undefined) Object.assign(earlier, { value, stored });
      else written.set(key, { key, before: read(key), value, stored });
    };
    const read = (key: string): V | undefined => {
      const undurable = head.get(key);
      if (undurable === undefined) return durable(key);
      leansOnHead = true;
      return undurable.value;
    };
    try {
      const value = operation.decide({
        get: (key) => { const own = written.get(key); return own === undefined ? read(key) : own.value; },
        put: (key, next, stored) => { write(key, next, stored); },
        remove: (key) => { write(key, undefined, undefined); },
      });
      operation.outcome = { ok: true, value };
      operation.writes = [...written.values()];
    } catch (error) {
      operation.outcome = { ok: false, error };
    }
    if (operation.writes.length === 0 && !leansOnHead) return tell(operation);
    for (const { key, value } of operation.writes) {
      const undurable = head.get(key);
      if (undurable === undefined) {
        held.set(key, hooks.load(key));
        head.set(key, { value, writes: 1 });
      } else {
        undurable.value = value;
        undurable.writes += 1;
      }
    }
    gathering.push(operation);
    schedule();
  }

  /** setImmediate: everything that arrived in the same turn of the loop shares the transaction. */
  function schedule(): void {
    if (flying || scheduled) return;
    scheduled = true;
    setImmediate(() => { scheduled = false; void fly(); });
  }

  async function fly(): Promise<void> {
    flying = true;
    while (breaks.length > 0) await breaks.shift()?.();
    flying = false;
    const batch = gathering;
    gathering = [];
    const changes = new Map<string, Change>();
    for (const operation of batch) for (const { key, stored } of operation.writes) changes.set(key, stored === undefined ? { key } : { key, value: stored });
    if (changes.size > 0) {
      for (const change of hooks.also?.() ?? []) changes.set(change.key, change);
      flying = true;
      try {
        await hooks.commit([...changes.values()]);
      } catch (error) {
        flying = false;
        return failed(batch, error);
      }
      flying = false;
    }
    for (const operation of batch) land(operation);
    for (const operation of batch) tell(operation);
    hooks.flushed?.();
    if (breaks.length > 0) schedule();
    else if (gathering.length > 0) void fly();
    else settle();
  }

  function land(operation: Operation<V>): void {
    for (const { key, value } of operation.writes) {
      const undurable = head.get(key);
      if (undurable === undefined) continue;
      undurable.writes -= 1;
      if (undurable.writes > 0) held.set(key, value);
      else { head.delete(key); held.delete(key); }
    }
    if (operation.writes.length > 0) hooks.applied?.(operation.writes);
  }

  function failed(batch: Operation<V>[], error: unknown): void {
    const later = gathering;
    gathering = [];
    head.clear();
    held.clear();
    hooks.rolledBack?.();
    for (const operation of batch) operation.reject(error);
    for (const operation of later) decide(operation);
    if (breaks.length > 0) schedule();
    else if (gathering.length === 0) settle();
  }

  function settle(): void {
    const waiting = idle;
    idle = [];
    for (const resolve of waiting) resolve();
  }

  return {
    durable,
    holds: (key) => held.has(key),
    run<T>(work: (transaction: Transaction<V>) => T): Promise<T> {
      if (closed !== undefined) return Promise.reject(closed());
      return new Promise<T>((resolve, reject) => {
        decide({ decide: work, writes: [], outcome: { ok: true, value: undefined }, resolve: resolve as (value: unknown) => void, reject });
      });
    },
    between(work) {
      return new Promise((resolve, reject) => {
        breaks.push(() => work().then(resolve, reject));
        schedule();
      });
    },
    async close(error) {
      closed ??= error;
      if (flying || scheduled || gathering.length > 0 || breaks.length > 0) await new Promise<void>((resolve) => idle.push(resolve));
    },
  };
}

function tell<V>(operation: Operation<V>): void {
  if (operation.outcome.ok) operation.resolve(operation.outcome.value);
  else operation.reject(operation.outcome.error);
}
