/**
 * Who set which field: metadata.managedFields of every write. Pure; server-side apply stands on the same functions.
 * An Update takes over each field it changes: the entry of its manager gains it, all others lose it. A field that goes
 * away leaves every entry. A subresource has entries of its own.
 * Source: Kubernetes documentation "Server-Side Apply", field management; structured-merge-diff merge/update.go.
 */
import { crds } from '#crds/types/crds.gen.js';
import { apiVersionOf, resources, type Kind } from '#crds/kinds.js';
import type { StructuralSchema } from '#crds/crd.js';
import type { KubeObject, ManagedFieldsEntry, Timestamp } from '#crds/meta.js';
import { coreSchemas } from '../admission/coreSchemas.js';
import { difference, diffFields, emptySet, formatFields, intersects, isEmptySet, isFieldsV1, isSubset, parseFields, union, type FieldDiff, type FieldSet } from './fieldSet.js';
import type { Json } from './plainJson.js';

const metadataSchema: StructuralSchema = {
  type: 'object',
  properties: {
    generateName: { type: 'string' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    finalizers: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ownerReferences: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['uid'], items: { type: 'object', 'x-kubernetes-map-type': 'atomic' } },
  },
};

const schemas = new Map<Kind, StructuralSchema>();

/** The schema of a kind for merging: metadata's list and map types filled in. */
export function mergeSchema(kind: Kind): StructuralSchema {
  let schema = schemas.get(kind);
  if (schema === undefined) {
    const own = kind === 'Secret' || kind === 'Event' || kind === 'Lease'
      ? coreSchemas[kind]
      : crds[kind].spec.versions.find(({ name }) => name === resources[kind].version)?.schema.openAPIV3Schema ?? {};
    schema = { ...own, properties: { ...own.properties, metadata: metadataSchema } };
    schemas.set(kind, schema);
  }
  return schema;
}

/** What managers can own of an object: all but identity and what the server sets. */
export function ownable(object: KubeObject, subresource: 'status' | undefined): Json {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object as KubeObject & Json;
  if (subresource === 'status') return { status: rest['status'] };
  if (resources[object.kind as Kind].crd) delete rest['status'];
  const { generateName, labels, annotations, finalizers, ownerReferences } = metadata;
  return { metadata: Object.fromEntries(Object.entries({ generateName, labels, annotations, finalizers, ownerReferences }).filter(([, value]) => value !== undefined)), ...rest };
}

/** How a write changed the fields managers own. Structs of the envelope are not owned themselves. */
export function diffObjects(kind: Kind, before: KubeObject | undefined, after: KubeObject, subresource: 'status' | undefined): FieldDiff {
  const old: Json = before === undefined ? {} : ownable(before, subresource);
  if (subresource === undefined) old['metadata'] ??= {};
  return diffFields(old, ownable(after, subresource), mergeSchema(kind));
}

export interface UpdateBy {
  manager: string;
  time: Timestamp;
  subresource?: 'status';
}

/** Beyond this many Update entries the oldest are folded into one, as the API server does. */
const MOST_UPDATERS = 10;
const ANCIENT = 'ancient-changes';

/** The entries after a write that was not an apply. The same array when the write changed no owned field. */
export function afterUpdate(kind: Kind, entries: readonly ManagedFieldsEntry[], before: KubeObject | undefined, after: KubeObject, by: UpdateBy): readonly ManagedFieldsEntry[] {
  const { changed, removed } = diffObjects(kind, before, after, by.subresource);
  if (isEmptySet(changed) && isEmptySet(removed)) return entries;
  const lost = union(changed, removed);
  const apiVersion = apiVersionOf(kind);
  const isOwn = (entry: ManagedFieldsEntry): boolean => entry.operation === 'Update' && entry.manager === by.manager && entry.subresource === by.subresource;
  const result: ManagedFieldsEntry[] = [];
  let own: FieldSet | undefined;
  let ownTime: Timestamp | undefined;
  /** The set of the only own entry, when this write only sets again what it has. */
  let same: Record<string, unknown> | undefined;
  for (const entry of entries) {
    const fields = parseFields(entry.fieldsV1);
    if (isOwn(entry)) {
      same = own === undefined && entry.fieldsV1 !== undefined && isEmptySet(removed) && isSubset(changed, fields) ? entry.fieldsV1 : undefined;
      own = own === undefined ? fields : union(own, fields);
      ownTime = entry.time;
      continue;
    }
    if (!intersects(fields, lost)) { result.push(entry); continue; }
    const left = formatFields(difference(fields, lost));
    if (left !== undefined) result.push({ ...entry, fieldsV1: left });
  }
  const fieldsV1 = same ?? formatFields(union(own === undefined ? emptySet() : difference(own, removed), changed));
  // Who only took fields away set nothing: its entry keeps the time of the last field it set.
  const time = isEmptySet(changed) ? ownTime : by.time;
  if (fieldsV1 !== undefined) result.push({ manager: by.manager, operation: 'Update', apiVersion, ...(time === undefined ? {} : { time }), fieldsType: 'FieldsV1', fieldsV1, ...(by.subresource === undefined ? {} : { subresource: by.subresource }) });
  return sortEntries(foldOldest(result));
}

function foldOldest(entries: ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const updates = entries.filter((entry) => entry.operation === 'Update').sort((a, b) => (a.time ?? '').localeCompare(b.time ?? ''));
  if (updates.length <= MOST_UPDATERS) return entries;
  const old = new Set(updates.slice(0, updates.length - MOST_UPDATERS + 1));
  const bySubresource = new Map<string | undefined, ManagedFieldsEntry[]>();
  for (const entry of old) bySubresource.set(entry.subresource, [...(bySubresource.get(entry.subresource) ?? []), entry]);
  const folded = [...bySubresource].map(([subresource, group]): ManagedFieldsEntry => {
    const fieldsV1 = formatFields(group.map((entry) => parseFields(entry.fieldsV1)).reduce(union)) ?? {};
    const last = group.at(-1);
    return { ...last, manager: ANCIENT, operation: 'Update', fieldsType: 'FieldsV1', fieldsV1, ...(subresource === undefined ? {} : { subresource }) };
  });
  return [...folded, ...entries.filter((entry) => !old.has(entry))];
}

/** As the API server writes them: appliers first, then by time and name. */
export function sortEntries(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const seconds = ({ time }: ManagedFieldsEntry): number => (time === undefined ? 0 : Math.floor(Date.parse(time) / 1000));
  const by = (a: string | undefined, b: string | undefined): number => ((a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0);
  return [...entries].sort((a, b) => by(a.operation, b.operation) || seconds(a) - seconds(b) || by(a.manager, b.manager) || by(a.apiVersion, b.apiVersion) || by(a.subresource, b.subresource));
}

/**
 * The entries a write starts from. A writer may send the entries it read (or rewrote: kubectl does, to move fields to an
 * applier); one empty entry means "forget all", for core kinds an empty list too; none, or what cannot be read, means
 * "leave them".
 */
export function baseEntries(kind: Kind, sent: readonly ManagedFieldsEntry[] | undefined, stored: readonly ManagedFieldsEntry[] | undefined): readonly ManagedFieldsEntry[] {
  if (sent === undefined || (sent.length === 0 && resources[kind].crd)) return stored ?? [];
  if (sent.length === 0 || (sent.length === 1 && sent[0] !== undefined && Object.keys(sent[0]).length === 0)) return [];
  return sent.every(isWellFormed) ? sent.filter((entry) => !isEmptySet(parseFields(entry.fieldsV1))) : stored ?? [];
}

function isWellFormed({ operation, apiVersion, fieldsType, fieldsV1 }: ManagedFieldsEntry): boolean {
  return (operation === 'Apply' || operation === 'Update') && apiVersion !== undefined && apiVersion !== '' && fieldsType === 'FieldsV1' && (fieldsV1 === undefined || isFieldsV1(fieldsV1));
}
