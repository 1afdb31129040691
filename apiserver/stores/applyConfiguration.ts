/**
 * Server-side apply, the decision: what an object and its managers become when a manager applies a configuration, or which
 * other managers stand against it. Pure.
 * The configuration is all its manager wants to say of the object. Fields it sets are set and claimed; fields it claimed
 * before and no longer sets go away unless somebody else claims them; a field another manager claims may only be set to
 * the value it has (both own it then), or with force, which takes it over.
 * Source: sigs.k8s.io/structured-merge-diff merge/update.go; k8s.io/apimachinery managedfields; Kubernetes documentation
 * "Server-Side Apply".
 */
import { apiVersionOf, type Kind } from '#crds/kinds.js';
import type { KubeObject, ManagedFieldsEntry, ObjectMeta, Timestamp } from '#crds/meta.js';
import { claimedFields, mergeApplied, pathsInOrder, removeFields, withNamedFields } from './applyFields.js';
import { difference, diffFields, formatFields, intersection, isEmptySet, parseFields, union, type FieldSet } from './fieldSet.js';
import { KUBECTL, lastAppliedFields, refreshLastApplied } from './lastApplied.js';
import { afterUpdate, mergeSchema, ownable, sortEntries } from './managedFields.js';
import { equal, isRecord, type Json } from './plainJson.js';

/** Owns what was there before anybody was recorded, so that the first applier meets conflicts and takes nothing silently. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

export interface ApplyRequest {
  kind: Kind;
  /** What is stored; undefined when the configuration makes the object. */
  live: KubeObject | undefined;
  /** Of the right shape (typedPatch.ts), as it was sent. */
  config: Json;
  manager: string;
  force: boolean;
  time: Timestamp;
  subresource?: 'status';
}

export interface ApplyConflict {
  /** `"git"`, `"kubectl-edit" using v1`: whose field it is, as the API server prints it. */
  manager: string;
  /** `.spec.url`, `.status.conditions[type="Ready"].status` */
  path: string;
}

export type ApplyOutcome = { object: KubeObject; managedFields: ManagedFieldsEntry[] } | { conflicts: ApplyConflict[] };

interface Manager {
  entry: ManagedFieldsEntry;
  fields: FieldSet;
}

export function applyConfiguration({ kind, live, config, manager, force, time, subresource }: ApplyRequest): ApplyOutcome {
  const schema = mergeSchema(kind);
  const before = partOf(live, subresource);
  const wanted = partOf({ ...config, kind } as unknown as KubeObject, subresource);
  const claimed = withoutEnvelope(claimedFields(wanted, schema));

  const recorded = (live?.metadata.managedFields ?? []).map((entry): Manager => ({ entry, fields: parseFields(entry.fieldsV1) }));
  const known = recorded.length > 0 || live === undefined ? recorded : firstManagers(kind, live, time, subresource);
  const isOwn = ({ entry }: Manager): boolean => entry.operation === 'Apply' && entry.manager === manager && entry.subresource === subresource;
  const own = known.find(isOwn);
  const others = known.filter((each) => !isOwn(each));

  const merged = mergeApplied(before, wanted, schema);
  const after = own === undefined ? merged : pruned(merged, own.fields, [...others.map(({ fields }) => fields), claimed].reduce(union), schema);
  const { changed, removed } = diffFields(before, after ?? {}, schema);

  const contested = others.map((other) => ({ other, fields: intersection(other.fields, changed) })).filter(({ fields }) => !isEmptySet(fields));
  if (contested.length > 0 && !force) {
    const allowed = manager === KUBECTL && live !== undefined ? lastAppliedFields(kind, live, subresource) : undefined;
    const conflicts = conflictsOf(contested.map(({ other, fields }) => ({ other, fields: allowed === undefined ? fields : difference(fields, allowed) })));
    if (conflicts.length > 0) return { conflicts };
  }

  const lost = union(changed, removed);
  const ownTime = equal(before, after) ? own?.entry.time : time;
  const managers: Manager[] = [
    ...others.map(({ entry, fields }) => ({ entry, fields: difference(fields, lost) })),
    { entry: { manager, operation: 'Apply', apiVersion: apiVersionOf(kind), ...(ownTime === undefined ? {} : { time: ownTime }), fieldsType: 'FieldsV1', ...(subresource === undefined ? {} : { subresource }) }, fields: claimed },
  ];
  const managedFields = managers.flatMap(({ entry, fields }) => {
    const fieldsV1 = formatFields(fields);
    return fieldsV1 === undefined ? [] : [{ ...entry, fieldsV1 }];
  });
  return { object: assembled(kind, live, config, manager, isRecord(after) ? after : {}, subresource), managedFields: sortEntries(managedFields) };
}

/** The part of an object that managers own; `metadata` always there, so that it is never a change itself. */
function partOf(object: KubeObject | undefined, subresource: 'status' | undefined): Json {
  if (subresource === 'status') {
    const status = (object as (KubeObject & { status?: unknown }) | undefined)?.status;
    return status === undefined ? {} : { status };
  }
  return object === undefined ? { metadata: {} } : { ...ownable({ ...object, metadata: isRecord(object.metadata) ? object.metadata : {} } as KubeObject, undefined) };
}

function withoutEnvelope(set: FieldSet): FieldSet {
  const children = new Map(set.children);
  const metadata = children.get('f:metadata');
  if (metadata !== undefined) {
    if (metadata.children.size === 0) children.delete('f:metadata');
    else children.set('f:metadata', { ...metadata, own: false });
  }
  return { own: false, children };
}

function firstManagers(kind: Kind, live: KubeObject, time: Timestamp, subresource: 'status' | undefined): Manager[] {
  return afterUpdate(kind, [], undefined, live, { manager: BEFORE_FIRST_APPLY, time, ...(subresource === undefined ? {} : { subresource }) })
    .map((entry) => ({ entry, fields: parseFields(entry.fieldsV1) }));
}

/**
 * Without what its manager claimed last time (`last`) and nobody claims now. In three steps: everything claimed last time
 * goes; what is claimed by anybody comes back; and so does what went only because it was below something that went.
 */
function pruned(merged: unknown, last: FieldSet, claimedNow: FieldSet, schema: ReturnType<typeof mergeSchema>): unknown {
  const envelope = withoutEnvelope;
  const fieldsOf = (value: unknown): FieldSet => envelope(withNamedFields(claimedFields(value, schema), schema));
  const lastFields = envelope(withNamedFields(last, schema));
  const all = fieldsOf(merged);
  const stripped = removeFields(merged, lastFields, schema);
  const kept = removeFields(merged, difference(all, union(fieldsOf(stripped), envelope(withNamedFields(claimedNow, schema)))), schema);
  return removeFields(merged, intersection(difference(all, fieldsOf(kept)), lastFields), schema);
}

function conflictsOf(contested: readonly { other: Manager; fields: FieldSet }[]): ApplyConflict[] {
  const named = contested.map(({ other, fields }) => ({ manager: managerText(other.entry), paths: pathsInOrder(fields) }));
  return named.sort((a, b) => (a.manager < b.manager ? -1 : 1)).flatMap(({ manager, paths }) => paths.map((path) => ({ manager, path })));
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(manager ?? '')}${through}${operation === 'Update' ? ` using ${apiVersion ?? ''}` : ''}`;
}

/** `Apply failed with 1 conflict: conflict with "x" using v1: .data.a` */
export function conflictMessage(conflicts: readonly ApplyConflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`;
  const managers = [...new Set(conflicts.map(({ manager }) => manager))];
  const lines = managers.flatMap((manager) => [`conflicts with ${manager}:`, ...conflicts.filter((each) => each.manager === manager).map(({ path }) => `- ${path}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function assembled(kind: Kind, live: KubeObject | undefined, config: Json, manager: string, after: Json, subresource: 'status' | undefined): KubeObject {
  const sent = isRecord(config['metadata']) ? config['metadata'] as Partial<ObjectMeta> : {};
  const identity = { name: live?.metadata.name ?? sent.name ?? '', ...(typeof sent.resourceVersion === 'string' && live !== undefined ? { resourceVersion: sent.resourceVersion } : {}) };
  const envelope = { apiVersion: apiVersionOf(kind), kind };
  if (subresource === 'status') return { ...envelope, metadata: identity, ...after };
  const { metadata, ...rest } = after;
  const chosen = Object.fromEntries(Object.entries(isRecord(metadata) ? metadata : {}).filter(([, value]) => value !== null)) as Partial<ObjectMeta>;
  const annotations = manager === KUBECTL ? refreshLastApplied(chosen.annotations, config) : chosen.annotations;
  return { ...envelope, metadata: { ...chosen, ...(annotations === undefined ? {} : { annotations }), ...identity }, ...rest };
}

