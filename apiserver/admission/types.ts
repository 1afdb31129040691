/**
 * What every write passes before it is stored, the same by every door. The file store calls it inside its write, with the
 * object it is about to replace, so that no two writers are checked against the same old state.
 */
import type { Kind, KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Writer } from '#crds/objectStore.js';

export interface AdmissionRequest<K extends Kind = Kind> {
  kind: K;
  operation: 'create' | 'update' | 'status';
  /** The object as the writer wants it, metadata included. Never changed; the result is a new object. */
  object: KindMap[K];
  /** What is stored now; absent on create. */
  old?: Stored<KindMap[K]>;
  writer: Writer;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
}

export interface AdmissionResult<K extends Kind = Kind> {
  /** Defaulted, pruned, folded (stringData): what will be stored. */
  object: KindMap[K];
  warnings: string[];
}

export interface Admission {
  /** Synchronous. @throws Invalid with one cause per field, in the API server's wording; Forbidden for field rights */
  admit<K extends Kind>(request: AdmissionRequest<K>): AdmissionResult<K>;
  /** Applies the kind's defaults to an object read from disk (defaults apply on read too). Never changes it: the object itself when it has them all, else a copy. */
  defaulted<K extends Kind>(kind: K, object: KindMap[K]): KindMap[K];
}
