/** get and list. */
import type { ListOptions, ObjectList, ObjectStore } from '#crds/objectStore.js';
import type { TextReads } from '../stores/json.js';
import { accepted } from './accept.js';
import { encodeList, encodeObject, includeObject, listPieces } from './encode.js';
import { forbidden, invalidOptions, notSupported } from '../admission/fieldErrors.js';
import type { FieldError } from '../admission/fieldErrors.js';
import { sendJson, sendPieces } from './errors.js';
import { wholeNumber } from './request.js';
import type { Call } from './request.js';
import type { Served } from './served.js';

export async function answerGet(call: Call, served: Served, store: ObjectStore, namespace: string): Promise<void> {
  const form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadata']), include: includeObject(call.query), now: Date.now };
  const key = { namespace, name: call.path.name ?? '' };
  const text = form.wanted.as === undefined && hasTexts(store) ? await store.getText(served.kind, key) : encodeObject(served, await store.get(served.kind, key), form);
  sendJson(call.res, 200, text);
}

const hasTexts = (store: ObjectStore & Partial<TextReads>): store is ObjectStore & TextReads => store.getText !== undefined && store.listTexts !== undefined;

export async function answerList(call: Call, served: Served, store: ObjectStore): Promise<void> {
  const form = { wanted: accepted(call.req, ['Table', 'PartialObjectMetadataList']), include: includeObject(call.query), now: Date.now };
  const options = listOptions(call);
  const texts = form.wanted.as === undefined && hasTexts(store) ? await store.listTexts(served.kind, options) : undefined;
  if (texts !== undefined) {
    await sendPieces(call.res, 200, listPieces(served, texts.items, metadataOf(texts)));
    return;
  }
  const found = await store.list(served.kind, options);
  await sendPieces(call.res, 200, encodeList(served, found.items, metadataOf(found), form));
}

function metadataOf({ resourceVersion, continue: next, remainingItemCount }: ObjectList<unknown>): object {
  return { resourceVersion, ...(next === undefined ? {} : { continue: next }), ...(remainingItemCount === undefined ? {} : { remainingItemCount }) };
}

/** The query as the store takes it. */
export function listOptions({ path, query, verb }: Call): ListOptions {
  const text = (name: string): string | undefined => query.get(name) || undefined;
  const match = text('resourceVersionMatch');
  const version = text('resourceVersion');
  const problems = verb === 'watch' ? watchProblems(query, match) : listProblems(query, match);
  if (problems.length > 0) throw invalidOptions('ListOptions', ...problems);
  return {
    namespace: path.namespace, labelSelector: text('labelSelector'), fieldSelector: text('fieldSelector'), limit: wholeNumber(query, 'limit'),
    continue: text('continue'), resourceVersion: version, ...(verb === 'watch' ? {} : { resourceVersionMatch: match as ListOptions['resourceVersionMatch'] }),
  };
}

const MATCH = 'resourceVersionMatch';

/** Source of both: k8s.io/apimachinery meta/internalversion/validation. */
function listProblems(query: URLSearchParams, match: string | undefined): FieldError[] {
  const problems: FieldError[] = [];
  if (match !== undefined) {
    if (!query.get('resourceVersion')) problems.push(forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (query.get('continue')) problems.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') problems.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && query.get('resourceVersion') === '0') problems.push(forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (query.has('sendInitialEvents')) problems.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return problems;
}

function watchProblems(query: URLSearchParams, match: string | undefined): FieldError[] {
  const problems: FieldError[] = [];
  const isWatchList = query.has('sendInitialEvents');
  if (isWatchList && match !== 'NotOlderThan') problems.push(forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match !== undefined) {
    if (!isWatchList) problems.push(forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (match !== 'NotOlderThan') problems.push(notSupported(MATCH, match, ['NotOlderThan']));
  }
  if (query.get('continue')) problems.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
  return problems;
}
