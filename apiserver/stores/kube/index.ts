/**
 * ObjectStore on a Kubernetes API server: every object is a resource of the cluster, its rules are the CustomResourceDefinitions, and
 * who may do what is the cluster's own matter (the writer's principal is for the audit; requests carry the operator's identity).
 */
import { apiVersionOf, resources, type Kind, type KindMap } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import { Conflict, Invalid } from '#crds/objectStore.js';
import type { ApplyConfiguration, ApplyOptions, DeleteOptions, ListOptions, MergePatch, ObjectList, ObjectStore, WatchOptions, WriteOptions } from '#crds/objectStore.js';
import type { Log } from '#controller/ports.js';
import { deepFreeze, isRecord } from '../plainJson.js';
import { connect, type Call } from './connection.js';
import { Unexplained } from './errors.js';
import { watch } from './watch.js';

export interface KubeStoreOptions {
  /** Path of a kubeconfig; absent: the service account of this pod. */
  kubeconfig?: string;
  /** Of objects, lists and watches that name none. */
  namespace: string;
  log?: Log;
  /** Events a watcher may be behind before it is told Gone. */
  watchBuffer?: number;
}

export interface KubeStore extends ObjectStore {
  close(): Promise<void>;
}

/** A list without a limit is read in pages of so many, at one version. */
const PAGE = 500;
/** Reads before a write that met another writer, when the caller named no version of its own. */
const TRIES = 5;
const MERGE_PATCH = 'application/merge-patch+json';
const APPLY_PATCH = 'application/apply-patch+yaml';

type StoredOf<K extends Kind> = Stored<KindMap[K]>;

export async function openKubeStore({ kubeconfig, namespace: home, log, watchBuffer = 4096 }: KubeStoreOptions): Promise<KubeStore> {
  const connection = await connect(kubeconfig);

  const pathOf = (kind: Kind, namespace: string = home, name?: string, subresource?: string): string => {
    const { group, version, plural } = resources[kind];
    return [group === '' ? '/api' : `/apis/${group}`, version, 'namespaces', encodeURIComponent(namespace), plural, ...(name === undefined ? [] : [encodeURIComponent(name)]), ...(subresource === undefined ? [] : [subresource])].join('/');
  };
  const at = (kind: Kind, { namespace, name }: ObjectKey, subresource?: string): string => pathOf(kind, namespace === '' ? home : namespace, name, subresource);

  /** Items of a list carry neither apiVersion nor kind when the kind is a core one. */
  const stored = <K extends Kind>(kind: K, value: unknown): StoredOf<K> => deepFreeze({ apiVersion: apiVersionOf(kind), kind, ...(isRecord(value) ? value : {}) } as unknown as StoredOf<K>);

  const query = ({ dryRun, fieldManager, fieldValidation = 'Strict' }: WriteOptions): Record<string, string | undefined> => ({ dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation });

  async function write<K extends Kind>(kind: K, call: Call, options: WriteOptions): Promise<{ status: number; object: StoredOf<K> }> {
    const { status, value, warnings } = await connection.json({ ...call, query: { ...query(options), ...call.query } });
    for (const warning of warnings) options.warn?.(warning);
    return { status, object: stored(kind, value) };
  }

  async function get<K extends Kind>(kind: K, key: ObjectKey): Promise<StoredOf<K>> {
    return stored(kind, (await connection.json({ method: 'GET', path: at(kind, key) })).value);
  }

  async function page<K extends Kind>(kind: K, { namespace, limit, continue: token, ...options }: ListOptions): Promise<ObjectList<StoredOf<K>>> {
    const path = pathOf(kind, namespace === '' ? undefined : namespace);
    const { value } = await connection.json({ method: 'GET', path, query: { ...options, limit: limit === undefined ? undefined : String(limit), continue: token } });
    const { items, metadata } = value as { items: unknown[] | null; metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number } };
    return {
      items: (items ?? []).map((each) => stored(kind, each)), resourceVersion: metadata.resourceVersion,
      ...(metadata.continue ? { continue: metadata.continue } : {}), ...(metadata.remainingItemCount === undefined ? {} : { remainingItemCount: metadata.remainingItemCount }),
    };
  }

  async function list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<ObjectList<StoredOf<K>>> {
    if (options.limit !== undefined && options.limit > 0) return page(kind, options);
    const items: StoredOf<K>[] = [];
    for (let next: ListOptions = { ...options, limit: PAGE }; ;) {
      const found = await page(kind, next);
      items.push(...found.items);
      if (found.continue === undefined) return { items, resourceVersion: found.resourceVersion };
      const { resourceVersion: _version, resourceVersionMatch: _match, ...rest } = next;
      next = { ...rest, continue: found.continue };
    }
  }

  /** PUT needs a version: without one of the writer's own it is the newest, and a writer who came between is no reason to fail. */
  async function put<K extends Kind>(kind: K, object: KindMap[K], options: WriteOptions, subresource?: 'status'): Promise<StoredOf<K>> {
    const { metadata } = object;
    const key = { namespace: metadata.namespace ?? home, name: metadata.name };
    for (let attempt = 1; ; attempt += 1) {
      const resourceVersion = metadata.resourceVersion ? metadata.resourceVersion : (await get(kind, key)).metadata.resourceVersion;
      try {
        return (await write(kind, { method: 'PUT', path: at(kind, key, subresource), body: { ...object, metadata: { ...metadata, resourceVersion } } }, options)).object;
      } catch (error) {
        if (!(error instanceof Conflict) || metadata.resourceVersion || metadata.uid || attempt >= TRIES) throw error;
      }
    }
  }

  async function mergePatch<K extends Kind>(kind: K, path: string, body: { metadata?: MergePatch; status?: MergePatch }, { resourceVersion, ...options }: WriteOptions & { resourceVersion?: string }): Promise<StoredOf<K>> {
    const metadata = { ...body.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    return (await write(kind, { method: 'PATCH', path, type: MERGE_PATCH, body: { ...body, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) } }, options)).object;
  }

  return {
    get,
    list,
    watch: <K extends Kind>(kind: K, options: WatchOptions = {}) => watch<StoredOf<K>>({
      connection, path: pathOf(kind, options.namespace === '' ? undefined : options.namespace), options, log, buffer: watchBuffer,
      list: () => list(kind, { namespace: options.namespace, labelSelector: options.labelSelector, fieldSelector: options.fieldSelector }),
      stored: (value) => stored(kind, value),
    }),

    async create(kind, object, options) {
      return (await write(kind, { method: 'POST', path: pathOf(kind, object.metadata.namespace), body: object }, options)).object;
    },
    update: (kind, object, options) => put(kind, object, options),
    updateStatus: (kind, object, options) => put(kind, object, options, 'status'),
    patchStatus: (kind, key, status, options) => mergePatch(kind, at(kind, key, 'status'), { status }, options),
    patchMeta: (kind, key, metadata, options) => mergePatch(kind, at(kind, key), { metadata }, options),

    async apply<K extends Kind>(kind: K, key: ObjectKey, configuration: ApplyConfiguration, options: ApplyOptions) {
      const { force, subresource, mustExist, ...writing } = options;
      // The uid makes sure that an object which goes meanwhile is not made again.
      const uid = mustExist ? (await get(kind, key)).metadata.uid : undefined;
      const metadata = isRecord(configuration['metadata']) ? configuration['metadata'] : {};
      const body = uid === undefined ? configuration : { ...configuration, metadata: { uid, ...metadata } };
      const call: Call = { method: 'PATCH', path: at(kind, key, subresource), type: APPLY_PATCH, body, query: { force: force ? 'true' : undefined } };
      const { status, object } = await write(kind, call, writing).catch(async (error: unknown) => {
        if (!(error instanceof Unexplained)) throw error;
        // Said twice it is not etcd: the configuration has not the shape of its kind.
        return write(kind, call, writing).catch((again: unknown) => { throw again instanceof Unexplained ? new Invalid(again.message, { cause: again }) : again; });
      });
      return { object, created: status === 201 };
    },

    /** The API server answers with the object only when it stays; otherwise what was read just before is the last state. */
    async delete<K extends Kind>(kind: K, key: ObjectKey, { dryRun, preconditions = {}, propagationPolicy }: DeleteOptions) {
      for (let attempt = 1; ; attempt += 1) {
        const last = await get(kind, key);
        const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: last.metadata.uid, ...preconditions }, ...(propagationPolicy === undefined ? {} : { propagationPolicy }), ...(dryRun ? { dryRun: ['All'] } : {}) };
        try {
          const { value } = await connection.json({ method: 'DELETE', path: at(kind, key), body });
          return isRecord(value) && value['kind'] === kind ? stored(kind, value) : last;
        } catch (error) {
          // Another object has taken the name since: that one is meant, unless the caller said which.
          if (!(error instanceof Conflict) || preconditions.uid !== undefined || preconditions.resourceVersion !== undefined || attempt >= TRIES) throw error;
        }
      }
    },

    close() {
      connection.close();
      return Promise.resolve();
    },
  };
}
