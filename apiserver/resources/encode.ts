/** Replies of one object or many in the form that was asked for. The JSON text of a stored object is made once (stores/json). */
import type { KubeObject } from '#crds/meta.js';
import { json } from '../stores/json.js';
import { badRequest } from './errors.js';
import type { Wanted } from './accept.js';
import { groupVersion } from './served.js';
import type { Served } from './served.js';
import { partial, tableOf } from './table.js';
import type { IncludeObject } from './table.js';

export interface Form {
  wanted: Wanted;
  include: IncludeObject;
  now: () => number;
}

export function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'Object' || value === 'None') return value;
  throw badRequest(`includeObject: Unsupported value: ${JSON.stringify(value)}: supported values: "Metadata", "Object", "None"`);
}

export function encodeObject(served: Served, object: KubeObject, { wanted, include, now }: Form): string {
  if (wanted.as === 'Table') return JSON.stringify(tableOf(served, [object], { resourceVersion: object.metadata.resourceVersion }, include, now()));
  if (wanted.as === 'PartialObjectMetadata') return JSON.stringify(partial(object));
  // A dry run makes an object without a version.
  if (object.metadata.resourceVersion === '') return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } });
  return json(object);
}

/** The text of a list in pieces, made one after the other as they are asked for. */
export function encodeList(served: Served, objects: readonly KubeObject[], metadata: object, { wanted, include, now }: Form): Iterable<string> {
  if (wanted.as === 'Table') return [JSON.stringify(tableOf(served, objects, metadata, include, now()))];
  if (wanted.as === 'PartialObjectMetadataList') return pieces(wanted.as, 'meta.k8s.io/v1', objects, metadata, (object) => JSON.stringify(partial(object)));
  return pieces(served.listKind, groupVersion(served), objects, metadata, json);
}

/** A list of objects whose texts are there. */
export function listPieces(served: Served, texts: readonly string[], metadata: object): Iterable<string> {
  return pieces(served.listKind, groupVersion(served), texts, metadata, (text) => text);
}

function* pieces<T>(kind: string, apiVersion: string, items: readonly T[], metadata: object, textOf: (item: T) => string): Iterable<string> {
  yield `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${JSON.stringify(metadata)},"items":[`;
  let first = true;
  for (const item of items) {
    yield first ? textOf(item) : `,${textOf(item)}`;
    first = false;
  }
  yield ']}';
}
