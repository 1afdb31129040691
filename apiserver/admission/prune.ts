/**
 * A copy of an object without the fields its schema does not know, and without nulls where the schema has no null.
 * Source: apiextensions-apiserver, structural pruning and `PruneNonNullableNullsWithoutDefaults`.
 */
import type { StructuralSchema } from '#crds/crd.js';
import { child, item } from './fieldErrors.js';
import { copyJson, isPlain, keepsUnknown, memberSchema, put } from './schemaWalk.js';
import type { Plain } from './schemaWalk.js';

/** @param unknown receives the path of every field left out */
export function prune(value: unknown, schema: StructuralSchema, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((each, index) => prune(each, items, item(path, index), unknown)) : copyJson(value);
  }
  if (!isPlain(value)) return value;
  const result: Plain = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const known = memberSchema(schema, key);
    if (known) {
      if (inner === null && !known.nullable) continue;
      put(result, key, prune(inner, known, child(path, key), unknown));
    } else if (keepsUnknown(schema)) put(result, key, copyJson(inner));
    else unknown.push(child(path, key));
  }
  return result;
}
