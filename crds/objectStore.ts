/**
 * The ObjectStore port: where desired and observed state live, in both modes. One contract suite (test/contract) runs on
 * every adapter. Caches and indexes are not here: controller/runtime/informer builds them from list + watch.
 * Semantics follow the Kubernetes API conventions (concurrency control, watch, chunking).
 */
import type { Kind, KindMap } from './kinds.js';
import type { ObjectKey, Stored } from './meta.js';

export type Role = 'viewer' | 'operator' | 'admin' | 'system';

/** Who acts. `system` is the server's own reconcilers and sessions; it is never given to a person or a token. */
export interface Principal {
  /** User name as Kubernetes shows it, e.g. `alice`, `system:admin`, `system:controller`, `system:host:web1`. */
  name: string;
  uid?: string;
  role: Role;
  groups?: string[];
}

/** Which way a write came in; audited. */
export type Door = 'resources' | 'operator' | 'session' | 'controller' | 'manifests' | 'system';

/** Said with every write: it feeds field rights, managedFields and the audit. */
export interface Writer {
  principal: Principal;
  door: Door;
  /** metadata.managedFields[].manager. */
  fieldManager: string;
  sourceIP?: string;
}

export interface WriteOptions extends Writer {
  /** Everything is checked and the would-be result returned; nothing is stored, no resourceVersion is used up. */
  dryRun?: boolean;
  /** What to do with unknown and duplicate fields; default Strict. `warn` receives what Warn would print. */
  fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  warn?: (message: string) => void;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes contested fields over instead of failing with Conflict. */
  force?: boolean;
  /** Only the status of the configuration counts; the object must exist. */
  subresource?: 'status';
  /** NotFound instead of making the object: for writers that may not create. */
  mustExist?: boolean;
}

/** Plain JSON: apiVersion, kind, metadata.name and just the fields its manager has an opinion on. */
export type ApplyConfiguration = Readonly<Record<string, unknown>>;

export interface DeleteOptions extends Writer {
  dryRun?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface ListOptions {
  namespace?: string;
  /** Kubernetes label selector text, e.g. `env in (prod,lab),!old`. */
  labelSelector?: string;
  /** `metadata.name`, `metadata.namespace`, and the kind's selectable fields. */
  fieldSelector?: string;
  limit?: number;
  /** Opaque token of the previous page. Later pages repeat page one's snapshot and resourceVersion. */
  continue?: string;
  /** `0`: any state will do. Otherwise at least as new as this. */
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface ObjectList<T> {
  items: T[];
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Events strictly after this version. Absent or `0`: first ADDED for what is there. Too old: Gone. */
  resourceVersion?: string;
  /** A BOOKMARK about once a minute and, after the initial ADDED of a watch from nothing, one at once. */
  bookmarks?: boolean;
  signal?: AbortSignalLike;
}

/** The part of the platform's AbortSignal that a watch needs; written out because this room has no platform types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string };

/** RFC 7386 merge patch of an object's status or metadata. */
export type MergePatch = Record<string, unknown>;

/**
 * Objects handed out are shared and frozen; copy before changing. Every write resolves after it is durable.
 * An object watched or read was durable before.
 */
export interface ObjectStore {
  /** @throws NotFound */
  get<K extends Kind>(kind: K, key: ObjectKey): Promise<Stored<KindMap[K]>>;
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<ObjectList<Stored<KindMap[K]>>>;
  /**
   * Ends when the signal aborts. A selector watch sees an object that stops matching as DELETED.
   * @throws Gone when resourceVersion is too old, or when this reader fell too far behind (resume by relisting)
   */
  watch<K extends Kind>(kind: K, options?: WatchOptions): AsyncIterable<WatchEvent<Stored<KindMap[K]>>>;

  /** Status in the object is dropped. @throws AlreadyExists, Invalid, Forbidden */
  create<K extends Kind>(kind: K, object: KindMap[K], options: WriteOptions): Promise<Stored<KindMap[K]>>;
  /** Replaces all but status. With metadata.resourceVersion (or uid) set it is a precondition. A write that changes nothing uses no version. @throws NotFound, Conflict, Invalid, Forbidden */
  update<K extends Kind>(kind: K, object: KindMap[K], options: WriteOptions): Promise<Stored<KindMap[K]>>;
  /** Replaces status only, metadata and spec of the object are ignored (status subresource). @throws as update */
  updateStatus<K extends Kind>(kind: K, object: KindMap[K], options: WriteOptions): Promise<Stored<KindMap[K]>>;
  /** Merge patch of status; spec and generation stay. `resourceVersion` makes it conditional. @throws as update */
  patchStatus<K extends Kind>(kind: K, key: ObjectKey, patch: MergePatch, options: WriteOptions & { resourceVersion?: string }): Promise<Stored<KindMap[K]>>;
  /** Merge patch of labels, annotations, finalizers, ownerReferences. @throws as update */
  patchMeta<K extends Kind>(kind: K, key: ObjectKey, patch: MergePatch, options: WriteOptions & { resourceVersion?: string }): Promise<Stored<KindMap[K]>>;
  /**
   * Server-side apply: `fieldManager` says all it wants of the object, which is made when absent. Its fields of last time
   * that it no longer names go, unless another manager owns them too. An apply that changes nothing uses no version.
   * @throws Conflict with one FieldManagerConflict cause for each field another manager set otherwise; Invalid (bad request)
   * for a configuration that is not of the kind; as create and update
   */
  apply<K extends Kind>(kind: K, key: ObjectKey, configuration: ApplyConfiguration, options: ApplyOptions): Promise<{ object: Stored<KindMap[K]>; created: boolean }>;
  /** Returns the last state; with finalizers left (or Foreground) the object stays, marked by deletionTimestamp. @throws NotFound, Conflict */
  delete<K extends Kind>(kind: K, key: ObjectKey, options: DeleteOptions): Promise<Stored<KindMap[K]>>;
}

export interface StatusCause {
  /** e.g. `FieldValueInvalid`, `FieldManagerConflict`. */
  reason?: string;
  message: string;
  field?: string;
}

export type StoreErrorReason = 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Invalid' | 'Forbidden' | 'TooManyRequests' | 'Unavailable' | 'Gone';

/** The base of the eight ways a store says no. Match by class or `reason`, never by message. */
export abstract class StoreError extends Error {
  abstract readonly reason: StoreErrorReason;
  readonly causes: StatusCause[];
  readonly retryAfterSeconds: number | undefined;
  constructor(message: string, detail: { causes?: StatusCause[]; retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.causes = detail.causes ?? [];
    this.retryAfterSeconds = detail.retryAfterSeconds;
  }
}
export class NotFound extends StoreError { readonly reason = 'NotFound'; }
export class AlreadyExists extends StoreError { readonly reason = 'AlreadyExists'; }
export class Conflict extends StoreError { readonly reason = 'Conflict'; }
export class Invalid extends StoreError { readonly reason = 'Invalid'; }
export class Forbidden extends StoreError { readonly reason = 'Forbidden'; }
export class TooManyRequests extends StoreError { readonly reason = 'TooManyRequests'; }
/** The store cannot take the write now (disk full, I/O error): the message names the cause; nothing was changed. */
export class Unavailable extends StoreError {
  readonly reason = 'Unavailable';
  /** True when the disk is full (HTTP 507), else 503. */
  readonly diskFull: boolean;
  constructor(message: string, detail: ConstructorParameters<typeof StoreError>[1] & { diskFull?: boolean } = {}) {
    super(message, detail);
    this.diskFull = detail.diskFull ?? false;
  }
}
export class Gone extends StoreError { readonly reason = 'Gone'; }
