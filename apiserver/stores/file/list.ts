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

export interface ListContext<T = AnyStored> {
  objects: { keys: Objects['keys']; labelled(kind: Kind, label: string, value: string): Iterable<string>; get(key: string): T | undefined };
  /** An object of the past in the form that is listed. */
  shown(object: AnyStored): T;
  history: History;
  /** The newest durable version. */
  version: number;
  tokenKey: Buffer;
}

/** @throws BadRequest for a selector, token or version that cannot be read; Gone for one that is too old */
export function list(context: ListContext, kind: Kind, options: ListOptions): ObjectList<AnyStored> {
  return walk(context, kind, options, compileSelectors(kind, options.labelSelector, options.fieldSelector));
}

/** The same as texts, without looking into the objects. Undefined when the selectors ask for that. @throws as list */
export function listTexts(context: ListContext<string>, kind: Kind, options: ListOptions): ObjectList<string> | undefined {
  if ((options.labelSelector ?? '') + (options.fieldSelector ?? '') === '') return walk(context, kind, options, undefined);
  const equality = firstEquality(options.labelSelector);
  if (equality?.alone !== true || options.fieldSelector !== undefined || options.continue !== undefined || options.limit !== undefined || options.resourceVersionMatch !== undefined) return undefined;
  compileSelectors(kind, options.labelSelector, undefined);
  const version = snapshotVersion(context, options);
  return { items: everything(context, kind, prefixOf(kind, options.namespace), undefined, equality), resourceVersion: String(version) };
}

const prefixOf = (kind: Kind, namespace: string | undefined): string => (namespace === undefined || namespace === '' ? `o/${kind}/` : `o/${kind}/${namespace}/`);

function walk<T>(context: ListContext<T>, kind: Kind, options: ListOptions, matches: ((item: T) => boolean) | undefined): ObjectList<T> {
  const { history, objects } = context;
  const page = options.continue === undefined || options.continue === '' ? undefined : readToken(context.tokenKey, kind, options);
  const version = page?.version ?? snapshotVersion(context, options);
  if (version < history.floor(kind)) throw new Gone('The provided continue parameter or resourceVersion is too old to display a consistent list result. Start a new list without them.');

  const prefix = prefixOf(kind, options.namespace);
  const past = new Map<string, AnyStored | undefined>();
  if (version < context.version) for (const change of history.after(kind, version)) if (!past.has(change.key)) past.set(change.key, change.before);
  const at = (key: string): T | undefined => {
    const before = past.get(key);
    return before !== undefined ? context.shown(before) : past.has(key) ? undefined : objects.get(key);
  };

  const name = onlyName(options.fieldSelector);
  if (name !== undefined && options.namespace !== undefined && options.namespace !== '' && page === undefined) {
    const one = at(keyOf(kind, options.namespace, name));
    return { items: one !== undefined && (matches?.(one) ?? true) ? [one] : [], resourceVersion: String(version) };
  }

  if (past.size === 0 && page === undefined && (options.limit === undefined || options.limit <= 0)) return { items: everything(context, kind, prefix, matches, firstEquality(options.labelSelector)), resourceVersion: String(version) };

  const items: T[] = [];
  const limit = options.limit === undefined || options.limit <= 0 ? Infinity : options.limit;
  const keys = new KeysAt(objects.keys(kind), past, prefix, page === undefined ? prefix : `${page.last}\0`);
  let last = '';
  while (items.length < limit) {
    const key = keys.next();
    if (key === undefined) return { items, resourceVersion: String(version) };
    last = key;
    const object = at(key);
    if (object !== undefined && (matches?.(object) ?? true)) items.push(object);
  }
  const rest = keys.remaining();
  if (rest === 0) return { items, resourceVersion: String(version) };
  return {
    items,
    resourceVersion: String(version),
    continue: writeToken(context.tokenKey, kind, options, { version, last }),
    // With a selector the rest would have to be read to be counted.
    ...(matches === undefined ? { remainingItemCount: rest } : {}),
  };
}

/** The whole of today's state: the commonest list, without a step per key. */
function everything<T>({ objects }: ListContext<T>, kind: Kind, prefix: string, matches: ((item: T) => boolean) | undefined, wanted: { label: string; value: string } | undefined): T[] {
  const keys = wanted === undefined ? objects.keys(kind) : [...objects.labelled(kind, wanted.label, wanted.value)].sort();
  const end = firstAtLeast(keys, endOf(prefix));
  const items: T[] = [];
  for (let index = firstAtLeast(keys, prefix); index < end; index += 1) {
    const key = keys[index] ?? '';
    const object = objects.get(key);
    if (object !== undefined && (matches === undefined || matches(object))) items.push(object);
  }
  return items;
}

/** The first requirement of a selector that was found readable, when it is `label=value`: it narrows down where to look. */
function firstEquality(labelSelector: string | undefined): { label: string; value: string; alone: boolean } | undefined {
  const [whole = '', label, value] = /^([^\s=!<>(),]+)==?([^\s=!<>(),]+)(?:,|$)/.exec(labelSelector ?? '') ?? [];
  return label === undefined || value === undefined ? undefined : { label, value, alone: whole === labelSelector && !whole.endsWith(',') };
}

function snapshotVersion(context: Pick<ListContext, 'version'>, options: ListOptions): number {
  const wanted = parseVersion(options.resourceVersion);
  if (wanted !== undefined && wanted > context.version) throw new Gone(`Too large resource version: ${wanted}, current: ${context.version}`);
  if (options.resourceVersionMatch !== 'Exact') return context.version;
  if (wanted === undefined || wanted === 0) throw new BadRequest('resourceVersionMatch: Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0" or without one');
  return wanted;
}

/** Undefined for none. @throws BadRequest */
export function parseVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) throw new BadRequest(`invalid resource version: resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);
  return Number(text);
}

/** Walks the keys there were: today's without those made since, merged with those removed since. */
class KeysAt {
  readonly #keys: readonly string[];
  readonly #past: ReadonlyMap<string, AnyStored | undefined>;
  readonly #removed: string[] = [];
  readonly #made: string[] = [];
  readonly #end: number;
  #index: number;
  #removedIndex: number;

  constructor(keys: readonly string[], past: ReadonlyMap<string, AnyStored | undefined>, prefix: string, from: string) {
    this.#keys = keys;
    this.#past = past;
    this.#index = firstAtLeast(keys, from);
    this.#end = firstAtLeast(keys, endOf(prefix));
    for (const [key, object] of past) {
      if (!key.startsWith(prefix) || key < from) continue;
      const isThere = keys[firstAtLeast(keys, key)] === key;
      if (object !== undefined && !isThere) this.#removed.push(key);
      if (object === undefined && isThere) this.#made.push(key);
    }
    this.#removed.sort();
    this.#removedIndex = 0;
  }

  next(): string | undefined {
    for (;;) {
      const key = this.#index < this.#end ? this.#keys[this.#index] : undefined;
      const removed = this.#removed[this.#removedIndex];
      if (removed !== undefined && (key === undefined || removed < key)) {
        this.#removedIndex += 1;
        return removed;
      }
      this.#index += 1;
      if (key === undefined) return undefined;
      if (!this.#past.has(key) || this.#past.get(key) !== undefined) return key;
    }
  }

  remaining(): number {
    const next = this.#keys[this.#index];
    const made = next === undefined ? 0 : this.#made.filter((key) => key >= next).length;
    return Math.max(0, this.#end - this.#index) - made + this.#removed.length - this.#removedIndex;
  }
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
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw new BadRequest('invalid continue token: continue key is not valid: it is not a token of this server for this query');
  return JSON.parse(text) as Page;
}
