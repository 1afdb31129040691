/**
 * Reads and writes of one caller. Reads come from the shared caches; a write returns once the caches show it, so that who
 * writes here and reads here sees what was written.
 */
import { randomBytes } from 'node:crypto';
import { resources, type Kind, type KindMap } from '#crds/kinds.js';
import type { KubeObject, ObjectKey, ObjectMeta, OwnerReference, Stored, StoredMeta } from '#crds/meta.js';
import { API_VERSION, type Host } from '#crds/kinds.js';
import { Conflict, type MergePatch, type Principal, type Writer } from '#crds/objectStore.js';
import type { Cache } from '#controller/runtime/types.js';
import { mergePatch } from '../stores/plainJson.js';
import { OPERATOR_MANAGER, refuseDeclaredElsewhere, refuseDeletingDeclared } from './fieldOwners.js';
import { Problem } from './problem.js';
import type { Services } from './services.js';

export interface Objects {
  readonly cache: Cache;
  /** By uid or name. */
  find<K extends Kind>(kind: K, idOrName: string): Promise<Stored<KindMap[K]> | undefined>;
  create<K extends Kind>(kind: K, object: KindMap[K], options?: { dryRun?: boolean }): Promise<Stored<KindMap[K]>>;
  update<K extends Kind>(kind: K, object: KindMap[K], options?: { dryRun?: boolean }): Promise<Stored<KindMap[K]>>;
  /** Changes what is stored now; done again when somebody else wrote in between. */
  edit<K extends Kind>(kind: K, key: ObjectKey, change: (object: Stored<KindMap[K]>) => KindMap[K], options?: { dryRun?: boolean }): Promise<Stored<KindMap[K]>>;
  patchMeta<K extends Kind>(kind: K, key: ObjectKey, patch: MergePatch): Promise<Stored<KindMap[K]>>;
  /** Deletes this very object, not a later one of its name. Background: what it owns follows. */
  remove<K extends Kind>(kind: K, object: Stored<KindMap[K]>): Promise<void>;
  /** Takes back what this caller has just made. */
  undo<K extends Kind>(kind: K, object: Stored<KindMap[K]>): Promise<void>;
  /** May this caller do that? For rights that hang on what is in a body. @throws Problem 403 naming the field */
  require(verb: string, kind: Kind, field: string): void;
}

const SEEN_WITHIN_MS = 2_000;
/** How often an edit is begun again. */
const EDITS = 5;

/** The object with another spec and without the version it was read at: a status written meanwhile is no conflict. */
export function withSpec<Spec extends object>({ apiVersion, kind, metadata }: { apiVersion: string; kind: string; metadata: StoredMeta; spec: Spec }, spec: Spec): { apiVersion: string; kind: string; metadata: ObjectMeta; spec: Spec } {
  const { resourceVersion: _seen, ...kept } = metadata;
  return { apiVersion, kind, metadata: kept, spec };
}

export function createObjects(services: Services, principal: Principal, sourceIP: string): Objects {
  const { store, informers, namespace, identity } = services;
  const { cache } = informers;
  const writer: Writer = { principal, door: 'operator', fieldManager: OPERATOR_MANAGER, sourceIP };

  /** Runs a write and waits until its result went through the caches; after two seconds the reply goes out all the same. */
  async function settled<T extends { metadata: { uid: string; resourceVersion: string } }>(kind: Kind, write: () => Promise<T>): Promise<T> {
    const seen = new Set<string>();
    let wake: () => void = () => undefined;
    const unsubscribe = informers.onChange((event) => {
      if (event.kind !== kind) return;
      seen.add(`${event.object.metadata.uid} ${event.object.metadata.resourceVersion}`);
      wake();
    });
    try {
      const stored = await write();
      const { uid, resourceVersion } = stored.metadata;
      const isSeen = (): boolean => seen.has(`${uid} ${resourceVersion}`) || cache.getByUid(kind, uid)?.metadata.resourceVersion === resourceVersion;
      if (isSeen()) return stored;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, SEEN_WITHIN_MS);
        wake = () => {
          if (!isSeen()) return;
          clearTimeout(timer);
          resolve();
        };
      });
      return stored;
    } finally {
      unsubscribe();
    }
  }

  /** Runs a deletion and waits until the caches are without the object. */
  async function vanished(kind: Kind, uid: string, write: () => Promise<void>): Promise<void> {
    let wake: () => void = () => undefined;
    const unsubscribe = informers.onChange((event) => { if (event.kind === kind && event.object.metadata.uid === uid) wake(); });
    try {
      await write();
      if (!cache.getByUid(kind, uid)) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, SEEN_WITHIN_MS);
        wake = () => {
          if (cache.getByUid(kind, uid)) return;
          clearTimeout(timer);
          resolve();
        };
      });
    } finally {
      unsubscribe();
    }
  }

  async function update<K extends Kind>(kind: K, object: KindMap[K], { dryRun = false }: { dryRun?: boolean } = {}): Promise<Stored<KindMap[K]>> {
    refuseDeclaredElsewhere(kind, await store.get(kind, { namespace, name: object.metadata.name }), object, writer.fieldManager);
    return dryRun ? store.update(kind, object, { ...writer, dryRun }) : settled(kind, () => store.update(kind, object, writer));
  }

  return {
    cache,
    async find(kind, idOrName) {
      const cached = cache.getByUid(kind, idOrName) ?? cache.get(kind, { namespace, name: idOrName });
      if (cached) return cached;
      // Made a moment ago by another door: the caches may not have it yet.
      const { items } = await store.list(kind, { namespace });
      return items.find(({ metadata }) => metadata.uid === idOrName) ?? items.find(({ metadata }) => metadata.name === idOrName);
    },
    create(kind, object, { dryRun = false } = {}) {
      return dryRun ? store.create(kind, object, { ...writer, dryRun }) : settled(kind, () => store.create(kind, object, writer));
    },
    update,
    async edit(kind, key, change, options) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await update(kind, change(await store.get(kind, key)), options);
        } catch (error) {
          if (!(error instanceof Conflict) || attempt === EDITS) throw error;
        }
      }
    },
    async patchMeta(kind, key, patch) {
      const before: KubeObject = await store.get(kind, key);
      refuseDeclaredElsewhere(kind, before, { ...before, metadata: mergePatch(before.metadata, patch) as ObjectMeta }, writer.fieldManager);
      return settled(kind, () => store.patchMeta(kind, key, patch, writer));
    },
    async remove(kind, object) {
      const { name, uid } = object.metadata;
      refuseDeletingDeclared(kind, object);
      await vanished(kind, uid, async () => { await store.delete(kind, { namespace, name }, { ...writer, preconditions: { uid }, propagationPolicy: 'Background' }); });
    },
    async undo(kind, { metadata: { name, uid } }) {
      await store.delete(kind, { namespace, name }, { ...writer, preconditions: { uid } });
    },
    require(verb, kind, field) {
      const { group, plural } = resources[kind];
      const verdict = identity.authorize(principal, { verb, group, resource: plural });
      if (!verdict.allowed) throw new Problem(403, 'forbidden', `${field}: ${verdict.reason}`, { details: [{ field, message: verdict.reason }] });
    },
  };
}

export function ownedBy(host: Stored<Host>): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'Host', name: host.metadata.name, uid: host.metadata.uid };
}

export const randomHex = (digits: number): string => randomBytes(Math.ceil(digits / 2)).toString('hex').slice(0, digits);
