/**
 * The durable objects: which keys there are, in order, and the objects themselves, read from the environment when asked
 * for. An object is kept only while someone else holds it (informer caches do), so that caches and store share one copy
 * and 100,000 finished jobs cost the store their names only.
 */
import { kinds, type Kind, type KindMap } from '#crds/kinds.js';
import { Unavailable } from '#crds/objectStore.js';
import type { Stored } from '#crds/meta.js';
import type { Admission } from '../../admission/types.js';
import type { Environment } from '../environment.js';
import { json, knownText } from '../json.js';
import { parseStored } from '../parseStored.js';
import { deepFreeze } from '../plainJson.js';
import type { AnyStored } from './history.js';
import type { Sealer } from './seal.js';

/** `o/<kind>/<namespace>/<name>`: the key of an object in the environment. */
export function keyOf(kind: Kind, namespace: string, name: string): string {
  return `o/${kind}/${namespace}/${name}`;
}

export function kindOf(key: string): Kind {
  return key.slice(2, key.indexOf('/', 2)) as Kind;
}

export interface Codec {
  /** What the file holds for an object whose JSON text is `text`. */
  encode(key: string, text: string): string;
  decode(key: string, stored: string): { object: AnyStored; /** Its text has all there is: no default was added. */ complete: boolean };
  /** The JSON text, as it was given to `encode`. */
  text(key: string, stored: string): string;
}

export function createCodec(sealer: Sealer, admission: Pick<Admission, 'defaulted'>): Codec {
  const sealed = keyOf('Secret', '', '').slice(0, -1);
  const bound = (key: string): string => key.slice(sealed.length);
  const textOf = (key: string, stored: string): string => (key.startsWith(sealed) ? sealer.open(stored, bound(key)) : stored);
  return {
    encode: (key, text) => (key.startsWith(sealed) ? sealer.seal(text, bound(key)) : text),
    decode(key, stored) {
      const object = parseStored(textOf(key, stored)) as KindMap[Kind];
      const whole = deepFreeze(admission.defaulted(kindOf(key), object));
      return { object: whole as AnyStored, complete: whole === object };
    },
    text: textOf,
  };
}

export interface Objects {
  get(key: string): AnyStored | undefined;
  /** The JSON text of an object; nearly always as the file has it, without making the object. */
  text(key: string): string | undefined;
  /** A write became durable. */
  set(key: string, object: AnyStored | undefined): void;
  /** All keys of a kind, sorted. Not to be changed or kept. */
  keys(kind: Kind): readonly string[];
  /**
   * Keys of the objects of a kind on which a label has this value, in no order. Found out when a label is first asked for and
   * kept up from then on, so that a list by label need not look into every object. @param read the durable object of a key
   */
  labelled(kind: Kind, label: string, value: string, read: (key: string) => AnyStored | undefined): Iterable<string>;
}

/** Labels of all kinds whose values are kept; the one made first goes when there are more. */
const MOST_LABELS = 16;

export function createObjects(environment: Environment, codec: Codec): Objects {
  /** Undefined until the object is read or written for the first time. */
  const held = new Map<string, WeakRef<AnyStored> | undefined>();
  /** Keys whose text in the file lacks defaults that a newer schema has. */
  const incomplete = new Set<string>();
  const sorted = new Map<Kind, string[]>();
  for (const kind of kinds) {
    const keys = [...environment.keys(keyOf(kind, '', '').slice(0, -1))].sort();
    for (const key of keys) held.set(key, undefined);
    sorted.set(kind, keys);
  }

  function stored(key: string): string {
    const found = environment.get(key);
    if (found === undefined) throw new Error(`${key} is missing in ${environment.path}`);
    return found;
  }

  function reading<T>(key: string, read: (stored: string) => T): T {
    const found = stored(key);
    try {
      return read(found);
    } catch (cause) {
      const [, kind, namespace, name] = key.split('/');
      throw new Unavailable(`data directory ${environment.dir}: ${kind} ${namespace}/${name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}; restore the data directory from a backup`, { cause });
    }
  }

  interface ByValue { kind: Kind; label: string; values: Map<string, string>; keys: Map<string, Set<string>> }
  const byLabel = new Map<string, ByValue>();
  const note = ({ label, values, keys }: ByValue, key: string, object: AnyStored | undefined): void => {
    const { labels } = object?.metadata ?? {};
    const value = labels !== undefined && Object.hasOwn(labels, label) ? labels[label] : undefined;
    const before = values.get(key);
    if (value === before) return;
    if (before !== undefined) {
      const others = keys.get(before);
      if (others?.delete(key) === true && others.size === 0) keys.delete(before);
    }
    if (value === undefined) { values.delete(key); return; }
    values.set(key, value);
    const set = keys.get(value);
    if (set === undefined) keys.set(value, new Set([key]));
    else set.add(key);
  };

  const objects: Objects = {
    get(key) {
      const reference = held.get(key);
      const kept = reference?.deref();
      if (kept !== undefined || (reference === undefined && !held.has(key))) return kept;
      const { object, complete } = reading(key, (found) => codec.decode(key, found));
      if (!complete) incomplete.add(key);
      held.set(key, new WeakRef(object));
      return object;
    },
    text(key) {
      const reference = held.get(key);
      const kept = reference?.deref();
      const known = kept && knownText(kept);
      if (known !== undefined) return known;
      if (reference !== undefined && !incomplete.has(key)) return reading(key, (found) => codec.text(key, found));
      const object = objects.get(key);
      return object && json(object);
    },
    set(key, object) {
      for (const each of byLabel.values()) if (each.kind === kindOf(key)) note(each, key, object);
      const keys = sorted.get(kindOf(key)) ?? [];
      incomplete.delete(key);
      if (object === undefined) {
        if (held.delete(key)) keys.splice(firstAtLeast(keys, key), 1);
        return;
      }
      if (!held.has(key)) keys.splice(firstAtLeast(keys, key), 0, key);
      held.set(key, new WeakRef(object));
    },
    keys: (kind) => sorted.get(kind) ?? [],
    labelled(kind, label, value, read) {
      const name = `${kind} ${label}`;
      let known = byLabel.get(name);
      if (known === undefined) {
        known = { kind, label, values: new Map(), keys: new Map() };
        for (const key of objects.keys(kind)) note(known, key, read(key));
        const [oldest] = byLabel.keys();
        if (byLabel.size >= MOST_LABELS && oldest !== undefined) byLabel.delete(oldest);
        byLabel.set(name, known);
      }
      return known.keys.get(value) ?? [];
    },
  };
  return objects;
}

/** Index of the first key >= `key` in a sorted array. */
export function firstAtLeast(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export type StoredOf<K extends Kind> = Stored<KindMap[K]>;
