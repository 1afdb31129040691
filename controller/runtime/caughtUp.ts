/**
 * Read your own writes: after a patch a reconcile waits until the cache has moved past the version it overwrote, so that the
 * next decision about the same host or repository is never made from before it. Bounded: a cache that lags costs a moment.
 */
import type { Kind } from '#crds/kinds.js';
import { keyOf, keyText, type ObjectKey } from '#crds/meta.js';
import type { Clock } from '../ports.js';
import type { Cache, CacheEvent, ReconcileContext } from './types.js';

const PATIENCE_MS = 2000;

export interface CaughtUp {
  wait: ReconcileContext['caughtUp'];
  onChange(event: CacheEvent): void;
  /** Nobody waits from now on. */
  stop(): void;
}

export function createCaughtUp({ cache, clock }: { cache: Cache; clock: Clock }): CaughtUp {
  const waiting = new Map<string, Set<() => void>>();
  let stopped = false;
  const textOf = (kind: Kind, key: ObjectKey): string => `${kind}|${keyText(key)}`;
  const release = (text: string): void => { for (const resolve of [...(waiting.get(text) ?? [])]) resolve(); };

  return {
    wait(kind, key, overwritten) {
      if (stopped || cache.get(kind, key)?.metadata.resourceVersion !== overwritten) return Promise.resolve();
      const text = textOf(kind, key);
      return new Promise((resolve) => {
        const finish = (): void => {
          cancel();
          waiting.get(text)?.delete(finish);
          if (waiting.get(text)?.size === 0) waiting.delete(text);
          resolve();
        };
        const cancel = clock.setTimer(PATIENCE_MS, finish);
        const set = waiting.get(text) ?? new Set<() => void>();
        set.add(finish);
        waiting.set(text, set);
      });
    },
    onChange(event) {
      release(textOf(event.kind, keyOf(event.object)));
    },
    stop() {
      stopped = true;
      for (const text of [...waiting.keys()]) release(text);
    },
  };
}
