/**
 * Admission: what every write passes, by every door. In order: namespace, decoding (unknown fields, metadata types),
 * defaults, metadata, schema, list keys, CEL rules, the kind's own checks, field rights. Everything that can be compiled is
 * compiled once here.
 */
import type { CustomResourceDefinition, StructuralSchema } from '#crds/crd.js';
import { kinds, resources } from '#crds/kinds.js';
import type { Event, Kind, KindMap, Lease, Secret } from '#crds/kinds.js';
import type { KubeObject, ObjectMeta } from '#crds/meta.js';
import { compileCelRules } from './celRules.js';
import type { CelRules } from './celRules.js';
import { checkEvent, checkLease, checkSecret, foldSecret } from './core.js';
import { applyDefaults, hasDefaults } from './defaults.js';
import { child, invalid, invalidObject, ROOT, strictDecoding, summary, undecodable } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { adminsOnly, checkFieldRights } from './fieldRights.js';
import type { MayUseVerb } from './fieldRights.js';
import { checkListTypes } from './listTypes.js';
import { checkMetadata, metadataSchema } from './metadata.js';
import { prune } from './prune.js';
import { schemaOf } from './schemaOf.js';
import { copyJson, isPlain } from './schemaWalk.js';
import { checkNamespace, checkStandalone } from './standalone.js';
import type { Admission, AdmissionRequest, AdmissionResult } from './types.js';
import { validate } from './validate.js';

export { decodeObject } from './decodeObject.js';
export { Undecodable } from './fieldErrors.js';

export interface AdmissionSetup {
  /** The one namespace served; default RM_NAMESPACE or `default`. */
  namespace?: string;
  /** The role table's answer for field-right verbs; default: admin and system may. */
  may?: MayUseVerb;
  /** Other definitions than the built-in ones, for tests. */
  definitions?: Partial<Record<Kind, CustomResourceDefinition>>;
}

interface KindRules {
  schema: StructuralSchema;
  cel?: CelRules;
  /** The rules below status alone, for status writes. */
  statusCel?: CelRules;
  hasStatus: boolean;
}

const MORE_RULES: FieldError = invalid('', null, 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation');
const BLOCKING = new Set<FieldError['reason']>(['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid']);

export function createAdmission({ namespace = process.env['RM_NAMESPACE'] ?? 'default', may = adminsOnly, definitions }: AdmissionSetup = {}): Admission {
  const rules = new Map<Kind, KindRules>(kinds.map((kind) => {
    const schema = schemaOf(kind, definitions);
    if (!resources[kind].crd) return [kind, { schema, hasStatus: false }];
    return [kind, { schema, cel: compileCelRules(schema), statusCel: compileCelRules(schema.properties?.['status'] ?? {}), hasStatus: true }];
  }));
  const rulesOf = (kind: Kind): KindRules => {
    const found = rules.get(kind);
    if (!found) throw new Error(`no rules for kind ${kind}`);
    return found;
  };

  return {
    admit: <K extends Kind>(request: AdmissionRequest<K>): AdmissionResult<K> => {
      const { kind, operation, old } = request;
      const { schema, hasStatus, ...compiled } = rulesOf(kind);
      checkNamespace(request.object.metadata.namespace ?? namespace, namespace);
      const warnings: string[] = [];
      const object = read(request, schema, warnings);
      if (hasStatus && operation !== 'status') {
        const stored = (old as { status?: unknown } | undefined)?.status;
        if (stored === undefined) delete object['status'];
        else object['status'] = copyJson(stored);
      }
      if (hasStatus && operation === 'status' && old) {
        const { spec } = old as { spec?: unknown };
        object['spec'] = copyJson(spec);
      }
      applyDefaults(object, schema);
      const result = object as unknown as KindMap[K];

      const errors: FieldError[] = [];
      checkMetadata(result.metadata, old?.metadata, errors);
      if (kind === 'Secret') foldSecret(object as unknown as Secret);
      if (hasStatus) checkSchema(operation, object, old as KubeObject & { status?: unknown } | undefined, schema, compiled, errors);
      // A spec stored under other rules, or older time-zone data, must not stop a status.
      if (errors.length === 0 && operation !== 'status') checkKind(kind, result, old, errors);
      if (errors.length > 0) throw invalidObject(kind, resources[kind].group, result.metadata.name, errors);
      if (operation !== 'status') checkFieldRights(kind, result, old, request.writer.principal, may);
      return { object: result, warnings };
    },

    defaulted: (kind, object) => {
      const { schema } = rulesOf(kind);
      if (hasDefaults(object, schema)) return object;
      const copy = copyJson(object);
      applyDefaults(copy, schema);
      return copy;
    },
  };
}

/** Prunes to what the kind knows. @throws Undecodable */
function read(request: AdmissionRequest, schema: StructuralSchema, warnings: string[]): Record<string, unknown> {
  const { kind, fieldValidation } = request;
  const { version } = resources[kind];
  const { metadata, ...rest } = request.object as KubeObject & Record<string, unknown>;
  if (!isPlain(metadata)) throw undecodable(kind, version, 'metadata must be an object');
  const unknown: string[] = [];
  const object = prune(rest, schema, '', unknown) as Record<string, unknown>;
  const meta = prune(metadata, metadataSchema, 'metadata', unknown) as unknown as ObjectMeta;
  if (unknown.length > 0) {
    const problems = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
    if (fieldValidation === 'Strict') throw strictDecoding(kind, version, problems);
    if (fieldValidation === 'Warn') warnings.push(...problems);
  }
  const errors: FieldError[] = [];
  validate(meta, metadataSchema, 'metadata', errors);
  // Core kinds are decoded into typed objects by kube-apiserver, so a wrong type there is a decoding error as well.
  if (!resources[kind].crd) validate(object, schema, '', errors);
  if (errors.length > 0) throw undecodable(kind, version, summary(errors));
  return { ...object, metadata: meta };
}

/** A status write answers for the status alone: a spec stored under older rules must not stop it. */
function checkSchema(operation: AdmissionRequest['operation'], object: Record<string, unknown>, old: KubeObject & { status?: unknown } | undefined, schema: StructuralSchema, { cel, statusCel }: Pick<KindRules, 'cel' | 'statusCel'>, errors: FieldError[]): void {
  const statusOnly = operation === 'status';
  const value = statusOnly ? (object['status'] ?? {}) : object;
  const part = statusOnly ? (schema.properties?.['status'] ?? {}) : schema;
  const path = statusOnly ? 'status' : '';
  // The API server checks a status by itself: its messages name fields from there on, its causes from the object on.
  const found: FieldError[] = [];
  validate(value, part, '', found);
  errors.push(...found.map((error) => (statusOnly ? { ...error, field: error.field === ROOT ? path : child(path, error.field) } : error)));
  checkListTypes(value, part, path, errors);
  if (errors.some((error) => BLOCKING.has(error.reason))) errors.push(MORE_RULES);
  else (statusOnly ? statusCel : cel)?.check(value, statusOnly ? old?.status : old, path, errors);
}

function checkKind(kind: Kind, object: KubeObject, old: KubeObject | undefined, errors: FieldError[]): void {
  if (kind === 'Secret') checkSecret(object as Secret, old as Secret | undefined, errors);
  else if (kind === 'Event') checkEvent(object as Event, errors);
  else if (kind === 'Lease') checkLease(object as Lease, errors);
  else checkStandalone(kind, object, errors);
}
