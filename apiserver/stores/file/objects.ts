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
  decode(key: string, stored: string): AnyStored;
}

export function createCodec(sealer: Sealer, admission: Pick<Admission, 'defaulted'>): Codec {
  const sealed = keyOf('Secret', '', '').slice(0, -1);
  const bound = (key: string): string => key.slice(sealed.length);
  return {
    encode: (key, text) => (key.startsWith(sealed) ? sealer.seal(text, bound(key)) : text),
    decode(key, stored) {
      const text = key.startsWith(sealed) ? sealer.open(stored, bound(key)) : stored;
      const object = parseStored(text) as KindMap[Kind];
      return deepFreeze(admission.defaulted(kindOf(key), object)) as AnyStored;
    },
  };
}

export interface Objects {
  get(key: string): AnyStored | undefined;
  /** A write became durable. */
  set(key: string, object: AnyStored | undefined): void;
  /** All keys of a kind, sorted. Not to be changed or kept. */
  keys(kind: Kind): readonly string[];
  /**
   * The value a label has on each object of a kind, by key; objects without it are left out. Made when first asked for and
   * kept up from then on, so that a list by label need not look into every object. @param read the durable object of a key
   */
  labelValues(kind: Kind, label: string, read: (key: string) => AnyStored | undefined): ReadonlyMap<string, string>;
}

/** Labels of all kinds whose values are kept; the one made first goes when there are more. */
const MOST_LABELS = 16;

export function createObjects(environment: Environment, codec: Codec): Objects {
  const held = new Map<string, WeakRef<AnyStored> | undefined>();
  const sorted = new Map<Kind, string[]>();
  for (const kind of kinds) {
    const keys = [...environment.keys(keyOf(kind, '', '').slice(0, -1))].sort();
    for (const key of keys) held.set(key, undefined);
    sorted.set(kind, keys);
  }

  function decode(key: string, stored: string): AnyStored {
    try {
      return codec.decode(key, stored);
    } catch (cause) {
      const [, kind, namespace, name] = key.split('/');
      throw new Unavailable(`data directory ${environment.dir}: ${kind} ${namespace}/${name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}; restore the data directory from a backup`, { cause });
    }
  }

  const byLabel = new Map<string, { kind: Kind; label: string; values: Map<string, string> }>();
  const note = (values: Map<string, string>, label: string, key: string, object: AnyStored | undefined): void => {
    const { labels } = object?.metadata ?? {};
    const value = labels !== undefined && Object.hasOwn(labels, label) ? labels[label] : undefined;
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  };

  const objects: Objects = {
    get(key) {
      const reference = held.get(key);
      const kept = reference?.deref();
      if (kept !== undefined || (reference === undefined && !held.has(key))) return kept;
      const stored = environment.get(key);
      if (stored === undefined) throw new Error(`${key} is missing in ${environment.path}`);
      const object = decode(key, stored);
      held.set(key, new WeakRef(object));
      return object;
    },
    set(key, object) {
      for (const { kind, label, values } of byLabel.values()) if (kind === kindOf(key)) note(values, label, key, object);
      const keys = sorted.get(kindOf(key)) ?? [];
      if (object === undefined) {
        if (held.delete(key)) keys.splice(firstAtLeast(keys, key), 1);
        return;
      }
      if (!held.has(key)) keys.splice(firstAtLeast(keys, key), 0, key);
      held.set(key, new WeakRef(object));
    },
    keys: (kind) => sorted.get(kind) ?? [],
    labelValues(kind, label, read) {
      const name = `${kind} ${label}`;
      const known = byLabel.get(name);
      if (known !== undefined) return known.values;
      const values = new Map<string, string>();
      for (const key of objects.keys(kind)) note(values, label, key, read(key));
      const [oldest] = byLabel.keys();
      if (byLabel.size >= MOST_LABELS && oldest !== undefined) byLabel.delete(oldest);
      byLabel.set(name, { kind, label, values });
      return values;
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
