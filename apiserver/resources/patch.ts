/**
 * PATCH: read, apply, write with the version that was read. When the client named no version itself, a writer who came
 * between is no reason to fail: the patch is applied again to the newer object, a bounded number of times.
 */
import jsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import { BODY_LIMIT, TooLarge, decode } from '../admission/decode.js';
import { decodeObject } from '../admission/index.js';
import type { DecodeOptions } from '../admission/decodeObject.js';
import { InvalidAs, invalid, invalidObject } from '../admission/fieldErrors.js';
import { isPlain } from '../admission/schemaWalk.js';
import { Conflict, Invalid } from '#crds/objectStore.js';
import type { ObjectStore, WriteOptions } from '#crds/objectStore.js';
import type { Kind } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { mediaType, readBody } from './body.js';
import { badRequest, unsupportedMediaType, ApiError } from './errors.js';
import type { Call } from './request.js';
import { groupVersion } from './served.js';
import type { Served } from './served.js';
import { mergePatch } from '../stores/plainJson.js';
import { strategicMerge } from './strategicMerge.js';

const TRIES = 5;
const MAX_OPERATIONS = 10_000;
const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
/** Server-side apply; JSON is YAML too. Answered in apply.ts. */
export const APPLY = 'application/apply-patch+yaml';

export const patchTypes = (served: Served): string[] => [JSON_PATCH, MERGE_PATCH, ...(served.crd ? [] : [STRATEGIC]), APPLY];

type Change = (object: KubeObject) => unknown;

/** @returns the object after the patch */
export async function applyPatchTo(call: Call, served: Served, store: ObjectStore, namespace: string, options: WriteOptions & { fieldValidation: NonNullable<WriteOptions['fieldValidation']> }): Promise<KubeObject> {
  const { kind } = served;
  const name = call.path.name ?? '';
  const { change, duplicates } = await readPatch(call, served);
  for (let attempt = 1; ; attempt++) {
    const current = await store.get(kind, { namespace, name });
    const patched = change(current);
    checkKind(patched, served, name);
    const warnings: string[] = [];
    const decodeOptions = { fieldValidation: options.fieldValidation, warn: (message: string): void => { warnings.push(message); }, duplicates };
    const object = call.path.subresource === 'status' ? decodeStatus(kind, patched, current, decodeOptions) : decodeObject(kind, patched, decodeOptions);
    checkIdentity(object, current, served);
    if (served.crd) warnOfFinalizers(object, current, (message) => { warnings.push(message); });
    const ownVersion = object.metadata.resourceVersion !== current.metadata.resourceVersion;
    if (object.metadata.resourceVersion === undefined || object.metadata.resourceVersion === '') object.metadata.resourceVersion = current.metadata.resourceVersion;
    try {
      const result = call.path.subresource === 'status' ? await store.updateStatus(kind, object, options) : await store.update(kind, object, options);
      for (const warning of warnings) options.warn?.(warning);
      return result;
    } catch (error) {
      if (!(error instanceof Conflict) || ownVersion || attempt >= TRIES) throw error;
    }
  }
}

/** Of a status write only the status counts: the metadata and spec that a patch left as they are stored need no second look. */
function decodeStatus(kind: Kind, patched: unknown, current: KubeObject, options: DecodeOptions): KubeObject {
  if (!isPlain(patched) || patched['metadata'] !== current.metadata || patched['spec'] !== (current as { spec?: unknown }).spec) return decodeObject(kind, patched, options);
  const { spec, metadata: _metadata, ...rest } = patched;
  const object = decodeObject(kind, { ...rest, metadata: { name: current.metadata.name } }, options);
  return { ...object, ...(spec === undefined ? {} : { spec }), metadata: { ...current.metadata } };
}

function checkIdentity(object: KubeObject, current: KubeObject, { kind, group, crd }: Served): void {
  const { name, namespace, uid } = current.metadata;
  // The API server asks twice, and says it twice.
  const immutable = invalid('metadata.uid', object.metadata.uid, 'field is immutable');
  if (object.metadata.uid !== undefined && object.metadata.uid !== '' && object.metadata.uid !== uid) throw invalidObject(kind, group, name, crd ? [immutable, immutable] : [immutable]);
  checkName(object, name);
  if ((object.metadata.namespace ?? namespace) !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

const STANDARD_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes'];

/** As the API server does for custom resources. @param before what is stored; its own are not warned of again */
export function warnOfFinalizers({ metadata: { finalizers = [] } }: KubeObject, before: KubeObject | undefined, warn: WriteOptions['warn']): void {
  for (const each of finalizers) {
    if (each.includes('/') || STANDARD_FINALIZERS.includes(each) || before?.metadata.finalizers?.includes(each)) continue;
    warn?.(`metadata.finalizers: ${JSON.stringify(each)}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`);
  }
}

/** A patch that changes what the object is: told as a field of it. */
function checkKind(patched: unknown, served: Served, name: string): void {
  if (!served.crd || !isPlain(patched) || typeof patched['apiVersion'] !== 'string' || patched['kind'] !== served.kind || patched['apiVersion'] === groupVersion(served)) return;
  throw new InvalidAs({ kind: served.kind, group: patched['apiVersion'].includes('/') ? patched['apiVersion'].split('/')[0] ?? '' : '', name }, [invalid('apiVersion', patched['apiVersion'], `must be ${groupVersion(served)}`)]);
}

/** @param name of the path */
export function checkName({ metadata }: KubeObject, name: string): void {
  if (!metadata.name) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
}

async function readPatch(call: Call, served: Served): Promise<{ change: Change; duplicates: string[] }> {
  const type = mediaType(call.req);
  if (type === STRATEGIC && served.crd) {
    throw unsupportedMediaType(patchTypes(served));
  }
  if (!patchTypes(served).includes(type)) throw unsupportedMediaType(patchTypes(served));
  const { value, duplicates } = decode(await readBody(call.req), 'json');
  if (type === JSON_PATCH) {
    const operations = checkOperations(value);
    return { change: (object) => runOperations(object, operations, served), duplicates };
  }
  if (!isPlain(value)) throw badRequest(`error decoding patch: json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type map[string]interface {}`);
  return { change: (object) => (type === MERGE_PATCH ? mergePatch(object, value) : strategicMerge(object, value)), duplicates };
}

function checkOperations(value: unknown): Operation[] {
  if (!Array.isArray(value)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp');
  if (value.length > MAX_OPERATIONS) throw new ApiError(413, 'RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${value.length}`);
  for (const [index, operation] of value.entries()) {
    if (!isPlain(operation) || typeof operation['op'] !== 'string' || typeof operation['path'] !== 'string') throw badRequest(`operation ${index} of the JSON patch needs op and path`);
  }
  return value as Operation[];
}

/** The library speaks to programmers; the client gets what is wrong with the operation. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error instanceof TypeError && /__proto__/.test(error.message)) return 'the path may not lead through __proto__ or constructor/prototype';
  if (error instanceof TypeError) return 'the path leads through a value that is not there';
  return error.message.split('\n')[0] ?? '';
}

/** One by one, so that an error names its operation and copies cannot multiply without bound. */
function runOperations(object: KubeObject, operations: readonly Operation[], served: Served): unknown {
  let document: unknown = structuredClone(object);
  let copied = 0;
  for (const [index, operation] of operations.entries()) {
    try {
      if (operation.op === 'copy') {
        copied += JSON.stringify(jsonPatch.getValueByPointer(document, operation.from) ?? null).length;
        if (copied > BODY_LIMIT) throw new TooLarge(BODY_LIMIT);
      }
      document = jsonPatch.applyOperation(document, structuredClone(operation), true, true, true, index).newDocument;
    } catch (error) {
      if (error instanceof TooLarge) throw error;
      const why = whyNot(error);
      const message = `operation ${index} (${operation.op} ${operation.path}): ${why}`;
      throw new Invalid(`the server rejected our request due to an error in our request: ${message}`, { causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }] });
    }
  }
  if (!isPlain(document)) throw new Invalid(`the JSON patch leaves no ${served.kind}`);
  return document;
}
