/** get and list. */
import type { ListOptions, ObjectStore } from '#crds/objectStore.js';
import { accepted } from './accept.js';
import { encodeList, encodeObject, includeObject } from './encode.js';
import { forbidden, invalidOptions, notSupported } from '../admission/fieldErrors.js';
import type { FieldError, InvalidAs } from '../admission/fieldErrors.js';
import { sendJson } from './errors.js';
import { wholeNumber } from './request.js';
import type { Call } from './request.js';
import type { Served } from './served.js';

export async function answerGet(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  const form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadata']), include: includeObject(call.query), now: Date.now };
  const object = await store.get(served.kind, { namespace, name: call.path.name ?? '' });
  sendJson(call.res, 200, encodeObject(served, object, form));
}

export async function answerList(call: Call, served: Served, store: ObjectStore): Promise<void> {
  const form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadataList']), include: includeObject(call.query), now: Date.now };
  const { items, resourceVersion, continue: next, remainingItemCount } = await store.list(served.kind, listOptions(call));
  const metadata = { resourceVersion, ...(next === undefined ? {} : { continue: next }), ...(remainingItemCount === undefined ? {} : { remainingItemCount }) };
  sendJson(call.res, 200, encodeList(served, items, metadata, form));
}

/** The query as the store takes it. */
export function listOptions({ path, query }: Call): ListOptions {
  const text = (name: string): string | undefined => query.get(name) || undefined;
  const match = text('resourceVersionMatch');
  const version = text('resourceVersion');
  const refuse = (error: FieldError): InvalidAs => invalidOptions('ListOptions', error);
  if (match !== undefined && match !== 'Exact' && match !== 'NotOlderThan') throw refuse(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
  if (match !== undefined && version === undefined) throw refuse(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
  if (match === 'Exact' && version === '0') throw refuse(forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  return {
    namespace: path.namespace, labelSelector: text('labelSelector'), fieldSelector: text('fieldSelector'), limit: wholeNumber(query, 'limit'),
    continue: text('continue'), resourceVersion: version, resourceVersionMatch: match,
  };
}
