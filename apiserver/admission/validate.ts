/**
 * Checks a value against a structural schema and words each problem as kube-apiserver does. A walker of our own, because ajv
 * neither bounds what it reports by these rules nor knows this wording.
 * Source: kube-openapi/pkg/validation/validate and apiextensions-apiserver/pkg/apiserver/validation.
 */
import type { StructuralSchema } from '#crds/crd.js';
import { child, invalid, item, notSupported, required, tooLong, tooMany, typeInvalid } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { isPlain, memberSchema, sameJson } from './schemaWalk.js';

/** Appends every problem of `value` to `errors`. */
export function validate(value: unknown, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  if (value === null && schema.nullable) return;
  // kube-apiserver asks for the enum even when the type is wrong.
  if (schema.enum && !schema.enum.some((allowed) => sameJson(allowed, value))) errors.push(notSupported(path, value, schema.enum));
  if (!hasType(value, schema)) {
    const [expected, found] = typeWords(value, schema);
    errors.push(typeInvalid(path, found, `${path} in body must be of type ${expected}: ${JSON.stringify(found)}`));
    return;
  }
  if (typeof value === 'string') checkString(value, schema, path, errors);
  else if (typeof value === 'number') checkNumber(value, schema, path, errors);
  else if (Array.isArray(value)) checkList(value, schema, path, errors);
  else if (isPlain(value)) checkObject(value, schema, path, errors);
}

function hasType(value: unknown, schema: StructuralSchema): boolean {
  if (schema['x-kubernetes-int-or-string']) return typeof value === 'string' || Number.isInteger(value);
  switch (schema.type) {
    case undefined: return true;
    case 'object': return isPlain(value);
    case 'array': return Array.isArray(value);
    case 'integer': return Number.isInteger(value);
    case 'number': return typeof value === 'number';
    default: return typeof value === schema.type;
  }
}

/** Formats that survive in a CustomResourceDefinition's validator; int32 and int64 do not. */
const FORMATS = ['date-time', 'byte'];

/** Expected and found, as kube-apiserver says them: with a format it names formats, where Go has one. */
function typeWords(value: unknown, { type = '', format }: StructuralSchema): [expected: string, found: string] {
  if (value === null || format === undefined || !FORMATS.includes(format) || Array.isArray(value)) return [type, jsonType(value)];
  return [format, typeof value === 'number' ? (Number.isInteger(value) ? 'int64' : 'double') : ''];
}

function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const patterns = new Map<string, RegExp>();
function matches(pattern: string, value: string): boolean {
  let compiled = patterns.get(pattern);
  if (!compiled) patterns.set(pattern, (compiled = new RegExp(pattern, 'u')));
  return compiled.test(value);
}

const DATE_TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Lengths are counted in characters, which differ from UTF-16 units only beyond the basic plane. */
const SURROGATE = /[\ud800-\udfff]/;

function checkString(value: string, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  const { maxLength, minLength, pattern, format } = schema;
  const length = (maxLength !== undefined || minLength !== undefined) && SURROGATE.test(value) ? [...value].length : value.length;
  // The first of the three that fails is the one that is told.
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(path, maxLength));
  else if (minLength !== undefined && length < minLength) errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  else if (pattern !== undefined && !matches(pattern, value)) errors.push(invalid(path, value, `${path} in body should match '${pattern}'`));
  if (format === 'date-time' && !DATE_TIME.test(value)) errors.push(typeInvalid(path, value, `${path} in body must be of type date-time: ${JSON.stringify(value)}`));
  if (format === 'byte' && !isBase64(value)) errors.push(typeInvalid(path, 'string', `${path} in body must be of type byte: illegal base64 data`)); // never the value: it may be half a secret
}

/** Standard base64 with padding, as Go's encoding/json reads []byte. */
export function isBase64(text: string): boolean {
  const bare = text.replace(/[\r\n]/g, '');
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

function checkNumber(value: number, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) errors.push(invalid(path, value, `${path} in body should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`));
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) errors.push(invalid(path, value, `${path} in body should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`));
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) errors.push(invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`));
}

function checkList(value: unknown[], schema: StructuralSchema, path: string, errors: FieldError[]): void {
  const { maxItems, minItems, items } = schema;
  if (minItems !== undefined && value.length < minItems) errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (items) for (const [index, each] of value.entries()) validate(each, items, item(path, index), errors);
}

function checkObject(value: Record<string, unknown>, schema: StructuralSchema, path: string, errors: FieldError[]): void {
  const names = Object.keys(value);
  if (schema.minProperties !== undefined && names.length < schema.minProperties) errors.push(invalid(path, names.length, `${path} in body should have at least ${schema.minProperties} properties`));
  if (schema.maxProperties !== undefined && names.length > schema.maxProperties) {
    errors.push(tooMany(path, names.length, schema.maxProperties));
    return;
  }
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.push(required(child(path, name)));
  for (const name of names) {
    const known = memberSchema(schema, name);
    if (known) validate(value[name], known, child(path, name), errors);
  }
}
