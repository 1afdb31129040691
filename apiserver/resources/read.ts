/** get and list. */
import type { ListOptions, ObjectStore } from '#crds/objectStore.js';
import { accepted } from './accept.js';
import { encodeList, encodeObject, includeObject } from './encode.js';
import { badRequest, sendJson } from './errors.js';
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
  if (match !== undefined && match !== 'Exact' && match !== 'NotOlderThan') throw badRequest(`resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`);
  return {
    namespace: path.namespace, labelSelector: text('labelSelector'), fieldSelector: text('fieldSelector'), limit: wholeNumber(query, 'limit'),
    continue: text('continue'), resourceVersion: text('resourceVersion'), resourceVersionMatch: match,
  };
}
