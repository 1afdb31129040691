/** `x-kubernetes-list-type: set | map`: no value and no key twice. Source: apiextensions-apiserver, listtype. */
import type { StructuralSchema } from '#crds/crd.js';
import { child, duplicate, item } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { isPlain, memberSchema } from './schemaWalk.js';

export function checkListTypes(value: unknown, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    const seen = new Set<string>();
    for (const [index, each] of value.entries()) {
      if (type === 'set' || type === 'map') {
        const key = type === 'set' ? each : keyOfItem(each, schema);
        const text = JSON.stringify(key);
        if (seen.has(text)) errors.push(duplicate(item(path, index), key));
        seen.add(text);
      }
      if (schema.items) checkListTypes(each, schema.items, item(path, index), errors);
    }
    return;
  }
  if (!isPlain(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    const known = memberSchema(schema, key);
    if (known) checkListTypes(inner, known, child(path, key), errors);
  }
}

/** The part of a list-map's item that makes it that item: `{"type":"Ready"}`. */
export function keyOfItem(value: unknown, schema: StructuralSchema): Record<string, unknown> {
  const item = isPlain(value) ? value : {};
  return Object.fromEntries((schema['x-kubernetes-list-map-keys'] ?? []).map((key) => [key, Object.hasOwn(item, key) ? item[key] : schema.items?.properties?.[key]?.default ?? null]));
}
