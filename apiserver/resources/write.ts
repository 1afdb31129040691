/** create, update, patch, delete, deletecollection: from a request to one store write, and back. */
import type { DeleteOptions, ObjectStore, WriteOptions } from '#crds/objectStore.js';
import type { KubeObject } from '#crds/meta.js';
import { decodeObject } from '../admission/index.js';
import { decode } from '../admission/decode.js';
import { isPlain } from '../admission/schemaWalk.js';
import { Invalid, NotFound } from '#crds/objectStore.js';
import { accepted } from './accept.js';
import { applyTo, invalidOptions } from './apply.js';
import { OBJECT_TYPES, PROTOBUF, mediaType, readBody, readObject } from './body.js';
import { deleteOptionsFromProtobuf } from './deleteOptionsProtobuf.js';
import { encodeList, encodeObject, includeObject } from './encode.js';
import type { Form } from './encode.js';
import { badRequest, sendJson, unsupportedMediaType } from './errors.js';
import type { Status } from './errors.js';
import { APPLY, applyPatchTo } from './patch.js';
import { listOptions } from './read.js';
import { isDryRun, writeOptions } from './request.js';
import type { Call } from './request.js';
import type { Served } from './served.js';

type Options = WriteOptions & { fieldValidation: NonNullable<WriteOptions['fieldValidation']> };

export async function answerCreate(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  await answerWrite(call, served, () => 201, async (options) => {
    const object = await readKind(call, served, options);
    checkNamespace(object, namespace);
    object.metadata.namespace = namespace;
    call.about.bodyName = object.metadata.name;
    return store.create(served.kind, object as never, options);
  });
}

export async function answerUpdate(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  await answerWrite(call, served, () => 200, async (options) => {
    const object = await readKind(call, served, options);
    const name = call.path.name ?? '';
    checkNamespace(object, namespace);
    if (object.metadata.name !== name) throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
    object.metadata.namespace = namespace;
    if (served.crd && !object.metadata.resourceVersion) {
      await store.get(served.kind, { namespace, name });
      const cause = { reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' };
      throw new Invalid(`${served.plural}.${served.group} ${JSON.stringify(name)} is invalid: ${cause.field}: ${cause.message}`, { causes: [cause] });
    }
    return call.path.subresource === 'status' ? store.updateStatus(served.kind, object as never, options) : store.update(served.kind, object as never, options);
  });
}

/** @param mayCreate throws when the caller may not create objects of this kind: an apply does where there is none */
export async function answerPatch(call: Call, served: Served, store: ObjectStore, namespace: string, mayCreate: () => void): Promise<void> {
  if (mediaType(call.req) === APPLY) {
    let created = false;
    await answerWrite(call, served, () => (created ? 201 : 200), async (options) => {
      const applied = await applyTo(call, served, store, namespace, options, mayCreate);
      ({ created } = applied);
      return applied.object;
    });
    return;
  }
  if (call.query.has('force')) throw invalidOptions('force', 'FieldValueForbidden', 'Forbidden: may not be specified for non-apply patch');
  await answerWrite(call, served, () => 200, (options) => applyPatchTo(call, served, store, namespace, options));
}

async function answerWrite(call: Call, served: Served, code: () => number, write: (options: Options) => Promise<KubeObject>): Promise<void> {
  const form: Form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadata']), include: includeObject(call.query), now: Date.now };
  const warnings: string[] = [];
  const result = await write(writeOptions(call, (message) => { warnings.push(message); }));
  sendJson(call.res, code(), encodeObject(served, result, form), warningHeader(warnings));
}

/** RFC 7234 Warning headers, one per distinct warning. */
function warningHeader(warnings: readonly string[]): Record<string, string[]> {
  const distinct = [...new Set(warnings)].slice(0, 100);
  return distinct.length === 0 ? {} : { Warning: distinct.map((each) => `299 - "${each.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`) };
}

async function readKind(call: Call, served: Served, options: Options): Promise<KubeObject> {
  const { value, duplicates } = await readObject(call.req, served.kind);
  return decodeObject(served.kind, value, { fieldValidation: options.fieldValidation, warn: options.warn, duplicates });
}

function checkNamespace(object: KubeObject, namespace: string): void {
  if (object.metadata.namespace && object.metadata.namespace !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

export async function answerDelete(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  const form: Form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadata']), include: includeObject(call.query), now: Date.now };
  const options = await deleteOptions(call);
  const object = await store.delete(served.kind, { namespace, name: call.path.name ?? '' }, options);
  const { name, uid, deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined && finalizers.length > 0) {
    sendJson(call.res, 200, encodeObject(served, object, form));
    return;
  }
  const status: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name, ...(served.group === '' ? {} : { group: served.group }), kind: served.plural, uid } };
  sendJson(call.res, 200, JSON.stringify(status));
}

export async function answerDeleteCollection(call: Call, served: Served, store: ObjectStore): Promise<void> {
  const form: Form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadataList']), include: includeObject(call.query), now: Date.now };
  const options = await deleteOptions(call);
  const { items, resourceVersion } = await store.list(served.kind, listOptions(call));
  const deleted: KubeObject[] = [];
  for (const { metadata: { namespace, name } } of items) {
    try {
      deleted.push(await store.delete(served.kind, { namespace, name }, options));
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
    }
  }
  sendJson(call.res, 200, encodeList(served, deleted, { resourceVersion }, form));
}

/** From the body, or the query for clients that send none. */
async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const { fieldManager, principal, door, sourceIP, dryRun } = writeOptions(call, () => undefined);
  const type = mediaType(call.req);
  const body = await readBody(call.req);
  if (body.length > 0 && type !== '' && type !== PROTOBUF && !OBJECT_TYPES.includes(type)) throw unsupportedMediaType(OBJECT_TYPES);
  const value = body.length === 0 ? {} : type === PROTOBUF ? deleteOptionsFromProtobuf(body) : decode(body, type === 'application/yaml' ? 'yaml' : 'json').value;
  if (!isPlain(value)) throw badRequest('DeleteOptions must be an object');
  const inBody = new URLSearchParams((Array.isArray(value['dryRun']) ? value['dryRun'] : []).map((each): [string, string] => ['dryRun', String(each)]));
  const orphan = value['orphanDependents'] ?? (call.query.has('orphanDependents') ? call.query.get('orphanDependents') === 'true' : undefined);
  const policy = value['propagationPolicy'] ?? call.query.get('propagationPolicy') ?? (orphan === true ? 'Orphan' : undefined);
  if (policy !== undefined && policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw badRequest(`DeleteOptions.propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan"`);
  }
  const given = value['preconditions'];
  const text = (key: 'uid' | 'resourceVersion'): string | undefined => (isPlain(given) && typeof given[key] === 'string' ? given[key] : undefined);
  return {
    fieldManager, principal, door, sourceIP, dryRun: dryRun === true || isDryRun(inBody),
    ...(isPlain(given) ? { preconditions: { uid: text('uid'), resourceVersion: text('resourceVersion') } } : {}),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
  };
}
