/**
 * Does an applied configuration have the shape of its kind? Values of the wrong type, unknown fields and items that cannot
 * be told apart make ownership meaningless, so server-side apply refuses them whatever fieldValidation says.
 * Source: sigs.k8s.io/structured-merge-diff, typed/validate.go and helpers.go (wording).
 */
import type { StructuralSchema } from '#crds/crd.js';
import type { Kind } from '#crds/kinds.js';
import { metadataSchema } from '../admission/metadata.js';
import { schemaOf } from '../admission/schemaOf.js';
import { elementText, fieldSchema, isAssociative, listElement } from './fieldSet.js';
import { isRecord } from './plainJson.js';

const schemas = new Map<Kind, StructuralSchema>();

/** One sentence for all that is wrong, undefined when nothing is: `.spec.nope: field not declared in schema`. */
export function typedProblem(kind: Kind, configuration: unknown): string | undefined {
  let schema = schemas.get(kind);
  if (schema === undefined) {
    const own = schemaOf(kind);
    schema = { ...own, properties: { ...own.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: metadataSchema } };
    schemas.set(kind, schema);
  }
  const problems: string[] = [];
  check(configuration, schema, '', problems);
  return problems.length === 0 ? undefined : problems.length === 1 ? problems[0] : ['errors:', ...problems.map((problem) => `  ${problem}`)].join('\n');
}

function check(value: unknown, schema: StructuralSchema | undefined, path: string, problems: string[]): void {
  if (schema === undefined || value === null || value === undefined) return;
  const say = (text: string): void => { problems.push(`${path === '' ? '' : `${path}: `}${text}`); };
  if (schema['x-kubernetes-int-or-string'] === true) return;
  switch (schema.type) {
    case 'array':
      if (Array.isArray(value)) checkItems(value, schema, path, problems);
      else say(`expected list, got ${shown(value)}`);
      return;
    case 'object':
      if (isRecord(value)) checkFields(value, schema, path, problems);
      else say(`expected map, got ${shown(value)}`);
      return;
    case 'string': if (typeof value !== 'string') say(`expected string, got ${scalar(value)}`); return;
    case 'boolean': if (typeof value !== 'boolean') say(`expected boolean, got ${shown(value)}`); return;
    case 'integer': case 'number': if (typeof value !== 'number') say(`expected numeric (int or float), got ${goType(value)}`); return;
    default: if (isRecord(value)) checkFields(value, schema, path, problems);
  }
}

function checkFields(value: Record<string, unknown>, schema: StructuralSchema, path: string, problems: string[]): void {
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true || (schema.properties === undefined && schema.additionalProperties === undefined);
  for (const [name, inner] of Object.entries(value)) {
    const known = fieldSchema(schema, name);
    if (known !== undefined) check(inner, known, `${path}.${name}`, problems);
    else if (!open) {
      problems.push(`${path}.${name}: field not declared in schema`);
      return;
    }
  }
}

function checkItems(items: readonly unknown[], schema: StructuralSchema, path: string, problems: string[]): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    if (!isAssociative(schema)) {
      check(item, schema.items, `${path}[${index}]`, problems);
      continue;
    }
    const why = keyProblem(item, schema);
    if (why !== undefined) {
      problems.push(`${path}: element ${index}: ${why}`);
      continue;
    }
    const element = listElement(item, schema);
    if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(item, schema.items, `${path}${elementText(element)}`, problems);
  }
}

function keyProblem(item: unknown, schema: StructuralSchema): string | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') {
    return isRecord(item) || Array.isArray(item) ? 'associative list without keys has an element that\'s a map type' : item === null ? 'associative list without keys has an element that\'s an explicit null' : undefined;
  }
  if (!isRecord(item)) return item === null ? 'associative list with keys may not have a null element' : 'associative list with keys may not have non-map elements';
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const missing = keys.filter((key) => (item[key] ?? schema.items?.properties?.[key]?.default) === undefined);
  if (missing.length === 0) return undefined;
  return missing.length === keys.length
    ? `associative list with keys has an element that omits all key fields [${keys.map((key) => JSON.stringify(key)).join(' ')}] (and doesn't have default values for any key fields)`
    : `associative list with keys has an element that omits key field ${JSON.stringify(missing[0])} (and doesn't have default value)`;
}

const goType = (value: unknown): string => (typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'bool' : Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}');
const goText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (isRecord(value)) return `map[${Object.keys(value).sort().map((key) => `${key}:${goText(value[key])}`).join(' ')}]`;
  return value === null ? '<nil>' : String(value);
};
const cut = (text: string): string => (text.length > 256 ? `${text.slice(0, 256)}...` : text);
const shown = (value: unknown): string => `&{${cut(goText(value))}}`;
const goSyntax = (value: unknown): string => {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (isRecord(value)) return `map[string]interface {}{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`).join(', ')}}`;
  return value === null ? 'interface {}(nil)' : JSON.stringify(value);
};
const scalar = (value: unknown): string => `&value.valueUnstructured{Value:${cut(goSyntax(value))}}`;
