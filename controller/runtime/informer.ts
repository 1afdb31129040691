/**
 * List + watch of every kind into shared, frozen, indexed caches: what reconcilers decide from, sessions push from and
 * pages are fed from. A watch that ends is resumed, one that is too old (Gone) is replaced by a fresh list, an error is
 * logged and tried again with back-off. Versions are opaque: only ever compared for equality.
 */
import { kinds as everyKind, type Kind, type KindMap } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import { Gone, type ObjectStore } from '#crds/objectStore.js';
import type { Clock, Log } from '../ports.js';
import { KindCache, type Change } from './kindCache.js';
import { describeError } from './loop.js';
import type { CacheEvent, Informers } from './types.js';

const PAGE = 500;
const RETRY_FROM = 200;
const RETRY_TO = 30_000;

export function createInformers({ store, log, clock, kinds = everyKind }: { store: ObjectStore; log: Log; clock: Clock; kinds?: readonly Kind[] }): Informers {
  const caches = new Map<Kind, KindCache<Kind>>(kinds.map((kind) => [kind, new KindCache(kind)]));
  const listeners = new Set<(event: CacheEvent) => void>();
  const abort = new AbortController();
  const unsynced = new Set<Kind>(kinds);
  const wakers = new Set<() => void>();
  let runs: Promise<void>[] | undefined;
  let started: Promise<void> | undefined;
  let announceSynced: () => void = () => undefined;

  function cacheOf<K extends Kind>(kind: K): KindCache<K> {
    const cache = caches.get(kind);
    if (!cache) throw new Error(`kind ${kind} is not watched`);
    return cache as unknown as KindCache<K>;
  }

  function tell<K extends Kind>(kind: K, change: Change<Stored<KindMap[K]>>): void {
    const event = { kind, ...change } as unknown as CacheEvent;
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error({ kind, object: event.object.metadata.name, error: describeError(error) }, 'a listener of the caches failed');
      }
    }
  }

  async function listAll<K extends Kind>(kind: K): Promise<string> {
    const cache = cacheOf(kind);
    // An empty cache takes pages as they come: nobody reads it before it is whole. Later it is replaced in one step.
    const fills = cache.isEmpty;
    const objects: Stored<KindMap[K]>[] = [];
    let version = '';
    let next: string | undefined;
    do {
      const page = await store.list(kind, next === undefined ? { limit: PAGE } : { limit: PAGE, continue: next });
      const items = page.items.map(frozen);
      if (!fills) objects.push(...items);
      else for (const change of cache.take(items)) tell(kind, change);
      version = page.resourceVersion;
      next = page.continue === '' ? undefined : page.continue;
      // Whoever asks the server something meanwhile gets an answer.
      if (next !== undefined) await new Promise((resolve) => setImmediate(resolve));
      if (abort.signal.aborted) return version;
    } while (next !== undefined);
    if (fills) cache.restart(version);
    else for (const change of cache.replace(objects, version)) tell(kind, change);
    if (unsynced.delete(kind) && unsynced.size === 0) announceSynced();
    return version;
  }

  /** Follows one kind until stopped or broken; returns the version to resume from. */
  async function follow<K extends Kind>(kind: K, from: string, alive: () => void): Promise<string> {
    const cache = cacheOf(kind);
    for await (const event of store.watch(kind, { resourceVersion: from, bookmarks: true, signal: abort.signal })) {
      alive();
      if (event.type === 'BOOKMARK') {
        cache.bookmark(event.resourceVersion);
        continue;
      }
      const change = cache.apply(event.type, frozen(event.object));
      if (change) tell(kind, change);
    }
    return cache.resourceVersion;
  }

  async function run(kind: Kind): Promise<void> {
    let version: string | undefined;
    let delay = RETRY_FROM;
    while (!abort.signal.aborted) {
      try {
        version ??= await listAll(kind);
        version = await follow(kind, version, () => { delay = RETRY_FROM; });
      } catch (error) {
        if (abort.signal.aborted) return;
        version = error instanceof Gone || version === undefined ? undefined : cacheOf(kind).resourceVersion;
        log.warn({ kind, error: describeError(error), retryInMs: delay }, error instanceof Gone ? 'watch is too old, listing again' : 'watch broke, resuming');
        if (error instanceof Gone && delay === RETRY_FROM) { delay *= 2; continue; }
      }
      await pause(delay * (0.5 + Math.random() / 2));
      delay = Math.min(delay * 2, RETRY_TO);
    }
  }

  function pause(ms: number): Promise<void> {
    if (abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => { cancel(); wakers.delete(wake); resolve(); };
      const cancel = clock.setTimer(ms, wake);
      wakers.add(wake);
    });
  }

  return {
    cache: {
      get: <K extends Kind>(kind: K, key: ObjectKey) => cacheOf(kind).get(key),
      getByUid: <K extends Kind>(kind: K, uid: string) => cacheOf(kind).getByUid(uid),
      list: <K extends Kind>(kind: K) => cacheOf(kind).list(),
      byIndex: <K extends Kind>(kind: K, index: string, value: string) => cacheOf(kind).byIndex(index, value),
      anyByIndex: <K extends Kind>(kind: K, index: string, value: string) => cacheOf(kind).anyByIndex(index, value),
    },
    start() {
      started ??= new Promise<void>((resolve) => {
        announceSynced = resolve;
        runs = kinds.map((kind) => run(kind));
      });
      return started;
    },
    synced: () => unsynced.size === 0,
    onChange(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    resourceVersion: (kind) => cacheOf(kind).resourceVersion,
    eventsSince: <K extends Kind>(kind: K, resourceVersion: string) => cacheOf(kind).since(resourceVersion),
    async stop() {
      abort.abort();
      for (const wake of [...wakers]) wake();
      await Promise.all(runs ?? []);
    },
  };
}

/** Stores hand out frozen objects already; an adapter that forgets gets them frozen here. */
function frozen<T extends object>(object: T): T {
  if (Object.isFrozen(object)) return object;
  for (const member of Object.values(object)) if (typeof member === 'object' && member !== null) frozen(member as object);
  return Object.freeze(object);
}
