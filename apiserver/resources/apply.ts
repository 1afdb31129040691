/** PATCH with application/apply-patch+yaml: server-side apply. The store decides; here are the request's own rules. */
import type { ApplyOptions, Invalid, ObjectStore, WriteOptions } from '#crds/objectStore.js';
import { NotFound } from '#crds/objectStore.js';
import type { KubeObject } from '#crds/meta.js';
import { DecodeError, decode } from '../admission/decode.js';
import type { Decoded } from '../admission/decode.js';
import { invalidOptions as invalidOptionsOf } from '../admission/fieldErrors.js';
import type { FieldReason } from '../admission/fieldErrors.js';
import { isPlain } from '../admission/schemaWalk.js';
import { readBody } from './body.js';
import { badRequest } from './errors.js';
import { isTrue } from './request.js';
import type { Call } from './request.js';
import type { Served } from './served.js';

/** @param mayCreate throws when the caller may not create: then only an object that exists is applied to */
export async function applyTo(call: Call, served: Served, store: ObjectStore, namespace: string, options: WriteOptions, mayCreate: () => void): Promise<{ object: KubeObject; created: boolean }> {
  const fieldManager = call.query.get('fieldManager') ?? '';
  if (fieldManager === '') throw invalidOptions('fieldManager', 'FieldValueRequired', 'Required value: is required for apply patch');
  const configuration = await readConfiguration(call, options);
  const refused = refusal(mayCreate);
  const applyOptions: ApplyOptions = {
    ...options, fieldManager, force: isTrue(call.query.get('force')), mustExist: refused !== undefined,
    ...(call.path.subresource === 'status' ? { subresource: 'status' } : {}),
  };
  try {
    return await store.apply(served.kind, { namespace, name: call.path.name ?? '' }, configuration, applyOptions);
  } catch (error) {
    if (error instanceof NotFound && refused !== undefined && applyOptions.subresource === undefined) throw refused;
    throw error;
  }
}

async function readConfiguration(call: Call, { fieldValidation, warn }: WriteOptions): Promise<Record<string, unknown>> {
  const body = await readBody(call.req);
  try {
    const { value, duplicates } = decodeEither(body);
    if (!isPlain(value)) throw badRequest('error decoding patch: an object is expected');
    if (duplicates.length > 0 && fieldValidation === 'Strict') throw badRequest(`error strict decoding patch: ${duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`).join(', ')}`);
    if (fieldValidation === 'Warn') for (const path of duplicates) warn?.(`duplicate field ${JSON.stringify(path)}`);
    return value;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

/** JSON is read as JSON, which tells duplicate fields; what begins like it and is not may still be YAML in flow style. */
function decodeEither(body: Buffer): Decoded {
  if (body.find((byte) => byte > 0x20) === 0x7b) {
    try {
      return decode(body, 'json');
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  return decode(body, 'yaml');
}

function refusal(check: () => void): unknown {
  try {
    check();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Bad PatchOptions, in the API server's words. */
export function invalidOptions(field: string, reason: FieldReason, message: string): Invalid {
  return invalidOptionsOf('PatchOptions', { reason, field, message });
}
