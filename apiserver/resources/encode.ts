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

export function encodeList(served: Served, objects: readonly KubeObject[], metadata: object, { wanted, include, now }: Form): string {
  if (wanted.as === 'Table') return JSON.stringify(tableOf(served, objects, metadata, include, now()));
  const partials = wanted.as === 'PartialObjectMetadataList';
  const apiVersion = partials ? 'meta.k8s.io/v1' : groupVersion(served);
  const items = objects.map((object) => (partials ? JSON.stringify(partial(object)) : json(object)));
  return `{"kind":${JSON.stringify(partials ? 'PartialObjectMetadataList' : served.listKind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${JSON.stringify(metadata)},"items":[${items.join(',')}]}`;
}
