/**
 * The CEL rules of a CustomResourceDefinition (x-kubernetes-validations): compiled once, then run on each write. A rule that
 * speaks of oldSelf is a transition rule: it runs on update only, where the old value can be found (fields, map entries,
 * items of a list-map by key; never items of other lists).
 * Source: Kubernetes documentation, "Validation rules" of CustomResourceDefinitions.
 */
import { Environment } from '@marcbachmann/cel-js';
import type { StructuralSchema, ValidationRule } from '#crds/crd.js';
import { child, invalid, item } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { keyOfItem } from './listTypes.js';
import { isPlain, memberSchema, sameJson } from './schemaWalk.js';

interface CompiledRule {
  source: ValidationRule;
  transition: boolean;
  run: (context: { self: unknown; oldSelf?: unknown }) => unknown;
}

/** What a rule at the root may see besides spec and status. */
const ROOT_METADATA = ['name', 'generateName'];

export interface CelRules {
  /** Appends one error per failed rule. @param old undefined on create */
  check(value: unknown, old: unknown, path: string, errors: FieldError[]): void;
}

/** @throws when a rule does not compile: a CRD we ship is wrong */
export function compileCelRules(schema: StructuralSchema): CelRules {
  const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false });
  const rules = new Map<StructuralSchema, CompiledRule[]>();
  const withRules = new Set<StructuralSchema>();
  const compile = (node: StructuralSchema): boolean => {
    const own = (node['x-kubernetes-validations'] ?? []).map((source): CompiledRule => ({
      source,
      transition: /\boldSelf\b/.test(source.rule.replace(/'(\\.|[^'\\])*'|"(\\.|[^"\\])*"/g, '')),
      run: environment.parse(source.rule),
    }));
    if (own.length > 0) rules.set(node, own);
    const inner = [...Object.values(node.properties ?? {}), node.items, typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined];
    const below = inner.map((each) => each !== undefined && compile(each)).includes(true);
    if (below || own.length > 0) withRules.add(node);
    return withRules.has(node);
  };
  compile(schema);

  const check = (value: unknown, old: unknown, node: StructuralSchema, path: string, errors: FieldError[]): void => {
    if (!withRules.has(node)) return;
    const own = rules.get(node) ?? [];
    if (own.length > 0) {
      const self = celValue(value, node, path === '');
      const oldSelf = old === undefined ? undefined : celValue(old, node, path === '');
      for (const rule of own) if (!rule.transition || old !== undefined) runRule(rule, self, oldSelf, node.type, path, errors);
    }
    if (Array.isArray(value) && node.items) {
      for (const [index, each] of value.entries()) check(each, correlated(each, old, node), node.items, item(path, index), errors);
    } else if (isPlain(value)) {
      for (const [key, inner] of Object.entries(value)) {
        const known = memberSchema(node, key);
        if (known) check(inner, isPlain(old) && Object.hasOwn(old, key) ? old[key] : undefined, known, child(path, key), errors);
      }
    }
  };
  return { check: (value, old, path, errors) => { check(value, old, schema, path, errors); } };
}

function correlated(value: unknown, old: unknown, node: StructuralSchema): unknown {
  if (node['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return undefined;
  const key = keyOfItem(value, node);
  return old.find((each) => sameJson(keyOfItem(each, node), key)) as unknown;
}

/** As kube-apiserver up to 1.34 the message shows the type and not the value, which might be a URL with a password. */
function runRule(rule: CompiledRule, self: unknown, oldSelf: unknown, shown: unknown, path: string, errors: FieldError[]): void {
  const at = rule.source.fieldPath === undefined ? path : `${path}${rule.source.fieldPath}`;
  try {
    if (rule.run(oldSelf === undefined ? { self } : { self, oldSelf }) === true) return;
    errors.push(invalid(at, shown, rule.source.message ?? `failed rule: ${rule.source.rule}`));
  } catch (error) {
    errors.push(invalid(at, shown, `rule evaluation error: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'failed'}`));
  }
}

/** JSON as CEL sees it through the schema: integers are int, so that they compare with literals and divide as in a cluster. */
function celValue(value: unknown, schema: StructuralSchema | undefined, root: boolean): unknown {
  if (typeof value === 'number') return schema?.type === 'integer' && Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((each) => celValue(each, schema?.items, false));
  if (!isPlain(value)) return value;
  const result = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(value)) {
    if (root && key === 'metadata' && isPlain(inner)) result.set(key, new Map(ROOT_METADATA.filter((name) => Object.hasOwn(inner, name)).map((name) => [name, inner[name]])));
    else result.set(key, celValue(inner, schema && memberSchema(schema, key), false));
  }
  return result;
}
