/**
 * The file store: ObjectStore on one LMDB environment in the data directory. Writes go through the write queue (one
 * decision at a time, one transaction for all that gathered); readers see durable state only.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from '#controller/ports.js';
import { kinds, type Kind, type KindMap } from '#crds/kinds.js';
import type { ObjectKey, StoredMeta } from '#crds/meta.js';
import { Invalid, Unavailable, type ApplyConfiguration, type ApplyOptions, type DeleteOptions, type ListOptions, type MergePatch, type ObjectList, type ObjectStore, type WatchEvent, type WatchOptions, type WriteOptions } from '#crds/objectStore.js';
import type { Admission } from '../../admission/types.js';
import { openEnvironment, type Environment } from '../environment.js';
import { alreadyExists, notFound, qualifiedResource } from '../errors.js';
import { json, remember, type TextReads } from '../json.js';
import { parseStored } from '../parseStored.js';
import { deepFreeze } from '../plainJson.js';
import { createWriteQueue, type Transaction } from '../writeQueue.js';
import { decideApply } from './apply.js';
import { checkNames, decideCreate, decideDelete, decideStatus, decideUpdate, isSubdomain, nameOf, patchedMeta, patchedStatus, type Decision, type Wanted } from './decisions.js';
import { createHistory, type AnyStored } from './history.js';
import { list, listTexts, type ListContext } from './list.js';
import { createCodec, createObjects, keyOf, kindOf, type StoredOf } from './objects.js';
import { takeOwnership } from './owner.js';
import { createSealer, type Sealer } from './seal.js';
import { watch, type WatchContext } from './watch.js';

export { BadRequest } from '../errors.js';
export { json } from '../json.js';
export type { Wanted } from './decisions.js';

export interface FileStoreOptions {
  /** The data directory; the store uses `objects/` in it. Made when absent. */
  dir: string;
  admission: Admission;
  /** 32 bytes: seals Secrets. */
  secretKey: Buffer;
  log?: Log;
  /** Epoch milliseconds. */
  now?: () => number;
  /** How much of the past is kept for watches and pages. */
  history?: { changes: number; bytes: number };
}

export interface ModifyOptions extends WriteOptions {
  /** Only the status of the wanted object counts. */
  subresource?: 'status';
}

export interface FileStore extends ObjectStore, TextReads {
  /** Random, made with the data directory: another one means another past. */
  readonly epoch: string;
  /** The newest durable resourceVersion. */
  resourceVersion(): string;
  /**
   * Read-modify-write in one step, so that no other writer comes between. `change` is
   * pure, is given the newest state (undefined: it will be created) and may be called again.
   * @throws what `change` throws, and as create and update
   */
  modify<K extends Kind>(kind: K, key: ObjectKey, change: (old: StoredOf<K> | undefined) => Wanted<K>, options: ModifyOptions): Promise<StoredOf<K>>;
  /** Gives the memory back that reading took: the file is mapped, and what was read of it counts as this process's. */
  forgetPages(): Promise<void>;
  /** Ends watches, waits for writes under way, and lets the directory go. */
  close(): Promise<void>;
}

/** The version of what is written under objects/; a newer one is refused. */
export const FORMAT = 1;
const MAX_OBJECT = 1.5 * 1024 * 1024;
const MINUTE = 60_000;
const MANY = 1_000;
/** The pages of the file are let go of each time so many characters were read and written. */
const MOST_TOUCHED = 24 * 1024 * 1024;

/**
 * @throws Unavailable: the directory cannot be written, is in use by another process (named), has a newer format, or the
 * secret key is not the one it was made with
 */
export async function openFileStore(options: FileStoreOptions): Promise<FileStore> {
  const now = options.now ?? Date.now;
  const sealer = createSealer(options.secretKey);
  const environment = openEnvironment(options.dir, 'objects');
  try {
    checkFormat(environment, options.dir);
    const ownership = await takeOwnership(environment, now);
    try {
      const epoch = await prepare(environment, options.dir, sealer);
      return await createStore({ ...options, now, sealer, environment, epoch, release: () => ownership.release() });
    } catch (error) {
      await ownership.release();
      throw error;
    }
  } catch (error) {
    await environment.close();
    throw error;
  }
}

function checkFormat(environment: Environment, dir: string): void {
  const format = environment.get('m/format');
  if (format === undefined) return;
  if (!/^[0-9]+$/.test(format)) throw new Unavailable(`data directory ${dir}: ${format} is not a format version`);
  if (Number(format) > FORMAT) throw new Unavailable(`data directory ${dir} was written by a newer version (format ${format}, this one reads up to ${FORMAT}); start that version, or restore a backup made before the upgrade`);
}

/** First start: format, epoch and a sealed word that tells a wrong key from the right one. @returns the epoch */
async function prepare(environment: Environment, dir: string, sealer: Sealer): Promise<string> {
  const epoch = environment.get('m/epoch');
  const check = environment.get('m/keyCheck');
  if (epoch === undefined || check === undefined) {
    const made = randomUUID();
    await environment.commit([{ key: 'm/format', value: String(FORMAT) }, { key: 'm/epoch', value: made }, { key: 'm/keyCheck', value: sealer.seal('restic-manager', 'm/keyCheck') }, { key: 'm/version', value: '1' }]);
    return made;
  }
  try {
    sealer.open(check, 'm/keyCheck');
  } catch (cause) {
    throw new Unavailable(`the secret key is not the one the data directory ${dir} was made with: Secrets in it cannot be read; give the right RM_SECRET_KEY_FILE`, { cause });
  }
  return epoch;
}

interface Inside extends FileStoreOptions {
  now: () => number;
  sealer: Sealer;
  environment: Environment;
  epoch: string;
  release: () => Promise<void>;
}

async function createStore({ admission, environment, epoch, history: limits, log, now, release, sealer }: Inside): Promise<FileStore> {
  const codec = createCodec(sealer, admission);
  const objects = createObjects(environment, codec);
  // Walking over many keys has touched most of the file.
  if (kinds.some((kind) => objects.keys(kind).length > MANY)) await environment.forgetPages();
  const tokenKey = sealer.derive('continue-token');
  /** The newest durable version, and the newest given out to a write under way. */
  let version = Number(environment.get('m/version') ?? '1');
  let headVersion = version;
  const history = createHistory(kinds, version, limits ?? { changes: 8192, bytes: 24 * 1024 * 1024 });
  const changed = new Set<Kind>();
  /** Undefined once closed. */
  let onClose: Set<() => void> | undefined = new Set();
  const minute = new Set<() => void>();
  const timer = setInterval(() => { for (const callback of minute) callback(); }, MINUTE).unref();

  const queue = createWriteQueue<AnyStored>({
    load: (key) => objects.get(key),
    commit: (changes) => environment.commit(changes),
    also: () => [{ key: 'm/version', value: String(headVersion) }],
    applied(writes) {
      for (const { key, before, value, stored } of writes) {
        const shown = value ?? removed.get(before as AnyStored) ?? (before as AnyStored);
        objects.set(key, value);
        version = Number(shown.metadata.resourceVersion);
        history.add(kindOf(key), { version, key, before, after: value, shown, size: (stored?.length ?? 0) * 2 + 512 });
        changed.add(kindOf(key));
      }
    },
    rolledBack() { headVersion = version; },
    flushed() {
      history.wake(changed);
      changed.clear();
      if (environment.touched > MOST_TOUCHED) forgetPages().catch((error: unknown) => { log?.error({ dir: environment.path, error: String(error) }, 'the data directory could not be opened again'); });
    },
  });
  /** The state a removed object is shown in, under the version of its removal. */
  const removed = new WeakMap<AnyStored, AnyStored>();

  const contextOf = <T>(get: (key: string) => T | undefined, shown: (object: AnyStored) => T): ListContext<T> => ({ objects: { keys: (kind) => objects.keys(kind), labelled: (kind, label, value) => objects.labelled(kind, label, value, (key) => queue.durable(key)), get }, shown, history, version, tokenKey });
  const context = (): ListContext => contextOf((key) => queue.durable(key), (object) => object);
  const textOf = (key: string): string | undefined => {
    const held = queue.holds(key) ? queue.durable(key) : undefined;
    return held !== undefined || queue.holds(key) ? held && json(held) : objects.text(key);
  };
  const ready = async (): Promise<void> => { while (environment.reopening !== undefined) await environment.reopening; };
  let forgetting: Promise<void> | undefined;
  const forgetPages = (): Promise<void> => (forgetting ??= queue.between(() => environment.forgetPages()).finally(() => { forgetting = undefined; }));

  function carryOut<K extends Kind>(transaction: Transaction<AnyStored>, key: string, decision: Decision<K>, dryRun: boolean): StoredOf<K> {
    if (decision.do === 'keep') return decision.object;
    if (decision.do === 'remove') {
      if (dryRun) return decision.object;
      headVersion += 1;
      const last = deepFreeze({ ...decision.object, metadata: { ...decision.object.metadata, resourceVersion: String(headVersion) } });
      const before = transaction.get(key);
      if (before !== undefined) removed.set(before, last as unknown as AnyStored);
      transaction.remove(key);
      return last;
    }
    const { object } = decision;
    if (!dryRun) {
      headVersion += 1;
      object.metadata.resourceVersion = String(headVersion);
    }
    // Through JSON: what is handed out is exactly what is stored, and shares nothing with the writer's object.
    const text = JSON.stringify(object);
    if (text.length > MAX_OBJECT / 4 && Buffer.byteLength(text) > MAX_OBJECT) {
      if (!dryRun) headVersion -= 1;
      const { name } = object.metadata;
      throw new Invalid(`${qualifiedResource(kindOf(key))} "${name}" is too large: ${Buffer.byteLength(text)} bytes, the limit is ${MAX_OBJECT}`, { causes: [{ reason: 'FieldValueTooLong', message: `Too long: must have at most ${MAX_OBJECT} bytes` }] });
    }
    const stored = parseStored(text) as AnyStored;
    if (dryRun) return stored as unknown as StoredOf<K>;
    remember(stored, text);
    transaction.put(key, stored, codec.encode(key, text));
    return stored as unknown as StoredOf<K>;
  }

  function write<K extends Kind>(kind: K, key: ObjectKey, options: { dryRun?: boolean }, decide: (old: StoredOf<K> | undefined, deciding: { admission: Admission; time: string }) => Decision<K>): Promise<StoredOf<K>> {
    if (environment.reopening !== undefined) return ready().then(() => write(kind, key, options, decide));
    const path = keyOf(kind, key.namespace, key.name);
    const time = wholeSeconds(now());
    return queue.run((transaction) => {
      const old = transaction.get(path) as StoredOf<K> | undefined;
      return carryOut(transaction, path, decide(old, { admission, time }), options.dryRun === true);
    });
  }

  function existing<K extends Kind>(kind: K, name: string, old: StoredOf<K> | undefined): StoredOf<K> {
    if (old === undefined) throw notFound(kind, name);
    return old;
  }

  return {
    epoch,
    resourceVersion: () => String(version),

    async get<K extends Kind>(kind: K, key: ObjectKey) {
      do await environment.reopening; while (environment.reopening !== undefined);
      return existing(kind, key.name, queue.durable(keyOf(kind, key.namespace, key.name)) as StoredOf<K> | undefined);
    },

    async list<K extends Kind>(kind: K, listOptions: ListOptions = {}) {
      if (environment.touched > MOST_TOUCHED) await forgetPages();
      do await environment.reopening; while (environment.reopening !== undefined);
      return list(context(), kind, listOptions) as unknown as ObjectList<StoredOf<K>>;
    },

    async getText(kind, key) {
      do await environment.reopening; while (environment.reopening !== undefined);
      const text = textOf(keyOf(kind, key.namespace, key.name));
      if (text === undefined) throw notFound(kind, key.name);
      return text;
    },

    async listTexts(kind, listOptions) {
      if (environment.touched > MOST_TOUCHED) await forgetPages();
      do await environment.reopening; while (environment.reopening !== undefined);
      return listTexts(contextOf(textOf, json), kind, listOptions);
    },

    watch<K extends Kind>(kind: K, watchOptions: WatchOptions = {}) {
      const watching: WatchContext = {
        snapshot: context, history, ready, version: () => version,
        onClose(callback) { onClose?.add(callback); return onClose && (() => { onClose?.delete(callback); }); },
        onMinute(callback) { minute.add(callback); return () => { minute.delete(callback); }; },
      };
      return watch(watching, kind, watchOptions) as AsyncIterable<WatchEvent<StoredOf<K>>>;
    },

    async create<K extends Kind>(kind: K, object: KindMap[K], writeOptions: WriteOptions) {
      const key = { namespace: namespaceOf(object), name: nameOf(kind, object.metadata) };
      // A bad name is told with everything else that is wrong, and never becomes a key.
      if (!isSubdomain(key.name)) decideCreate(kind, { object }, key, writeOptions, { admission, time: wholeSeconds(now()) });
      checkNames(kind, key.namespace, key.name);
      return write(kind, key, writeOptions, (old, deciding) => {
        const decision = decideCreate(kind, { object }, key, writeOptions, deciding);
        if (old !== undefined) throw alreadyExists(kind, key.name, old.metadata.deletionTimestamp !== undefined);
        return decision;
      });
    },

    async update<K extends Kind>(kind: K, object: KindMap[K], writeOptions: WriteOptions) {
      return write(kind, { namespace: namespaceOf(object), name: object.metadata.name }, writeOptions, (old, deciding) =>
        decideUpdate(kind, existing(kind, object.metadata.name, old), { object }, writeOptions, deciding));
    },

    async updateStatus<K extends Kind>(kind: K, object: KindMap[K], writeOptions: WriteOptions) {
      return write(kind, { namespace: namespaceOf(object), name: object.metadata.name }, writeOptions, (old, deciding) =>
        decideStatus(kind, existing(kind, object.metadata.name, old), { object }, writeOptions, deciding));
    },

    async patchStatus<K extends Kind>(kind: K, key: ObjectKey, patch: MergePatch, writeOptions: WriteOptions & { resourceVersion?: string }) {
      return write(kind, key, writeOptions, (old, deciding) => {
        const was = existing(kind, key.name, old);
        return decideStatus(kind, was, { object: patchedStatus(was, patch, writeOptions.resourceVersion) }, writeOptions, deciding);
      });
    },

    async patchMeta<K extends Kind>(kind: K, key: ObjectKey, patch: MergePatch, writeOptions: WriteOptions & { resourceVersion?: string }) {
      return write(kind, key, writeOptions, (old, deciding) => {
        const was = existing(kind, key.name, old);
        return decideUpdate(kind, was, { object: patchedMeta(kind, was, patch, writeOptions.resourceVersion) }, writeOptions, deciding);
      });
    },

    async delete<K extends Kind>(kind: K, key: ObjectKey, deleteOptions: DeleteOptions) {
      return write(kind, key, deleteOptions, (old, deciding) => decideDelete(kind, existing(kind, key.name, old), deleteOptions, deciding));
    },

    async modify<K extends Kind>(kind: K, key: ObjectKey, change: (old: StoredOf<K> | undefined) => Wanted<K>, { subresource, ...writeOptions }: ModifyOptions) {
      checkNames(kind, key.namespace, key.name);
      return write(kind, key, writeOptions, (old, deciding) => {
        const wanted = change(old);
        if (subresource === 'status') return decideStatus(kind, existing(kind, key.name, old), wanted, writeOptions, deciding);
        return old === undefined ? decideCreate(kind, wanted, key, writeOptions, deciding) : decideUpdate(kind, old, wanted, writeOptions, deciding);
      });
    },

    async apply<K extends Kind>(kind: K, key: ObjectKey, configuration: ApplyConfiguration, applyOptions: ApplyOptions) {
      checkNames(kind, key.namespace, key.name);
      let created = false;
      const object = await write<K>(kind, key, applyOptions, (old, deciding) => {
        created = old === undefined;
        return decideApply(kind, key, old, configuration, applyOptions, deciding);
      });
      return { object, created };
    },

    forgetPages,

    async close() {
      const watches = [...onClose ?? []];
      onClose = undefined;
      for (const end of watches) end();
      clearInterval(timer);
      await queue.close(() => new Unavailable('the store is closed'));
      await environment.close();
      await release();
      log?.debug({ dir: environment.path }, 'object store closed');
    },
  };
}

/** RFC 3339 as metadata has it; made once a second. */
function wholeSeconds(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastTime.second) lastTime = { second, text: new Date(second * 1000).toISOString().replace(/\.[0-9]+Z$/, 'Z') };
  return lastTime.text;
}
let lastTime = { second: NaN, text: '' };

function namespaceOf(object: { metadata: { namespace?: string } }): string {
  const { namespace } = object.metadata;
  return namespace === undefined || namespace === '' ? 'default' : namespace;
}

export type { StoredMeta };
