/**
 * The four operations on values that server-side apply is made of: which fields a configuration claims, merging it into
 * what is there, taking fields away, and naming conflicts. Pure; schemas say which lists and maps have parts of their own.
 * Source: sigs.k8s.io/structured-merge-diff, typed (ToFieldSet, Merge, RemoveItems) and fieldpath (EnsureNamedFieldsAreMembers).
 */
import type { StructuralSchema } from '#crds/crd.js';
import { elementText, fieldSchema, isAssociative, listElement, type FieldSet } from './fieldSet.js';
import { isRecord } from './plainJson.js';

const isNamed = (schema: StructuralSchema | undefined, name: string): boolean => schema?.properties !== undefined && Object.hasOwn(schema.properties, name);
const isAtomicMap = (schema: StructuralSchema | undefined): boolean => schema?.['x-kubernetes-map-type'] === 'atomic';
const partSchema = (schema: StructuralSchema | undefined, element: string): StructuralSchema | undefined => (element.startsWith('f:') ? fieldSchema(schema, element.slice(2)) : schema?.items);

/**
 * The fields a configuration claims: its leaves, its items, and the keys of its maps. A struct is not claimed itself, so
 * that two appliers can each own a part of it.
 */
export function claimedFields(value: unknown, schema: StructuralSchema | undefined): FieldSet {
  const set: FieldSet = { own: false, children: new Map() };
  if (Array.isArray(value) && isAssociative(schema)) {
    for (const item of value) set.children.set(listElement(item, schema), { ...claimedFields(item, schema?.items), own: true });
  } else if (isRecord(value) && !isAtomicMap(schema)) {
    for (const [name, inner] of Object.entries(value)) {
      if (inner === undefined) continue;
      const child = claimedFields(inner, fieldSchema(schema, name));
      const isEmpty = inner === null || (isRecord(inner) && Object.keys(inner).length === 0);
      const claimed: FieldSet = { ...child, own: child.own || isEmpty || !isNamed(schema, name) };
      if (claimed.own || claimed.children.size > 0) set.children.set(`f:${name}`, claimed);
    }
  } else if (value !== undefined) set.own = true;
  return set;
}

/** With each named field that has members below it a member too: a struct whose last part goes, goes with it. */
export function withNamedFields(set: FieldSet, schema: StructuralSchema | undefined): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    const inner = withNamedFields(child, partSchema(schema, element));
    const named = element.startsWith('f:') && isNamed(schema, element.slice(2)) && child.children.size > 0;
    children.set(element, { ...inner, own: inner.own || named });
  }
  return { own: set.own, children };
}

/** `live` with everything `config` says; what it does not speak of stays. null says nothing of a list or map with parts. */
export function mergeApplied(live: unknown, config: unknown, schema: StructuralSchema | undefined): unknown {
  if (config === undefined) return live;
  if (live === undefined) return config;
  if (isAssociative(schema) && isListOrNull(live) && isListOrNull(config)) {
    return (live ?? []).length === 0 && (config ?? []).length === 0 ? config : mergeItems(live ?? [], config ?? [], schema);
  }
  if (!isAtomicMap(schema) && isMapOrNull(live) && isMapOrNull(config) && (live !== null || config !== null)) {
    const [left, right] = [live ?? {}, config ?? {}];
    if (Object.keys(left).length === 0 && Object.keys(right).length === 0) return config;
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    return Object.fromEntries([...names].map((name) => [name, mergeApplied(own(left, name), own(right, name), fieldSchema(schema, name))]));
  }
  return config;
}

const isListOrNull = (value: unknown): value is unknown[] | null => value === null || Array.isArray(value);
const isMapOrNull = (value: unknown): value is Record<string, unknown> | null => value === null || isRecord(value);
const own = (map: Record<string, unknown>, name: string): unknown => (Object.hasOwn(map, name) ? map[name] : undefined);

/** The order is the configuration's for its items; those only `live` has keep their place between them. */
function mergeItems(live: readonly unknown[], config: readonly unknown[], schema: StructuralSchema | undefined): unknown[] {
  const byElement = (items: readonly unknown[]): Map<string, unknown> => new Map([...items].reverse().map((item) => [listElement(item, schema), item]));
  const orderOf = (items: readonly unknown[]): string[] => [...new Set(items.map((item) => listElement(item, schema)))];
  const [left, right] = [byElement(live), byElement(config)];
  const [leftOrder, rightOrder] = [orderOf(live), orderOf(config)];
  const shared = rightOrder.filter((element) => left.has(element));
  const merged: unknown[] = [];
  const take = (element: string): void => { merged.push(mergeApplied(left.get(element), right.get(element), schema?.items)); };
  let l = 0;
  let r = 0;
  let next = 0;
  while (l < leftOrder.length || r < rightOrder.length) {
    const a = leftOrder[l];
    const b = rightOrder[r];
    if (a !== undefined && a === b) {
      take(a);
      l += 1;
      r += 1;
      next += 1;
    } else if (a !== undefined && right.has(a) && (b === undefined || (next < shared.length && shared[next] !== a))) l += 1;
    else if (a !== undefined && !right.has(a)) {
      take(a);
      l += 1;
    } else if (b !== undefined) {
      take(b);
      r += 1;
      if (shared[next] === b) next += 1;
    }
  }
  return merged;
}

/**
 * `value` without the members of `set` and all below them. A list or map that loses its last part and is claimed itself
 * becomes null, as it does in the API server.
 */
export function removeFields(value: unknown, set: FieldSet, schema: StructuralSchema | undefined): unknown {
  if (set.children.size === 0) return value;
  if (Array.isArray(value)) {
    if (!isAssociative(schema)) return value;
    const items = value.flatMap((item) => {
      const gone = set.children.get(listElement(item, schema));
      return gone === undefined ? [item] : gone.own ? [] : [removeFields(item, gone, schema?.items)];
    });
    return items.length === 0 ? null : items;
  }
  if (!isRecord(value) || isAtomicMap(schema)) return value;
  const fields = Object.entries(value).flatMap(([name, inner]) => {
    const gone = set.children.get(`f:${name}`);
    return gone === undefined ? [[name, inner]] : gone.own ? [] : [[name, removeFields(inner, gone, fieldSchema(schema, name))]];
  });
  return fields.length === 0 ? null : Object.fromEntries(fields);
}

/** Every member as a path in the API server's order: the members of a level by name, then what is below them. */
export function pathsInOrder(set: FieldSet, prefix = ''): string[] {
  const kinds = 'fkvi';
  const elements = [...set.children.keys()].sort((a, b) => kinds.indexOf(a.charAt(0)) - kinds.indexOf(b.charAt(0)) || (a < b ? -1 : 1));
  const below = elements.flatMap((element) => {
    const child = set.children.get(element);
    return child === undefined ? [] : [{ child, path: prefix + elementText(element) }];
  });
  return [...below.filter(({ child }) => child.own).map(({ path }) => path), ...below.flatMap(({ child, path }) => pathsInOrder(child, path))];
}
