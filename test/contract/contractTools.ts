/** What the suites of the contract share: the subject, a writer, refusals, events. */
import { randomBytes } from 'node:crypto';
import { newObject, type Host } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import type { ObjectStore, WatchEvent, WriteOptions } from '#crds/objectStore.js';

export interface ContractSubject {
  store: ObjectStore;
  namespace: string;
  /** Makes every version up to now too old to resume from. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

export const by = (fieldManager = 'contract'): WriteOptions => ({ principal: { name: 'system:contract', role: 'system' }, door: 'system', fieldManager });

export async function refusal(attempt: Promise<unknown>): Promise<Error> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it was not refused');
}

/** The first `count` events, or an error when they do not come in time. */
export async function take<T>(events: AsyncIterable<WatchEvent<T>>, count: number): Promise<WatchEvent<T>[]> {
  const taken: WatchEvent<T>[] = [];
  if (count === 0) return taken;
  const iterator = events[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error(`only ${taken.length} of ${count} events came: ${JSON.stringify(taken.map(shape))}`)); }, 8000); });
  try {
    while (taken.length < count) {
      const next = await Promise.race([iterator.next(), late]);
      if (next.done === true) break;
      taken.push(next.value);
    }
  } finally {
    clearTimeout(timer);
    late.catch(() => undefined);
    await iterator.return?.();
  }
  return taken;
}

/** `ADDED web1@12` */
export function shape<T>(event: WatchEvent<T>): string {
  if (event.type === 'BOOKMARK') return `BOOKMARK @${event.resourceVersion}`;
  const { metadata } = event.object as { metadata: { name: string; resourceVersion: string } };
  return `${event.type} ${metadata.name}@${metadata.resourceVersion}`;
}

/** What one run of the suite works with: names no other run has, Hosts as the simplest kind. */
export interface Bench extends ContractSubject {
  /** Random, in every name and selector of this run. */
  run: string;
  serial(): number;
  fresh(prefix?: string): ObjectKey;
  makeHost(key: ObjectKey, labels?: Record<string, string>, spec?: Host['spec']): Promise<Stored<Host>>;
}

export const host = (key: ObjectKey, labels?: Record<string, string>, spec: Host['spec'] = {}): Host => newObject('Host', { ...key, ...(labels === undefined ? {} : { labels }) }, { spec });

export function benchOf(subject: ContractSubject): Bench {
  const run = randomBytes(3).toString('hex');
  let count = 0;
  const serial = (): number => (count += 1);
  return {
    ...subject, run, serial,
    fresh: (prefix = 'h') => ({ namespace: subject.namespace, name: `${prefix}-${run}-${serial()}` }),
    makeHost: (key, labels, spec) => subject.store.create('Host', host(key, labels, spec), by()),
  };
}
