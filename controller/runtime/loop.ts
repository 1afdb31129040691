/**
 * The worker loop of one kind, and the only place that knows what happens after a reconcile: done, again later, again
 * soon because someone else wrote first, back off, or leave it until the object changes.
 */
import { Conflict } from '#crds/objectStore.js';
import type { ObjectKey } from '#crds/meta.js';
import type { Log } from '../ports.js';
import { MAX_DELAY, type WorkQueue } from './queue.js';
import { TerminalError, type Result } from './types.js';

export type Reconcile = (key: string) => Promise<Result>;

export interface Loop {
  /** Resolves when the reconciles in flight have ended; no more begin. */
  stop(): Promise<void>;
}

type Ending = { type: 'done' } | { type: 'later'; after: number } | { type: 'conflict' } | { type: 'terminal'; error: Error } | { type: 'retry'; error: unknown };

async function attempt(reconcile: Reconcile, key: string): Promise<Ending> {
  try {
    const { requeueAfter } = await reconcile(key);
    return requeueAfter === undefined ? { type: 'done' } : { type: 'later', after: requeueAfter };
  } catch (error) {
    if (error instanceof Conflict) return { type: 'conflict' };
    if (error instanceof TerminalError) return { type: 'terminal', error };
    return { type: 'retry', error };
  }
}

/** The key of an object from its queue text, `namespace/name`. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** After this many reconciles in a row the event loop gets its turn, so that a full resync does not stop the sockets. */
const TURN = 20;

export function startLoop(options: { name: string; queue: WorkQueue; workers: number; reconcile: Reconcile; log: Log }): Loop {
  const { name, queue, reconcile, log } = options;
  let sinceYield = 0;

  async function work(): Promise<void> {
    for (;;) {
      const text = await queue.take();
      if (text === undefined) return;
      if (++sinceYield >= TURN) {
        sinceYield = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const ending = await attempt(reconcile, text);
      switch (ending.type) {
        case 'done': queue.forget(text); break;
        case 'later': queue.forget(text); queue.addAfter(text, Math.min(ending.after, MAX_DELAY)); break;
        case 'conflict': log.debug({ kind: name, key: text }, 'someone else wrote first, trying again'); queue.addRateLimited(text); break;
        case 'terminal': queue.forget(text); log.warn({ kind: name, key: text, error: ending.error.message }, 'reconcile stalled until the object changes'); break;
        case 'retry': {
          const delay = queue.addRateLimited(text);
          log.error({ kind: name, key: text, error: describeError(ending.error), retryInMs: Math.round(delay), failures: queue.failuresOf(text) }, 'reconcile failed');
          break;
        }
      }
      queue.done(text);
    }
  }

  const workers = Array.from({ length: options.workers }, () => work());
  return {
    async stop() {
      queue.stop();
      await Promise.all(workers);
    },
  };
}

export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
