/**
 * What a write makes of an object: pure, over the old state and what the writer sent. Follows the API conventions for
 * metadata, generation, status subresource, deletion and finalizers; admission is asked with the old object at hand.
 * Source: k8s.io/apiserver registry/rest (create, update, delete) and apiextensions registry/customresource strategy.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { apiVersionOf, resources, type Kind, type KindMap } from '#crds/kinds.js';
import type { ManagedFieldsEntry, ObjectMeta, StoredMeta } from '#crds/meta.js';
import type { DeleteOptions, MergePatch, WriteOptions } from '#crds/objectStore.js';
import { subdomainProblems } from '../../admission/metadata.js';
import type { Admission } from '../../admission/types.js';
import { conflict, invalid, preconditionFailed } from '../errors.js';
import { afterUpdate, baseEntries } from '../managedFields.js';
import { equal, isRecord, mergePatch, type Json } from '../plainJson.js';
import type { StoredOf } from './objects.js';

export interface Deciding {
  admission: Admission;
  /** RFC 3339, whole seconds. */
  time: string;
}

/** `keep`: nothing changed. `store`: the object without its new resourceVersion. `remove`: the last state. */
export type Decision<K extends Kind> =
  | { do: 'keep'; object: StoredOf<K> }
  | { do: 'store'; object: KindMap[K] & { metadata: StoredMeta } }
  | { do: 'remove'; object: StoredOf<K> };

/** What a writer wants an object to be. With `managedFields` the entries are stored as given (apply.ts computes them). */
export interface Wanted<K extends Kind> {
  object: KindMap[K];
  managedFields?: ManagedFieldsEntry[];
}

type Loose = KindMap[Kind] & { status?: unknown };

const GENERATED = 'bcdfghjklmnpqrstvwxz2456789';

/** The name an object will have: its own, or generateName and five characters. @throws Invalid */
export function nameOf(kind: Kind, metadata: ObjectMeta): string {
  const name = metadata.name as string | undefined;
  if (name !== undefined && name !== '') return name;
  if (metadata.generateName === undefined || metadata.generateName === '') {
    const unchecked = { field: '<nil>', reason: 'FieldValueInvalid', message: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation' };
    throw invalid(kind, '', [{ field: 'metadata.name', reason: 'FieldValueRequired', message: 'Required value: name or generateName is required' }, ...(resources[kind].crd ? [unchecked] : [])]);
  }
  return metadata.generateName.slice(0, 58) + Array.from({ length: 5 }, () => GENERATED[randomInt(GENERATED.length)]).join('');
}

export const isSubdomain = (name: string): boolean => name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);

/** Keys are paths: a name that is not a DNS subdomain must never reach them. @throws Invalid */
export function checkNames(kind: Kind, namespace: string, name: string): void {
  const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
  if (!isSubdomain(name)) {
    throw invalid(kind, name.slice(0, 253), [{ field: 'metadata.name', reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(name.slice(0, 253))}: ${subdomainProblems(name).join(', ')}` }]);
  }
  if (namespace.length > 63 || !label.test(namespace)) {
    throw invalid(kind, name, [{ field: 'metadata.namespace', reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(namespace.slice(0, 63))}: a lowercase RFC 1123 label is needed` }]);
  }
}

export function decideCreate<K extends Kind>(kind: K, wanted: Wanted<K>, key: { namespace: string; name: string }, options: WriteOptions, { admission, time }: Deciding): Decision<K> {
  const sent = wanted.object;
  if (sent.metadata.resourceVersion !== undefined && sent.metadata.resourceVersion !== '') throw invalid(kind, key.name, [{ field: 'metadata.resourceVersion', reason: 'FieldValueInvalid', message: 'Invalid value: resourceVersion should not be set on objects to be created' }]);
  const metadata: StoredMeta = {
    ...chosenMetadata(sent.metadata),
    ...(sent.metadata.generateName === undefined ? {} : { generateName: sent.metadata.generateName }),
    name: key.name,
    namespace: key.namespace,
    uid: randomUUID(),
    creationTimestamp: time,
    resourceVersion: '',
    ...(resources[kind].crd ? { generation: 1 } : {}),
  };
  const candidate = { ...withoutStatus(kind, sent), apiVersion: apiVersionOf(kind), kind, metadata } as KindMap[K];
  const admitted = admit(admission, { kind, operation: 'create', object: candidate }, options);
  return { do: 'store', object: finish(kind, admitted, metadata, undefined, wanted, options, time, undefined) };
}

export function decideUpdate<K extends Kind>(kind: K, old: StoredOf<K>, wanted: Wanted<K>, options: WriteOptions, { admission, time }: Deciding): Decision<K> {
  const sent = wanted.object;
  checkPreconditions(kind, old, sent.metadata);
  const metadata: StoredMeta = { ...keptMetadata(old.metadata), ...chosenMetadata(sent.metadata) };
  refuseDeletionTime(kind, old.metadata, sent.metadata);
  refuseNewFinalizers(kind, old.metadata, metadata);
  const candidate = { ...withoutStatus(kind, sent), ...statusOf(kind, old), apiVersion: apiVersionOf(kind), kind, metadata } as KindMap[K];
  const admitted = admit(admission, { kind, operation: 'update', object: candidate, old }, options);
  return settle(kind, old, { ...admitted, ...statusOf(kind, old), metadata: { ...metadata, ...chosenMetadata(admitted.metadata) } }, wanted, options, time, undefined);
}

/** `sent` brings the status; all else stays. */
export function decideStatus<K extends Kind>(kind: K, old: StoredOf<K>, wanted: Wanted<K>, options: WriteOptions, { admission, time }: Deciding): Decision<K> {
  checkPreconditions(kind, old, wanted.object.metadata);
  const { status } = wanted.object as Loose;
  const { status: _old, ...rest } = old as unknown as Loose;
  const candidate = { ...rest, ...(status === undefined ? {} : { status }), metadata: keptMetadata(old.metadata, true) } as unknown as KindMap[K];
  const admitted = admit(admission, { kind, operation: 'status', object: candidate, old }, options);
  const checked = (admitted as Loose).status;
  return settle(kind, old, { ...rest, ...(checked === undefined ? {} : { status: checked }), metadata: keptMetadata(old.metadata, true) } as unknown as KindMap[K], wanted, options, time, 'status');
}

export function patchedStatus<K extends Kind>(old: StoredOf<K>, patch: MergePatch, resourceVersion: string | undefined): KindMap[K] {
  return { ...old, status: mergePatch((old as unknown as Loose).status, patch), metadata: expecting(old.metadata, resourceVersion) } as unknown as KindMap[K];
}

const patchable = ['labels', 'annotations', 'finalizers', 'ownerReferences'];

/** @throws Invalid naming a field of metadata that is not the writer's */
export function patchedMeta<K extends Kind>(kind: K, old: StoredOf<K>, patch: MergePatch, resourceVersion: string | undefined): KindMap[K] {
  for (const field of Object.keys(patch)) {
    if (!patchable.includes(field)) throw invalid(kind, old.metadata.name, [{ field: `metadata.${field}`, reason: 'FieldValueForbidden', message: `Forbidden: only ${patchable.join(', ')} can be patched` }]);
  }
  const merged = mergePatch(chosenMetadata(old.metadata), patch) as Partial<ObjectMeta>;
  return { ...old, metadata: { ...expecting(old.metadata, resourceVersion), labels: undefined, annotations: undefined, finalizers: undefined, ownerReferences: undefined, ...merged } } as unknown as KindMap[K];
}

export function decideDelete<K extends Kind>(kind: K, old: StoredOf<K>, options: DeleteOptions, { time }: Deciding): Decision<K> {
  const { preconditions, propagationPolicy } = options;
  const { metadata } = old;
  if (preconditions?.uid !== undefined && preconditions.uid !== metadata.uid) throw preconditionFailed(kind, metadata.name, `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`);
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== metadata.resourceVersion) throw preconditionFailed(kind, metadata.name, `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`);
  const finalizers = withCollectionFinalizers(metadata.finalizers ?? [], propagationPolicy);
  if (finalizers.length === 0) return { do: 'remove', object: old };
  const marked: StoredMeta = {
    ...metadata,
    finalizers,
    ...(metadata.deletionTimestamp === undefined ? { deletionTimestamp: time, deletionGracePeriodSeconds: 0 } : {}),
    // Wanting it gone is a change of what is wanted, as in the API server.
    ...(metadata.deletionTimestamp === undefined && metadata.generation !== undefined ? { generation: metadata.generation + 1 } : {}),
  };
  if (equal(marked, metadata)) return { do: 'keep', object: old };
  return { do: 'store', object: { ...old, metadata: marked } as unknown as KindMap[K] & { metadata: StoredMeta } };
}

/** The garbage collector (controller/runtime) removes them when the dependents are gone or let go. */
function withCollectionFinalizers(finalizers: readonly string[], policy: DeleteOptions['propagationPolicy']): string[] {
  if (policy === undefined) return [...finalizers];
  const others = finalizers.filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion');
  return policy === 'Foreground' ? [...others, 'foregroundDeletion'] : policy === 'Orphan' ? [...others, 'orphan'] : others;
}

function settle<K extends Kind>(kind: K, old: StoredOf<K>, next: KindMap[K], wanted: Wanted<K>, options: WriteOptions, time: string, subresource: 'status' | undefined): Decision<K> {
  const metadata = next.metadata as StoredMeta;
  const specChanged = subresource === undefined && resources[kind].crd && !equal(desired(old), desired(next));
  const object = finish(kind, next, { ...metadata, ...(specChanged ? { generation: (old.metadata.generation ?? 0) + 1 } : {}) }, old, wanted, options, time, subresource);
  if (equal(object, old) || (wanted.managedFields !== undefined && equal(withoutTimes(object), withoutTimes(old)))) return { do: 'keep', object: old };
  if (object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length === 0) return { do: 'remove', object: object as unknown as StoredOf<K> };
  return { do: 'store', object };
}

function finish<K extends Kind>(kind: K, next: KindMap[K], metadata: StoredMeta, old: StoredOf<K> | undefined, wanted: Wanted<K>, options: WriteOptions, time: string, subresource: 'status' | undefined): KindMap[K] & { metadata: StoredMeta } {
  let managedFields: readonly ManagedFieldsEntry[];
  if (wanted.managedFields !== undefined) managedFields = wanted.managedFields;
  else {
    const base = baseEntries(kind, subresource === undefined ? wanted.object.metadata.managedFields : undefined, old?.metadata.managedFields);
    // Forgotten managers are not tracked again until the next apply, which books all that is there under `before-first-apply`.
    managedFields = old !== undefined && base.length === 0 ? [] : afterUpdate(kind, base, old as KindMap[K] | undefined, { ...next, metadata }, { manager: options.fieldManager, time, ...(subresource === undefined ? {} : { subresource }) });
  }
  const { managedFields: _before, ...rest } = metadata;
  return { ...next, metadata: { ...rest, ...(managedFields.length === 0 ? {} : { managedFields: [...managedFields] }) } };
}

/** An apply that moves nothing but the time of an entry, and with it its place among the others, is no change. */
function withoutTimes(object: { metadata: StoredMeta }): Json {
  const { managedFields } = object.metadata;
  const placeOf = ({ operation, manager, apiVersion, subresource }: ManagedFieldsEntry): string => JSON.stringify([operation, manager, apiVersion, subresource]);
  return { ...object, metadata: { ...object.metadata, managedFields: managedFields && Object.fromEntries(managedFields.map(({ time: _time, ...entry }) => [placeOf(entry), entry])) } };
}

function admit<K extends Kind>(admission: Admission, request: { kind: K; operation: 'create' | 'update' | 'status'; object: KindMap[K]; old?: StoredOf<K> }, options: WriteOptions): KindMap[K] {
  // Who owns what is not admission's business, and the larger half of many an object.
  const { managedFields: _entries, ...metadata } = request.object.metadata;
  const { object, warnings } = admission.admit({ ...request, object: { ...request.object, metadata }, writer: options, fieldValidation: options.fieldValidation ?? 'Strict' });
  for (const warning of warnings) options.warn?.(warning);
  return object;
}

function checkPreconditions(kind: Kind, old: { metadata: StoredMeta }, sent: ObjectMeta): void {
  if (sent.uid !== undefined && sent.uid !== '' && sent.uid !== old.metadata.uid) throw conflict(kind, old.metadata.name, `Precondition failed: UID in precondition: ${sent.uid}, UID in object meta: ${old.metadata.uid}`);
  if (sent.resourceVersion !== undefined && sent.resourceVersion !== '' && sent.resourceVersion !== old.metadata.resourceVersion) throw conflict(kind, old.metadata.name);
}

/** When it began to go is the server's to say; left out, it stays as it is. The API server asks twice, and says it twice. */
function refuseDeletionTime(kind: Kind, old: StoredMeta, { deletionTimestamp }: ObjectMeta): void {
  if (!deletionTimestamp || (old.deletionTimestamp !== undefined && Date.parse(deletionTimestamp) === Date.parse(old.deletionTimestamp))) return;
  const cause = { field: 'metadata.deletionTimestamp', reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(deletionTimestamp)}: field is immutable` };
  throw invalid(kind, old.name, [cause, cause]);
}

function refuseNewFinalizers(kind: Kind, old: StoredMeta, next: StoredMeta): void {
  if (old.deletionTimestamp === undefined) return;
  const added = (next.finalizers ?? []).filter((finalizer) => !(old.finalizers ?? []).includes(finalizer));
  if (added.length > 0) throw invalid(kind, old.name, [{ field: 'metadata.finalizers', reason: 'FieldValueForbidden', message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => JSON.stringify(each)).join(', ')}}` }]);
}

/** The metadata a writer may choose; empty ones are left out, as Kubernetes does. */
function chosenMetadata({ labels, annotations, finalizers, ownerReferences }: Partial<ObjectMeta>): Partial<ObjectMeta> {
  return {
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(finalizers === undefined || finalizers.length === 0 ? {} : { finalizers: [...new Set(finalizers)] }),
    ...(ownerReferences === undefined || ownerReferences.length === 0 ? {} : { ownerReferences }),
  };
}

function keptMetadata(metadata: StoredMeta, all = false): StoredMeta {
  if (all) return { ...metadata };
  const { labels: _labels, annotations: _annotations, finalizers: _finalizers, ownerReferences: _ownerReferences, ...rest } = metadata;
  return rest;
}

function expecting(metadata: StoredMeta, resourceVersion: string | undefined): ObjectMeta {
  return { ...metadata, resourceVersion };
}

function withoutStatus(kind: Kind, object: KindMap[Kind]): Json {
  if (!resources[kind].crd) return { ...object } as unknown as Json;
  const { status: _status, ...rest } = object as Loose;
  return rest as unknown as Json;
}

function statusOf(kind: Kind, object: unknown): { status?: unknown } {
  if (!resources[kind].crd || !isRecord(object) || object['status'] === undefined) return {};
  return { status: object['status'] };
}

/** What generation counts: all but metadata and status. */
function desired(object: unknown): Json {
  const { metadata: _metadata, status: _status, ...rest } = object as Json;
  return rest;
}
