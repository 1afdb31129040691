/** Server-side apply on the file store: the checks of the envelope, the merge, then an ordinary create, update or status write. */
import type { StructuralSchema } from '#crds/crd.js';
import { apiVersionOf, resources, type Kind, type KindMap } from '#crds/kinds.js';
import type { KubeObject, ObjectKey } from '#crds/meta.js';
import { Conflict, type ApplyConfiguration, type ApplyOptions } from '#crds/objectStore.js';
import { applyConfiguration, conflictMessage } from '../applyConfiguration.js';
import { BadRequest, conflict, invalid, NotTyped, notFound } from '../errors.js';
import { fieldSchema } from '../fieldSet.js';
import { mergeSchema } from '../managedFields.js';
import { isRecord, type Json } from '../plainJson.js';
import { typedProblem } from '../typedPatch.js';
import { decideCreate, decideStatus, decideUpdate, type Deciding, type Decision, type Wanted } from './decisions.js';
import type { StoredOf } from './objects.js';

/** @throws BadRequest, NotTyped, Conflict, Invalid, NotFound: as ObjectStore.apply */
export function decideApply<K extends Kind>(kind: K, key: ObjectKey, old: StoredOf<K> | undefined, configuration: ApplyConfiguration, { force = false, subresource, mustExist = false, ...options }: ApplyOptions, deciding: Deciding): Decision<K> {
  const config: Json = configuration;
  const metadata = checkEnvelope(kind, key, config);
  if (old === undefined && (mustExist || subresource !== undefined)) throw notFound(kind, key.name);
  const problem = typedProblem(kind, config);
  if (problem !== undefined) throw new NotTyped(`failed to create typed patch object (${text(metadata['namespace'])}/${text(metadata['name'])}; ${gvkText(apiVersionOf(kind), kind)}): ${problem}`);
  checkIdentity(kind, key, old, metadata);
  const outcome = applyConfiguration({ kind, live: old as KubeObject | undefined, config, manager: options.fieldManager, force, time: deciding.time, ...(subresource === undefined ? {} : { subresource }) });
  if ('conflicts' in outcome) {
    throw new Conflict(conflictMessage(outcome.conflicts), { causes: outcome.conflicts.map(({ manager, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path })) });
  }
  if (resources[kind].crd) refuseNulls(kind, key.name, subresource === 'status' ? { status: (outcome.object as KubeObject & { status?: unknown }).status } : { ...outcome.object, status: undefined });
  const wanted: Wanted<K> = { object: outcome.object as unknown as KindMap[K], managedFields: outcome.managedFields };
  if (old === undefined) return decideCreate(kind, wanted, key, options, deciding);
  return subresource === 'status' ? decideStatus(kind, old, wanted, options, deciding) : decideUpdate(kind, old, wanted, options, deciding);
}

function checkEnvelope(kind: Kind, key: ObjectKey, { apiVersion, kind: given, metadata = {} }: Json): Json {
  if (apiVersion !== apiVersionOf(kind) || given !== kind) throw new BadRequest(`invalid object type: ${gvkText(apiVersion, given)}`);
  // What is no map is refused with the rest of the types.
  if (!isRecord(metadata)) return {};
  if (metadata['managedFields'] !== undefined && metadata['managedFields'] !== null) throw new BadRequest('metadata.managedFields must be nil');
  const { name, namespace } = metadata;
  if (isText(name) && name !== key.name) throw new BadRequest(`the name of the object (${name}) does not match the name on the URL (${key.name})`);
  if (isText(namespace) && namespace !== key.namespace) throw new BadRequest('the namespace of the provided object does not match the namespace sent on the request');
  return metadata;
}

/** Other writes lose nulls while they are decoded; an apply is merged after that, so a null that is left is a value of the wrong type. */
function refuseNulls(kind: Kind, name: string, object: Json): void {
  const nulls: { field: string; type: string }[] = [];
  const find = (value: unknown, schema: StructuralSchema | undefined, field: string): void => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) find(item, schema?.items, `${field}[${index}]`);
    else if (isRecord(value)) for (const [key, inner] of Object.entries(value)) find(inner, fieldSchema(schema, key), field === '' ? key : `${field}.${key}`);
    else if (value === null && schema?.nullable !== true && schema?.default === undefined && schema?.type !== undefined) nulls.push({ field, type: schema.type });
  };
  find(object, { properties: { ...mergeSchema(kind).properties, metadata: {} } }, '');
  if (nulls.length === 0) return;
  throw invalid(kind, name, [
    ...nulls.sort((a, b) => (a.field < b.field ? -1 : 1)).map(({ field, type }) => ({ field, reason: 'FieldValueTypeInvalid', message: `Invalid value: "null": ${field} in body must be of type ${type}: "null"` })),
    { field: '<nil>', reason: 'FieldValueInvalid', message: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation' },
  ]);
}

function checkIdentity<K extends Kind>(kind: K, key: ObjectKey, old: StoredOf<K> | undefined, { name, uid }: Json): void {
  if (old === undefined && !isText(name)) throw new BadRequest(`the name of the object (${key.name} based on URL) was undeterminable: name must be provided`);
  if (!isText(uid) || uid === old?.metadata.uid) return;
  if (old === undefined) throw conflict(kind, key.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  throw invalid(kind, key.name, [{ field: 'metadata.uid', reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(uid)}: field is immutable` }]);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const gvkText = (apiVersion: unknown, kind: unknown): string => {
  const version = text(apiVersion);
  return `${version.includes('/') ? version : `/${version}`}, Kind=${text(kind)}`;
};
