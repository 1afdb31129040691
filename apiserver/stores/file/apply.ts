/** Server-side apply on the file store: the checks of the envelope, the merge, then an ordinary create, update or status write. */
import { apiVersionOf, type Kind, type KindMap } from '#crds/kinds.js';
import type { KubeObject, ObjectKey } from '#crds/meta.js';
import { Conflict, type ApplyConfiguration, type ApplyOptions } from '#crds/objectStore.js';
import { applyConfiguration, conflictMessage } from '../applyConfiguration.js';
import { BadRequest, conflict, invalid, NotTyped, notFound } from '../errors.js';
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
  if (problem !== undefined) throw new NotTyped(`failed to create typed patch object (${key.namespace}/${key.name}; ${gvkText(apiVersionOf(kind), kind)}): ${problem}`);
  checkIdentity(kind, key, old, metadata);
  const outcome = applyConfiguration({ kind, live: old as KubeObject | undefined, config, manager: options.fieldManager, force, time: deciding.time, ...(subresource === undefined ? {} : { subresource }) });
  if ('conflicts' in outcome) {
    throw new Conflict(conflictMessage(outcome.conflicts), { causes: outcome.conflicts.map(({ manager, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path })) });
  }
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

function checkIdentity<K extends Kind>(kind: K, key: ObjectKey, old: StoredOf<K> | undefined, { name, uid }: Json): void {
  if (old === undefined && !isText(name)) throw new BadRequest(`the name of the object (${key.name} based on URL) was undeterminable: name must be provided`);
  if (!isText(uid) || uid === old?.metadata.uid) return;
  if (old === undefined) throw conflict(kind, key.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  throw invalid(kind, key.name, [{ field: 'metadata.uid', reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(uid)}: field is immutable` }]);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const gvkText = (apiVersion: unknown, kind: unknown): string => {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  return `${version.includes('/') ? version : `/${version}`}, Kind=${typeof kind === 'string' ? kind : ''}`;
};
