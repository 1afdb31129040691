/** `x-kubernetes-list-type: set | map`: no value and no key twice. Source: apiextensions-apiserver, listtype. */
import type { StructuralSchema } from '#crds/crd.js';
import { child, duplicate, invalid, item } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { isPlain, memberSchema } from './schemaWalk.js';

export function checkListTypes(value: unknown, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    if (type === 'set' || type === 'map') checkUnique(value, schema, path, errors);
    if (schema.items) for (const [index, each] of value.entries()) checkListTypes(each, schema.items, item(path, index), errors);
    return;
  }
  if (!isPlain(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    const known = memberSchema(schema, key);
    if (known) checkListTypes(inner, known, child(path, key), errors);
  }
}

/** Each value that is there more than once is told once, at its second place. */
function checkUnique(value: unknown[], schema: StructuralSchema, path: string, errors: FieldError[]): void {
  const byKey = schema['x-kubernetes-list-type'] === 'map';
  const stranger = byKey ? value.findIndex((each) => each !== null && !isPlain(each)) : -1;
  if (stranger >= 0) {
    errors.push(invalid(item(path, stranger), value[stranger], 'must be an object for an array of list-type map'));
    return;
  }
  const times = new Map<string, number>();
  for (const [index, each] of value.entries()) {
    const key = byKey ? Object.fromEntries((schema['x-kubernetes-list-map-keys'] ?? []).flatMap((name) => (isPlain(each) && Object.hasOwn(each, name) ? [[name, each[name]]] : []))) : each;
    const text = JSON.stringify(key);
    times.set(text, (times.get(text) ?? 0) + 1);
    if (times.get(text) === 2) errors.push(duplicate(item(path, index), key));
  }
}

/** The part of a list-map's item that makes it that item: `{"type":"Ready"}`. */
export function keyOfItem(value: unknown, schema: StructuralSchema): Record<string, unknown> {
  const item = isPlain(value) ? value : {};
  return Object.fromEntries((schema['x-kubernetes-list-map-keys'] ?? []).map((key) => [key, Object.hasOwn(item, key) ? item[key] : schema.items?.properties?.[key]?.default ?? null]));
}
