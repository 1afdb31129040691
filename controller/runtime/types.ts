/** The seams of the runtime: caches that everyone shares, and what a reconcile gets and returns. */
import type { Kind, KindMap } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import type { ObjectStore, WatchEvent, Writer } from '#crds/objectStore.js';
import type { NextFire } from '#crds/schedule.js';
import type { Clock, Log, Outcomes } from '../ports.js';

/** Synchronous reads of informer caches. Objects are shared and frozen. */
export interface Cache {
  get<K extends Kind>(kind: K, key: ObjectKey): Stored<KindMap[K]> | undefined;
  getByUid<K extends Kind>(kind: K, uid: string): Stored<KindMap[K]> | undefined;
  /** Every object of the kind; do not call per event. */
  list<K extends Kind>(kind: K): readonly Stored<KindMap[K]>[];
  /** Objects under one value of a named index (runtime/indexes.ts), e.g. ('ResticJob', 'host', 'web1'). */
  byIndex<K extends Kind>(kind: K, index: string, value: string): readonly Stored<KindMap[K]>[];
  /** One of them, whichever: is there any? Costs the same for one as for a hundred thousand. */
  anyByIndex<K extends Kind>(kind: K, index: string, value: string): Stored<KindMap[K]> | undefined;
}

export type CacheEvent = { [K in Kind]: { kind: K; type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Stored<KindMap[K]>; old?: Stored<KindMap[K]> } }[Kind];

/** List + watch of every kind, kept current for the life of the process: reconnects, relists on Gone, never dies quietly. */
export interface Informers {
  readonly cache: Cache;
  /** Resolves when every kind was listed once. */
  start(): Promise<void>;
  synced(): boolean;
  /** Called synchronously after the cache took the event. Returns the unsubscribe function. */
  onChange(listener: (event: CacheEvent) => void): () => void;
  /** resourceVersion of the newest event the cache holds for a kind: what a live list may be resumed from. */
  resourceVersion(kind: Kind): string;
  /** Events after a version from a bounded history, for resuming browser streams; undefined when too old. */
  eventsSince<K extends Kind>(kind: K, resourceVersion: string): readonly Exclude<WatchEvent<Stored<KindMap[K]>>, { type: 'BOOKMARK' }>[] | undefined;
  stop(): Promise<void>;
}

/** What a reconcile returns. Nothing: done until something changes. */
export interface Result {
  /** Milliseconds from now; the loop caps it at 1 h. */
  requeueAfter?: number;
}

/** Thrown for what only a person can mend: no back-off retry; a change of the object tries again. */
export class TerminalError extends Error {
  override name = 'TerminalError';
}

export interface Recorder {
  /** A core/v1 Event about an object; equal events are counted, not repeated. Best effort: never throws. */
  event(object: { apiVersion: string; kind: string; metadata: { name: string; namespace?: string; uid?: string } }, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export interface ReconcileContext {
  cache: Cache;
  store: ObjectStore;
  outcomes: Outcomes;
  clock: Clock;
  log: Log;
  recorder: Recorder;
  namespace: string;
  /** Key of plan revisions and credential hashes (HMAC-SHA256). */
  planKey: Uint8Array;
  /** How reconcilers sign their writes. */
  writer: Writer;
  nextFire: NextFire;
  /** When these controllers began, epoch ms: the last known presence of hosts holds for a while after it. */
  startTime: number;
  /** Resolves once the cache has moved past a version that was just overwritten, so that the next decision sees this one. */
  caughtUp(kind: Kind, key: ObjectKey, overwritten: string): Promise<void>;
}

export interface Controllers {
  stop(): Promise<void>;
  /** Resolves when no key waits or is worked on and all events are written; delayed keys do not count. */
  idle(): Promise<void>;
}
