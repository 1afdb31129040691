/**
 * The last changes, for watches that resume, for pages after the first, and for fan-out: a watcher is a position in here,
 * so that a slow one costs nothing and is told Gone when its position is dropped. Bounded by count and by bytes. It does
 * not outlive the process: after a restart the history starts at the version the store has then.
 */
import type { Kind, KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';

export type AnyStored = Stored<KindMap[Kind]>;

export interface Change {
  version: number;
  key: string;
  /** What was there before; absent when the key was new. */
  before: AnyStored | undefined;
  /** What is there now; absent when it was removed. */
  after: AnyStored | undefined;
  /** The object a watcher is shown: `after`, or the last state under the version of the removal. */
  shown: AnyStored;
  /** Bytes this change counts for. */
  size: number;
}

interface KindHistory {
  changes: Change[];
  /** Changes dropped from the front of the array so far: position of changes[0]. */
  offset: number;
  /** Index of the first change that still counts. */
  first: number;
  /** Changes up to this version are not known (any more). */
  floor: number;
  wake: Set<() => void>;
}

export interface History {
  /** Versions at or below it cannot be resumed from. */
  floor(kind: Kind): number;
  add(kind: Kind, change: Change): void;
  /** The position of the first change after a version. */
  positionAfter(kind: Kind, version: number): number;
  /** The change at a position: `undefined` when there is none yet, `'gone'` when it was dropped. */
  at(kind: Kind, position: number): Change | 'gone' | undefined;
  /** Changes after a version, oldest first. */
  after(kind: Kind, version: number): Iterable<Change>;
  /** Calls back once when the kind has changed, or when `wakeAll` is called. Returns the cancel function. */
  onChange(kind: Kind, callback: () => void): () => void;
  wake(kinds: Iterable<Kind>): void;
}

export function createHistory(kinds: readonly Kind[], start: number, limits: { changes: number; bytes: number }): History {
  const byKind = new Map<Kind, KindHistory>(kinds.map((kind) => [kind, { changes: [], offset: 0, first: 0, floor: start, wake: new Set() }]));
  /** Kinds in the order of their changes, so that the oldest of all goes first. */
  let order: Kind[] = [];
  let orderFirst = 0;
  let bytes = 0;

  const of = (kind: Kind): KindHistory => {
    const found = byKind.get(kind);
    if (found === undefined) throw new TypeError(`no kind ${kind}`);
    return found;
  };

  function dropOldest(): void {
    const kind = order[orderFirst];
    if (kind === undefined) return;
    orderFirst += 1;
    const history = of(kind);
    const oldest = history.changes[history.first];
    if (oldest === undefined) return;
    history.first += 1;
    history.floor = oldest.version;
    bytes -= oldest.size;
    if (history.first > 1024 && history.first * 2 > history.changes.length) {
      history.changes = history.changes.slice(history.first);
      history.offset += history.first;
      history.first = 0;
    }
    if (orderFirst > 4096 && orderFirst * 2 > order.length) {
      order = order.slice(orderFirst);
      orderFirst = 0;
    }
  }

  function indexAfter(history: KindHistory, version: number): number {
    let low = history.first;
    let high = history.changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((history.changes[middle]?.version ?? 0) > version) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return {
    floor: (kind) => of(kind).floor,
    add(kind, change) {
      of(kind).changes.push(change);
      order.push(kind);
      bytes += change.size;
      while (order.length - orderFirst > limits.changes || (bytes > limits.bytes && order.length - orderFirst > 1)) dropOldest();
    },
    positionAfter(kind, version) {
      const history = of(kind);
      return history.offset + indexAfter(history, version);
    },
    at(kind, position) {
      const { changes, offset, first } = of(kind);
      return position - offset < first ? 'gone' : changes[position - offset];
    },
    *after(kind, version) {
      const { changes, ...history } = of(kind);
      for (let index = indexAfter({ changes, ...history }, version); index < changes.length; index += 1) {
        const change = changes[index];
        if (change !== undefined) yield change;
      }
    },
    onChange(kind, callback) {
      const { wake } = of(kind);
      wake.add(callback);
      return () => { wake.delete(callback); };
    },
    wake(changed) {
      for (const kind of changed) {
        const { wake } = of(kind);
        const callbacks = [...wake];
        wake.clear();
        for (const callback of callbacks) callback();
      }
    },
  };
}
