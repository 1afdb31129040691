/** Where the schema of a kind comes from. */
import { crds } from '#crds/types/crds.gen.js';
import type { CustomResourceDefinition, StructuralSchema } from '#crds/crd.js';
import type { Kind } from '#crds/kinds.js';
import { coreSchemas } from './coreSchemas.js';

/** From the CustomResourceDefinition or the core table; metadata in it is only `type: object`. @param definitions other CRDs than the built-in ones */
export function schemaOf(kind: Kind, definitions: Partial<Record<Kind, CustomResourceDefinition>> = {}): StructuralSchema {
  if (kind === 'Secret' || kind === 'Event' || kind === 'Lease') return coreSchemas[kind];
  const schema = (definitions[kind] ?? crds[kind]).spec.versions[0]?.schema.openAPIV3Schema;
  if (!schema) throw new Error(`the CustomResourceDefinition of ${kind} has no schema`);
  return schema;
}
