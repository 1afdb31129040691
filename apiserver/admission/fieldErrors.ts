/**
 * Field errors in the API server's wording, so that a message reads the same whichever engine gave it.
 * Source: k8s.io/apimachinery/pkg/util/validation/field.
 */
import { Invalid } from '#crds/objectStore.js';
import type { StatusCause } from '#crds/objectStore.js';

export type FieldReason =
  | 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueNotSupported' | 'FieldValueTooLong'
  | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'FieldValueDuplicate' | 'FieldValueForbidden';

export interface FieldError {
  reason: FieldReason;
  /** `spec.includes[0]`; `<nil>` for the object as a whole. */
  field: string;
  /** Everything after the field, e.g. `Required value`. */
  message: string;
}

export const ROOT = '<nil>';

/** The path of a member: `spec.url`; of the root: `spec`. */
export const child = (path: string, key: string): string => (path === '' || path === ROOT ? key : `${path}.${key}`);
export const item = (path: string, index: number): string => `${path}[${index}]`;
/** A key of a map, which may hold dots: `metadata.labels[a.b/c]`. */
export const entry = (path: string, key: string): string => `${path}[${key}]`;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value ?? null);
  return text.length > 512 ? `${text.slice(0, 512)}...` : text;
};
const withDetail = (text: string, detail: string): string => (detail === '' ? text : `${text}: ${detail}`);
const fieldOf = (path: string): string => (path === '' ? ROOT : path);

export const required = (path: string, detail = ''): FieldError => ({ reason: 'FieldValueRequired', field: fieldOf(path), message: withDetail('Required value', detail) });
export const invalid = (path: string, value: unknown, detail: string): FieldError => ({ reason: 'FieldValueInvalid', field: fieldOf(path), message: withDetail(`Invalid value: ${shown(value)}`, detail) });
export const typeInvalid = (path: string, value: unknown, detail: string): FieldError => ({ ...invalid(path, value, detail), reason: 'FieldValueTypeInvalid' });
export const notSupported = (path: string, value: unknown, supported: readonly unknown[]): FieldError => ({
  reason: 'FieldValueNotSupported', field: fieldOf(path),
  message: `Unsupported value: ${shown(value)}: supported values: ${supported.map((each) => JSON.stringify(typeof each === 'string' ? each : JSON.stringify(each))).join(', ')}`,
});
export const tooLong = (path: string, max: number): FieldError => ({ reason: 'FieldValueTooLong', field: fieldOf(path), message: `Too long: may not be more than ${max} ${max === 1 ? 'byte' : 'bytes'}` });
export const tooMany = (path: string, actual: number, max: number): FieldError => ({ reason: 'FieldValueTooMany', field: fieldOf(path), message: `Too many: ${actual}: must have at most ${max} ${max === 1 ? 'item' : 'items'}` });
export const duplicate = (path: string, value: unknown): FieldError => ({ reason: 'FieldValueDuplicate', field: fieldOf(path), message: `Duplicate value: ${shown(value)}` });
export const forbidden = (path: string, detail: string): FieldError => ({ reason: 'FieldValueForbidden', field: fieldOf(path), message: withDetail('Forbidden', detail) });

/** One sentence for all errors: `spec.url: Required value`, or several in brackets. */
export function summary(errors: readonly FieldError[]): string {
  const lines = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  return lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
}

export const causesOf = (errors: readonly FieldError[]): StatusCause[] => errors.map(({ reason, field, message }) => ({ reason, field, message }));

/** `Host.restic-manager.io "web1" is invalid: spec.url: Required value`. */
export function invalidObject(kind: string, group: string, name: string, errors: readonly FieldError[]): Invalid {
  return new Invalid(`${group === '' ? kind : `${kind}.${group}`} ${JSON.stringify(name)} is invalid: ${summary(errors)}`, { causes: causesOf(errors) });
}

/** An Invalid about something else than the object of the path: another kind in the body, or the options of the request. */
export class InvalidAs extends Invalid {
  readonly about: { kind: string; group: string; name: string };
  constructor(about: { kind: string; group: string; name: string }, errors: readonly FieldError[]) {
    super(`${about.group === '' ? about.kind : `${about.kind}.${about.group}`} ${JSON.stringify(about.name)} is invalid: ${summary(errors)}`, { causes: causesOf(errors) });
    this.about = about;
  }
}

/** Bad request options, e.g. `ListOptions.meta.k8s.io "" is invalid: ...`. @param kind e.g. ListOptions */
export const invalidOptions = (kind: string, ...errors: FieldError[]): InvalidAs => new InvalidAs({ kind, group: 'meta.k8s.io', name: '' }, errors);

/**
 * The object could not even be read as its kind: unknown or duplicate fields under Strict, metadata or core fields of the
 * wrong type. The API server answers 400 BadRequest to these, 422 to every other Invalid.
 */
export class Undecodable extends Invalid {}

/** `Host in version "v1alpha1" cannot be handled as a Host: strict decoding error: unknown field "spec.foo"`. */
export function undecodable(kind: string, version: string, why: string): Undecodable {
  return new Undecodable(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
}

/** All strict problems in one sentence. @param problems e.g. `unknown field "spec.foo"` */
export function strictDecoding(kind: string, version: string, problems: readonly string[]): Undecodable {
  return undecodable(kind, version, `strict decoding error: ${problems.join(', ')}`);
}
