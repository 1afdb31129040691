/**
 * Sets of field paths as metadata.managedFields writes them (fieldsV1), and how two objects differ in them.
 * Path elements: `f:name` a field, `k:{"type":"Ready"}` an item of a map-list by its keys, `v:"x"` an item of a set-list;
 * `.` says that the element itself is in the set beside some of its children.
 * Source: sigs.k8s.io/structured-merge-diff, fieldpath; Kubernetes documentation "Server-Side Apply", merge strategy.
 */
import type { StructuralSchema } from '#crds/crd.js';
import { deepFreeze, equal, isRecord } from './plainJson.js';

export interface FieldSet {
  /** The element itself is a member. */
  own: boolean;
  children: Map<string, FieldSet>;
}

export const emptySet = (): FieldSet => ({ own: false, children: new Map() });

export function isEmptySet(set: FieldSet): boolean {
  return !set.own && [...set.children.values()].every(isEmptySet);
}

/** Sets are never changed once made, and stored objects share the text they were read from. */
const parsed = new WeakMap<object, FieldSet>();

export function parseFields(fields: unknown): FieldSet {
  if (!isRecord(fields)) return emptySet();
  if (!Object.isFrozen(fields)) return readFields(fields);
  let set = parsed.get(fields);
  if (set === undefined) parsed.set(fields, (set = readFields(fields)));
  return set;
}

function readFields(fields: Record<string, unknown>): FieldSet {
  const set = emptySet();
  for (const [element, inner] of Object.entries(fields)) {
    if (element === '.') { set.own = true; continue; }
    const child = isRecord(inner) ? readFields(inner) : emptySet();
    if (child.children.size === 0) child.own = true;
    set.children.set(element, child);
  }
  return set;
}

/** What parseFields reads without loss; a client may send anything. */
export function isFieldsV1(fields: unknown): boolean {
  return isRecord(fields) && Object.entries(fields).every(([element, inner]) => element === '.' || (isElement(element) && isFieldsV1(inner)));
}

function isElement(element: string): boolean {
  const text = element.slice(2);
  if (element.startsWith('f:')) return true;
  if (element.startsWith('i:')) return /^[0-9]+$/.test(text);
  if (!element.startsWith('v:') && !element.startsWith('k:')) return false;
  try {
    const value: unknown = JSON.parse(text);
    return element.startsWith('v:') || isRecord(value);
  } catch {
    return false;
  }
}

/** Sets come again and again: a fleet has dozens of different ones. By what is in them, in the order it stands there. */
const formatted = new Map<string, Record<string, unknown> | undefined>();
const MOST_FORMATTED = 2048;

/** Undefined when the set is empty. Keys are sorted, so that equal sets give equal text. The result is frozen. */
export function formatFields(set: FieldSet): Record<string, unknown> | undefined {
  const name = nameOf(set);
  const known = formatted.get(name);
  if (known !== undefined) return known;
  const fields = deepFreeze(format(set));
  if (formatted.size >= MOST_FORMATTED) formatted.clear();
  formatted.set(name, fields);
  return fields;
}

/** Lengths keep apart what elements may hold. */
function nameOf(set: FieldSet): string {
  let name = '';
  for (const [element, child] of set.children) name += `${element.length}${child.own ? '!' : ':'}${element}(${nameOf(child)})`;
  return name;
}

function format(set: FieldSet): Record<string, unknown> | undefined {
  const entries: [string, unknown][] = [];
  for (const element of [...set.children.keys()].sort()) {
    const child = set.children.get(element);
    if (child === undefined) continue;
    const inner = format(child);
    if (inner !== undefined) entries.push([element, child.own ? { '.': {}, ...inner } : inner]);
    else if (child.own) entries.push([element, {}]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map(a.children);
  for (const [element, set] of b.children) {
    const other = children.get(element);
    children.set(element, other === undefined ? set : union(other, set));
  }
  return { own: a.own || b.own, children };
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, set] of a.children) {
    const other = b.children.get(element);
    const rest = other === undefined ? set : difference(set, other);
    if (!isEmptySet(rest)) children.set(element, rest);
  }
  return { own: a.own && !b.own, children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, set] of a.children) {
    const other = b.children.get(element);
    const both = other === undefined ? emptySet() : intersection(set, other);
    if (!isEmptySet(both)) children.set(element, both);
  }
  return { own: a.own && b.own, children };
}

/** Whether every member of `a` is in `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  if (a.own && !b.own) return false;
  for (const [element, set] of a.children) {
    const other = b.children.get(element);
    if (other === undefined ? !isEmptySet(set) : !isSubset(set, other)) return false;
  }
  return true;
}

export function intersects(a: FieldSet, b: FieldSet): boolean {
  if (a.own && b.own) return true;
  for (const [element, set] of a.children) {
    const other = b.children.get(element);
    if (other !== undefined && intersects(set, other)) return true;
  }
  return false;
}

/** Every member as a path, e.g. `.spec.paths`, `.status.conditions[type="Ready"].status`. */
export function paths(set: FieldSet, prefix = ''): string[] {
  const found = set.own && prefix !== '' ? [prefix] : [];
  for (const [element, child] of set.children) found.push(...paths(child, prefix + elementText(element)));
  return found;
}

/** `f:url` -> `.url`, `k:{"name":"a"}` -> `[name="a"]`. */
export function elementText(element: string): string {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('i:')) return `[${text}]`;
  if (element.startsWith('v:')) return `[=${text}]`;
  const keys: unknown = JSON.parse(text);
  return isRecord(keys) ? `[${Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]` : `[${text}]`;
}

export interface FieldDiff {
  /** Fields added or changed. */
  changed: FieldSet;
  removed: FieldSet;
}

/** How an object or a part of it changed. `schema` says which lists and maps are one value (atomic, the default for lists). */
export function diffFields(before: unknown, after: unknown, schema: StructuralSchema | undefined): FieldDiff {
  if (before === undefined) return { changed: fieldsOf(after, schema), removed: emptySet() };
  if (after === undefined) return { changed: emptySet(), removed: fieldsOf(before, schema) };
  // null stands for no parts beside a value that has some; beside anything else it is a value itself.
  const old = childrenOf(before ?? emptyOf(after), schema);
  const now = childrenOf(after ?? emptyOf(before), schema);
  if (old === undefined || now === undefined || (old.size === 0 && now.size === 0)) {
    return { changed: equal(before, after) ? emptySet() : { own: true, children: new Map() }, removed: emptySet() };
  }
  const changed = emptySet();
  const removed = emptySet();
  for (const [element, { value, schema: inner }] of now) {
    const earlier = old.get(element);
    if (earlier !== undefined && earlier.value === value) continue;
    const diff = diffFields(earlier?.value, value, inner);
    if (!isEmptySet(diff.changed)) changed.children.set(element, diff.changed);
    if (!isEmptySet(diff.removed)) removed.children.set(element, diff.removed);
  }
  for (const [element, { value, schema: inner }] of old) {
    if (now.has(element)) continue;
    removed.children.set(element, { ...fieldsOf(value, inner), own: true });
  }
  return { changed, removed };
}

const emptyOf = (value: unknown): unknown => (Array.isArray(value) ? [] : isRecord(value) ? {} : null);

/** Every field a value sets, the value itself included. */
export function fieldsOf(value: unknown, schema: StructuralSchema | undefined): FieldSet {
  if (value === undefined) return emptySet();
  const children = childrenOf(value, schema);
  const set: FieldSet = { own: true, children: new Map() };
  for (const [element, { value: inner, schema: innerSchema }] of children ?? []) set.children.set(element, fieldsOf(inner, innerSchema));
  return set;
}

type Parts = Map<string, { value: unknown; schema: StructuralSchema | undefined }>;

/** The parts that can have owners of their own; undefined for a value that is owned as a whole. */
function childrenOf(value: unknown, schema: StructuralSchema | undefined): Parts | undefined {
  if (Array.isArray(value)) return itemsOf(value, schema);
  if (!isRecord(value) || schema?.['x-kubernetes-map-type'] === 'atomic') return undefined;
  const parts: Parts = new Map();
  for (const [name, inner] of Object.entries(value)) {
    if (inner !== undefined) parts.set(`f:${name}`, { value: inner, schema: fieldSchema(schema, name) });
  }
  return parts;
}

function itemsOf(items: unknown[], schema: StructuralSchema | undefined): Parts | undefined {
  if (!isAssociative(schema)) return undefined;
  const parts: Parts = new Map();
  for (const item of items) parts.set(listElement(item, schema), { value: item, schema: schema?.items });
  return parts;
}

/** A list whose items have owners of their own: `x-kubernetes-list-type: set | map`. */
export function isAssociative(schema: StructuralSchema | undefined): boolean {
  const type = schema?.['x-kubernetes-list-type'];
  return type === 'set' || type === 'map';
}

/** The path element of an item of an associative list. */
export function listElement(item: unknown, schema: StructuralSchema | undefined): string {
  return schema?.['x-kubernetes-list-type'] === 'set' ? `v:${JSON.stringify(item)}` : itemElement(item, schema);
}

/** `k:{...}` of an item of a map-list; a key the item leaves out has its schema's default. */
export function itemElement(item: unknown, schema: StructuralSchema | undefined): string {
  const keys = [...(schema?.['x-kubernetes-list-map-keys'] ?? [])].sort();
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, (isRecord(item) ? item[key] : undefined) ?? schema?.items?.properties?.[key]?.default ?? null])))}`;
}

export function fieldSchema(schema: StructuralSchema | undefined, name: string): StructuralSchema | undefined {
  const own = schema?.properties;
  if (own !== undefined && Object.hasOwn(own, name)) return own[name];
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}
