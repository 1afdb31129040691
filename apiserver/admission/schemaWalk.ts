/** Small helpers every walk over an object and its structural schema shares. */
import type { StructuralSchema } from '#crds/crd.js';

export { copyJson, equal as sameJson, isRecord as isPlain } from '../stores/plainJson.js';
export type { Json as Plain } from '../stores/plainJson.js';

/** The schema of a member: declared, or that of additionalProperties; undefined when the name is unknown. */
export function memberSchema(schema: StructuralSchema, key: string): StructuralSchema | undefined {
  if (schema.properties && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

export const keepsUnknown = (schema: StructuralSchema): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true
  || (schema.properties === undefined && schema.additionalProperties === undefined && schema.type === undefined);

/** Sets a member even when it is called like a member of Object.prototype. */
export function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}
