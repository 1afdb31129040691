/** Schema defaults, as in a cluster: filled in where a parent exists; a parent without its own default is never made up. */
import type { StructuralSchema } from '#crds/crd.js';
import { copyJson, isPlain } from './schemaWalk.js';

/** What lies below a schema node and can have defaults; every other part of an object is never looked at. */
interface DefaultsBelow {
  own: { key: string; value: unknown; nullable: boolean }[];
  members: [key: string, below: DefaultsBelow][];
  items: DefaultsBelow | undefined;
  /** Of members that `properties` does not name. */
  others: DefaultsBelow | undefined;
  known: ReadonlySet<string>;
}

/** Undefined for a schema without any. Memoized: a schema is walked once. */
const found = new WeakMap<StructuralSchema, DefaultsBelow | undefined>();

function defaultsBelow(schema: StructuralSchema): DefaultsBelow | undefined {
  if (found.has(schema)) return found.get(schema);
  const properties = Object.entries(schema.properties ?? {});
  const below: DefaultsBelow = {
    own: properties.flatMap(([key, { default: value, nullable }]) => (value === undefined ? [] : [{ key, value, nullable: nullable === true }])),
    members: properties.flatMap(([key, inner]): [string, DefaultsBelow][] => { const deeper = defaultsBelow(inner); return deeper ? [[key, deeper]] : []; }),
    items: schema.items && defaultsBelow(schema.items),
    others: typeof schema.additionalProperties === 'object' ? defaultsBelow(schema.additionalProperties) : undefined,
    known: new Set(properties.map(([key]) => key)),
  };
  const some = below.own.length > 0 || below.members.length > 0 || below.items !== undefined || below.others !== undefined;
  found.set(schema, some ? below : undefined);
  return some ? below : undefined;
}

/** Changes `value` in place. */
export function applyDefaults(value: unknown, schema: StructuralSchema): void {
  const below = defaultsBelow(schema);
  if (below) fill(value, below);
}

function fill(value: unknown, below: DefaultsBelow): void {
  if (Array.isArray(value)) {
    if (below.items) for (const each of value) fill(each, below.items);
    return;
  }
  if (!isPlain(value)) return;
  for (const { key, value: byDefault, nullable } of below.own) {
    if (isAbsent(value, key, nullable)) value[key] = copyJson(byDefault);
  }
  for (const [key, deeper] of below.members) if (Object.hasOwn(value, key)) fill(value[key], deeper);
  if (below.others) for (const [key, inner] of Object.entries(value)) if (!below.known.has(key)) fill(inner, below.others);
}

/** True when `applyDefaults` would change nothing: so it is with nearly every object read, whose defaults were stored with it. */
export function hasDefaults(value: unknown, schema: StructuralSchema): boolean {
  const below = defaultsBelow(schema);
  return below === undefined || isFilled(value, below);
}

function isFilled(value: unknown, below: DefaultsBelow): boolean {
  if (Array.isArray(value)) return below.items === undefined || value.every((each) => below.items === undefined || isFilled(each, below.items));
  if (!isPlain(value)) return true;
  return !below.own.some(({ key, nullable }) => isAbsent(value, key, nullable))
    && below.members.every(([key, deeper]) => !Object.hasOwn(value, key) || isFilled(value[key], deeper))
    && (below.others === undefined || Object.entries(value).every(([key, inner]) => below.known.has(key) || below.others === undefined || isFilled(inner, below.others)));
}

const isAbsent = (value: Record<string, unknown>, key: string, nullable: boolean): boolean => !Object.hasOwn(value, key) || (value[key] === null && !nullable);
