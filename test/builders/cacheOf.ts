/** A cache of given objects, for tests of what is pure over the caches. Objects get a uid, a version and a creation unless they have one. */
import { KindCache } from '#controller/runtime/kindCache.js';
import type { Cache } from '#controller/runtime/types.js';
import { kinds, type Kind, type KindMap } from '#crds/kinds.js';
import type { KubeObject, ObjectKey, Stored } from '#crds/meta.js';

export function cacheOf(...objects: KubeObject[]): Cache {
  const caches = new Map(kinds.map((kind) => [kind, new KindCache(kind)]));
  const of = <K extends Kind>(kind: K): KindCache<K> => caches.get(kind) as unknown as KindCache<K>;
  for (const object of objects) {
    const metadata = { namespace: 'default', uid: `uid-${object.kind}-${object.metadata.name}`, resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z', ...object.metadata };
    of(object.kind as Kind).apply('ADDED', { ...object, metadata } as unknown as Stored<KindMap[Kind]>);
  }
  return {
    get: <K extends Kind>(kind: K, key: ObjectKey) => of(kind).get(key),
    getByUid: <K extends Kind>(kind: K, uid: string) => of(kind).getByUid(uid),
    list: <K extends Kind>(kind: K) => of(kind).list(),
    byIndex: <K extends Kind>(kind: K, index: string, value: string) => of(kind).byIndex(index, value),
    anyByIndex: <K extends Kind>(kind: K, index: string, value: string) => of(kind).anyByIndex(index, value),
  };
}
