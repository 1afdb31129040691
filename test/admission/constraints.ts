/** Every constraint of a CustomResourceDefinition, and the definition without one of them: to prove that each is tested. */
import type { CustomResourceDefinition, StructuralSchema } from '#crds/crd.js';

export interface Constraint {
  /** `spec.url maxLength`, `spec required url`, `spec rule 2`. */
  name: string;
  /** Takes it out of a schema. */
  remove: (root: StructuralSchema) => void;
}

const KEYWORDS = ['enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems', 'maxProperties', 'minProperties', 'multipleOf'] as const;
/** The formats an API server holds a custom resource to; int32 and int64 are not among them. */
const CHECKED_FORMATS = ['date-time', 'byte'];

type Step = (schema: StructuralSchema) => StructuralSchema | undefined;

export function constraintsOf(definition: CustomResourceDefinition): Constraint[] {
  const found: Constraint[] = [];
  const root = definition.spec.versions[0]?.schema.openAPIV3Schema;
  if (!root) throw new Error('no schema');
  const walk = (schema: StructuralSchema, path: string, steps: readonly Step[]): void => {
    const add = (name: string, change: (schema: StructuralSchema) => void): void => {
      found.push({ name: `${path || 'the object'} ${name}`, remove: (from) => {
        let target: StructuralSchema | undefined = from;
        for (const step of steps) target = target && step(target);
        if (!target) throw new Error(`no schema at ${path}`);
        change(target);
      } });
    };
    for (const keyword of KEYWORDS) if (schema[keyword] !== undefined) add(keyword, (target) => { Reflect.deleteProperty(target, keyword); });
    if (schema.format !== undefined && CHECKED_FORMATS.includes(schema.format)) add(`format ${schema.format}`, (target) => { delete target.format; });
    const listType = schema['x-kubernetes-list-type'];
    if (listType === 'set' || listType === 'map') add(`list type ${listType}`, (target) => { delete target['x-kubernetes-list-type']; });
    for (const name of schema.required ?? []) add(`required ${name}`, (target) => { target.required = (target.required ?? []).filter((each) => each !== name); });
    for (const index of (schema['x-kubernetes-validations'] ?? []).keys()) add(`rule ${index + 1}`, (target) => { target['x-kubernetes-validations'] = (target['x-kubernetes-validations'] ?? []).filter((_, at) => at !== index); });
    for (const [name, inner] of Object.entries(schema.properties ?? {})) walk(inner, path === '' ? name : `${path}.${name}`, [...steps, (from) => from.properties?.[name]]);
    if (schema.items) walk(schema.items, `${path}[]`, [...steps, (from) => from.items]);
    if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties, `${path}[*]`, [...steps, (from) => (typeof from.additionalProperties === 'object' ? from.additionalProperties : undefined)]);
  };
  walk(root, '', []);
  return found;
}

export function without(definition: CustomResourceDefinition, constraint: Constraint): CustomResourceDefinition {
  const copy = structuredClone(definition);
  const schema = copy.spec.versions[0]?.schema.openAPIV3Schema;
  if (schema) constraint.remove(schema);
  return copy;
}
