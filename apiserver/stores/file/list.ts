/**
 * Lists over one consistent snapshot. A page after the first shows the store as it was at page one: today's state with
 * the changes since then taken back, from the history. Nothing is held between pages.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Gone, type ListOptions, type ObjectList } from '#crds/objectStore.js';
import type { Kind } from '#crds/kinds.js';
import { BadRequest } from '../errors.js';
import { compileSelectors, onlyName } from '../selectors.js';
import type { AnyStored, History } from './history.js';
import { firstAtLeast, keyOf, type Objects } from './objects.js';

export interface ListContext {
  objects: { keys: Objects['keys']; get(key: string): AnyStored | undefined };
  history: History;
  /** The newest durable version. */
  version: number;
  tokenKey: Buffer;
}

/** @throws BadRequest for a selector, token or version that cannot be read; Gone for one that is too old */
export function list(context: ListContext, kind: Kind, options: ListOptions): ObjectList<AnyStored> {
  const { history, objects } = context;
  const matches = compileSelectors(kind, options.labelSelector, options.fieldSelector);
  const page = options.continue === undefined || options.continue === '' ? undefined : readToken(context.tokenKey, kind, options);
  const version = page?.version ?? snapshotVersion(context, options);
  if (version < history.floor(kind)) throw new Gone('The provided continue parameter or resourceVersion is too old to display a consistent list result. Start a new list without them.');

  const prefix = options.namespace === undefined || options.namespace === '' ? `o/${kind}/` : `o/${kind}/${options.namespace}/`;
  const past = new Map<string, AnyStored | undefined>();
  if (version < context.version) for (const change of history.after(kind, version)) if (!past.has(change.key)) past.set(change.key, change.before);
  const keys = keysAt(objects.keys(kind), past);
  const at = (key: string): AnyStored | undefined => (past.has(key) ? past.get(key) : objects.get(key));

  const name = onlyName(options.fieldSelector);
  if (name !== undefined && options.namespace !== undefined && options.namespace !== '' && page === undefined) {
    const one = at(keyOf(kind, options.namespace, name));
    return { items: one !== undefined && (matches?.(one) ?? true) ? [one] : [], resourceVersion: String(version) };
  }

  const items: AnyStored[] = [];
  const limit = options.limit === undefined || options.limit <= 0 ? Infinity : options.limit;
  let index = page === undefined ? firstAtLeast(keys, prefix) : firstAtLeast(keys, `${page.last}\0`);
  let last = '';
  for (; index < keys.length && items.length < limit; index += 1) {
    const key = keys[index];
    if (key === undefined || !key.startsWith(prefix)) break;
    const object = at(key);
    last = key;
    if (object !== undefined && (matches?.(object) ?? true)) items.push(object);
  }
  const rest = firstAtLeast(keys, endOf(prefix)) - index;
  if (rest <= 0 || items.length < limit) return { items, resourceVersion: String(version) };
  return {
    items,
    resourceVersion: String(version),
    continue: writeToken(context.tokenKey, kind, options, { version, last }),
    // With a selector the rest would have to be read to be counted.
    ...(matches === undefined ? { remainingItemCount: rest } : {}),
  };
}

function snapshotVersion(context: ListContext, options: ListOptions): number {
  const wanted = parseVersion(options.resourceVersion);
  if (wanted !== undefined && wanted > context.version) throw new Gone(`Too large resource version: ${wanted}, current: ${context.version}`);
  if (options.resourceVersionMatch !== 'Exact') return context.version;
  if (wanted === undefined || wanted === 0) throw new BadRequest('resourceVersionMatch: Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0" or without one');
  return wanted;
}

/** Undefined for none. @throws BadRequest */
export function parseVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) throw new BadRequest(`resourceVersion: Invalid value: "${text}": not a resource version of this server`);
  return Number(text);
}

/** Today's keys and those that were there then, sorted; keys made since are answered by `past` as absent. */
function keysAt(keys: readonly string[], past: ReadonlyMap<string, AnyStored | undefined>): readonly string[] {
  const removed: string[] = [];
  for (const [key, object] of past) if (object !== undefined && keys[firstAtLeast(keys, key)] !== key) removed.push(key);
  const made = new Set<string>();
  for (const [key, object] of past) if (object === undefined) made.add(key);
  if (removed.length === 0 && made.size === 0) return keys;
  return [...keys, ...removed].filter((key) => !made.has(key)).sort();
}

function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`; // '0' follows '/'
}

interface Page { version: number; last: string }

/** A token answers only the query it was made for, and only when this server made it. */
function mac(key: Buffer, kind: Kind, options: ListOptions, body: string): Buffer {
  const query = JSON.stringify([kind, options.namespace ?? '', options.labelSelector ?? '', options.fieldSelector ?? '']);
  return createHmac('sha256', key).update(createHash('sha256').update(query).digest()).update(body).digest();
}

function writeToken(key: Buffer, kind: Kind, options: ListOptions, page: Page): string {
  const body = JSON.stringify(page);
  return `${Buffer.from(body).toString('base64url')}.${mac(key, kind, options, body).toString('base64url')}`;
}

function readToken(key: Buffer, kind: Kind, options: ListOptions): Page {
  const [body, signature] = (options.continue ?? '').split('.');
  const text = Buffer.from(body ?? '', 'base64url').toString();
  const given = Buffer.from(signature ?? '', 'base64url');
  const right = mac(key, kind, options, text);
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw new BadRequest('continue key is not valid: it is not a token of this server for this query');
  return JSON.parse(text) as Page;
}
