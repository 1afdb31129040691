/**
 * A core/v1 Secret as typed clients post it (`kubectl create secret`, which does not fall back to JSON).
 * Source: k8s.io/api/core/v1 and meta/v1 generated.proto.
 */
import { badRequest } from './errors.js';
import { all, flag, message, readFields, readUnknown, text } from './protobuf.js';
import type { Fields } from './protobuf.js';

/** map<string, V> entries: key 1, value 2. */
function mapOf(fields: Fields, field: number, encoding: 'utf8' | 'base64'): Record<string, string> | undefined {
  const entries = all(fields, field).map((bytes): [string, string] => {
    const entry = readFields(bytes);
    return [text(entry, 1), (all(entry, 2).at(-1) ?? Buffer.alloc(0)).toString(encoding)];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

const owner = (bytes: Buffer): object => {
  const fields = readFields(bytes);
  return { kind: text(fields, 1), name: text(fields, 3), uid: text(fields, 4), apiVersion: text(fields, 5), controller: flag(fields, 6), blockOwnerDeletion: flag(fields, 7) };
};

function metadataOf(fields: Fields): object {
  const owners = all(fields, 13).map(owner);
  const finalizers = all(fields, 14).map(String);
  return {
    name: text(fields, 1), generateName: text(fields, 2) || undefined, namespace: text(fields, 3) || undefined, uid: text(fields, 5) || undefined, resourceVersion: text(fields, 6) || undefined,
    labels: mapOf(fields, 11, 'utf8'), annotations: mapOf(fields, 12, 'utf8'),
    ...(owners.length === 0 ? {} : { ownerReferences: owners }), ...(finalizers.length === 0 ? {} : { finalizers }),
  };
}

/** @throws ApiError 400 */
export function secretFromProtobuf(body: Buffer): object {
  try {
    const { apiVersion, kind, raw } = readUnknown(body);
    return {
      apiVersion, kind, metadata: metadataOf(message(raw, 1) ?? new Map()),
      data: mapOf(raw, 2, 'base64'), type: text(raw, 3) || undefined, stringData: mapOf(raw, 4, 'utf8'), immutable: flag(raw, 5),
    };
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : 'protobuf: not readable');
  }
}
