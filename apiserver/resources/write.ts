/** create, update, patch, delete, deletecollection: from a request to one store write, and back. */
import type { DeleteOptions, ObjectStore, WriteOptions } from '#crds/objectStore.js';
import type { KubeObject } from '#crds/meta.js';
import { decodeObject } from '../admission/index.js';
import { decode } from '../admission/decode.js';
import { isPlain } from '../admission/schemaWalk.js';
import { AlreadyExists, NotFound } from '#crds/objectStore.js';
import { InvalidAs, invalid, invalidOptions as invalidOptionsOf, notSupported } from '../admission/fieldErrors.js';
import type { FieldError } from '../admission/fieldErrors.js';
import { accepted } from './accept.js';
import { applyTo, invalidOptions } from './apply.js';
import { OBJECT_TYPES, PROTOBUF, mediaType, readBody, readObject } from './body.js';
import { deleteOptionsFromProtobuf } from './deleteOptionsProtobuf.js';
import { encodeList, encodeObject, includeObject } from './encode.js';
import type { Form } from './encode.js';
import { badRequest, sendJson, sendPieces, unsupportedMediaType } from './errors.js';
import type { Status } from './errors.js';
import { APPLY, applyPatchTo, checkName, warnOfFinalizers } from './patch.js';
import { listOptions } from './read.js';
import { isDryRun, isTrue, writeOptions } from './request.js';
import type { Call } from './request.js';
import { groupVersion } from './served.js';
import type { Served } from './served.js';

const NAME_TRIES = 8;

type Options = WriteOptions & { fieldValidation: NonNullable<WriteOptions['fieldValidation']> };

export async function answerCreate(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  await answerWrite(call, served, () => 201, async (options) => {
    const object = await readKind(call, served, options);
    checkNamespace(object, namespace);
    object.metadata.namespace = namespace;
    call.about.bodyName = object.metadata.name;
    if (served.crd) warnOfFinalizers(object, undefined, options.warn);
    return createNamed(object, () => store.create(served.kind, object as never, options));
  });
}

/** Two generated names may be the same by chance: then another is tried. */
async function createNamed({ metadata: { name, generateName } }: KubeObject, create: () => Promise<KubeObject>): Promise<KubeObject> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await create();
    } catch (error) {
      if (!(error instanceof AlreadyExists) || name || !generateName || attempt >= NAME_TRIES) throw error;
    }
  }
}

export async function answerUpdate(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  await answerWrite(call, served, () => 200, async (options) => {
    const object = await readKind(call, served, options);
    const name = call.path.name ?? '';
    checkNamespace(object, namespace);
    checkName(object, name);
    object.metadata.namespace = namespace;
    if (served.crd && !object.metadata.resourceVersion) {
      await store.get(served.kind, { namespace, name });
      throw new InvalidAs({ kind: served.plural, group: served.group, name }, [invalid('metadata.resourceVersion', 0, 'must be specified for an update')]);
    }
    if (served.crd && (object.metadata.finalizers ?? []).length > 0) warnOfFinalizers(object, await store.get(served.kind, { namespace, name }), options.warn);
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
  // What is not said is read from the path for core kinds alone.
  if (served.crd && isPlain(value)) {
    if (!value['kind']) throw badRequest(`the object provided is unrecognized (must be of type ${served.kind}): Object 'Kind' is missing`);
    if (!value['apiVersion']) throw badRequest(`the API version in the data () does not match the expected API version (${groupVersion(served)})`);
  }
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
  await sendPieces(call.res, 200, encodeList(served, deleted, { resourceVersion }, form));
}

/** From the body, or the query for clients that send none. */
async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const { fieldManager, principal, door, sourceIP, dryRun } = writeOptions(call, () => undefined);
  const type = mediaType(call.req);
  const body = await readBody(call.req);
  if (body.length > 0 && type !== '' && type !== PROTOBUF && !OBJECT_TYPES.includes(type)) throw unsupportedMediaType(OBJECT_TYPES);
  const value = body.length === 0 ? {} : type === PROTOBUF ? deleteOptionsFromProtobuf(body) : decode(body, type === 'application/yaml' ? 'yaml' : 'json').value;
  if (!isPlain(value)) throw badRequest('DeleteOptions must be an object');
  if (value['kind'] !== undefined && value['kind'] !== 'DeleteOptions') throw badRequest(`${JSON.stringify(value['kind'])} is no DeleteOptions`);
  const inBody = new URLSearchParams((Array.isArray(value['dryRun']) ? value['dryRun'] : []).map((each): [string, string] => ['dryRun', String(each)]));
  const orphan = value['orphanDependents'] ?? (call.query.has('orphanDependents') ? isTrue(call.query.get('orphanDependents')) : undefined);
  const named = value['propagationPolicy'] ?? call.query.get('propagationPolicy') ?? undefined;
  const problems: FieldError[] = [];
  if (named !== undefined && orphan !== undefined) problems.push(invalid('propagationPolicy', named, 'orphanDependents and deletionPropagation cannot be both set'));
  const policy = named ?? (orphan === true ? 'Orphan' : undefined);
  if (policy !== undefined && !isPolicy(policy)) problems.push(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  if (problems.length > 0) throw invalidOptionsOf('DeleteOptions', ...problems);
  const given = value['preconditions'];
  const text = (key: 'uid' | 'resourceVersion'): string | undefined => (isPlain(given) && typeof given[key] === 'string' ? given[key] : undefined);
  return {
    fieldManager, principal, door, sourceIP, dryRun: dryRun === true || isDryRun(inBody),
    ...(isPlain(given) ? { preconditions: { uid: text('uid'), resourceVersion: text('resourceVersion') } } : {}),
    ...(isPolicy(policy) ? { propagationPolicy: policy } : {}),
  };
}

const isPolicy = (value: unknown): value is NonNullable<DeleteOptions['propagationPolicy']> => value === 'Background' || value === 'Foreground' || value === 'Orphan';
