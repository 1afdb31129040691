/** Schema defaults, as in a cluster: filled in where a parent exists; a parent without its own default is never made up. */
import type { StructuralSchema } from '#crds/crd.js';
import { isPlain } from './schemaWalk.js';

/** Changes `value` in place. */
export function applyDefaults(value: unknown, schema: StructuralSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const each of value) applyDefaults(each, schema.items);
    return;
  }
  if (!isPlain(value)) return;
  for (const [key, known] of Object.entries(schema.properties ?? {})) {
    if (known.default !== undefined && (!Object.hasOwn(value, key) || (value[key] === null && !known.nullable))) value[key] = structuredClone(known.default);
    if (Object.hasOwn(value, key)) applyDefaults(value[key], known);
  }
  if (typeof schema.additionalProperties === 'object') {
    for (const [key, inner] of Object.entries(value)) if (!schema.properties || !Object.hasOwn(schema.properties, key)) applyDefaults(inner, schema.additionalProperties);
  }
}
