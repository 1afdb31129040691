/** A row of the rule table: one change to a good object, and what admission says to it. */
import { Invalid } from '#crds/objectStore.js';
import type { Admission } from '#apiserver/admission/types.js';
import { goodObject } from './objects.js';
import type { CrdKind, Loose } from './objects.js';

export interface Row {
  /** What the rule is for, when the field does not say it. */
  why?: string;
  /** Which write: of a new object, over the good one, or of its status. */
  on: 'create' | 'update' | 'status';
  /** Dotted path -> new value; `gone` removes. */
  change: Record<string, unknown>;
  /** The same for the stored object an update meets. */
  stored?: Record<string, unknown>;
  /** `spec.url: Required value`, or `accepted`. Of several errors one must be this. */
  says: string;
}

export const gone = Symbol('gone');
/** `count` times x: for bounds of length. */
export const x = (count: number): string => 'x'.repeat(count);
/** A list of different texts. */
export const many = (count: number, make: (index: number) => unknown = (index) => `a${index}`): unknown[] => Array.from({ length: count }, (_, index) => make(index));
/** A map of different keys. */
export const entries = (count: number): Record<string, string> => Object.fromEntries(many(count).map((key) => [String(key), 'v']));

export function changed(object: Loose, change: Record<string, unknown>): Loose {
  for (const [path, value] of Object.entries(change)) {
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    let target = object;
    for (const step of steps) target = (target[step] ??= {}) as Loose;
    if (value === gone) Reflect.deleteProperty(target, last);
    else target[last] = structuredClone(value);
  }
  return object;
}

/** Every line admission says to a row; `accepted` when it says nothing. */
export function verdict(admission: Admission, kind: CrdKind, { on, change, stored = {} }: Row): string[] {
  const object = changed(goodObject(kind), change);
  const old = on === 'create' ? undefined : changed(goodObject(kind), stored);
  try {
    admission.admit({
      kind, operation: on, object: object as never, ...(old ? { old: old as never } : {}), fieldValidation: 'Strict',
      writer: { principal: { name: 'alice', role: 'admin' }, door: 'resources', fieldManager: 'test' },
    });
    return ['accepted'];
  } catch (error) {
    if (!(error instanceof Invalid) || error.causes.length === 0) throw error;
    return error.causes.map(({ field, message }) => `${field ?? ''}: ${message}`).filter((line) => !line.includes('some validation rules were not checked'));
  }
}

export interface FieldRules {
  required?: true;
  enum?: string[];
  maxLength?: number;
  /** The empty text is refused. */
  notEmpty?: true;
  /** More than one letter: the empty text is refused. */
  minLength?: number;
  pattern?: string;
  /** A text the pattern refuses; default `-no-`. */
  bad?: string;
  minimum?: number;
  maximum?: number;
  dateTime?: true;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  /** Makes the items of a list that is too long or holds one twice. */
  item?: (index: number) => unknown;
  /** How an item that is there twice is shown; set for lists without duplicates. */
  twice?: string;
}

/**
 * The rows of one field: wrong type, missing, and each bound crossed by one.
 * @param path with list indexes as steps: `spec.includes.0`
 * @param base what makes the good object one that has the field
 */
export function field(path: string, type: string, rules: FieldRules = {}, base: Record<string, unknown> = {}): Row[] {
  const at = path.replace(/\.(\d+)/g, '[$1]');
  const on = path.startsWith('status') ? 'status' : 'create';
  // A status is checked by itself: messages name the field from there on.
  const named = at.replace(/^status\./, '');
  const rows: Row[] = [];
  const row = (value: unknown, message: string, place = at): void => { rows.push({ on, change: { ...base, [path]: value }, says: `${place}: ${message}` }); };
  const item = rules.item ?? ((index: number) => `/a${index}`);
  const [wrong, wrongType] = type === 'string' ? [5, 'integer'] : ['text', 'string'];
  const [expected, found] = rules.dateTime ? ['date-time', 'int64'] : [type, wrongType];
  row(wrong, `Invalid value: "${found}": ${named} in body must be of type ${expected}: "${found}"`);
  if (rules.required) row(gone, 'Required value');
  if (rules.enum) row('Other', `Unsupported value: "Other": supported values: ${rules.enum.map((each) => `"${each}"`).join(', ')}`);
  if (rules.maxLength !== undefined) row(x(rules.maxLength + 1), `Too long: may not be more than ${rules.maxLength} bytes`);
  if (rules.notEmpty) row('', `Invalid value: "": ${named} in body should be at least 1 chars long`);
  if (rules.minLength !== undefined) row('', `Invalid value: "": ${named} in body should be at least ${rules.minLength} chars long`);
  if (rules.pattern !== undefined) row(rules.bad ?? '-no-', `Invalid value: "${rules.bad ?? '-no-'}": ${named} in body should match '${rules.pattern}'`);
  if (rules.dateTime) row('yesterday', `Invalid value: "yesterday": ${named} in body must be of type date-time: "yesterday"`);
  if (rules.minimum !== undefined) row(rules.minimum - 1, `Invalid value: ${rules.minimum - 1}: ${named} in body should be greater than or equal to ${rules.minimum}`);
  if (rules.maximum !== undefined) row(rules.maximum + 1, `Invalid value: ${rules.maximum + 1}: ${named} in body should be less than or equal to ${rules.maximum}`);
  if (rules.minItems !== undefined) row([], `Invalid value: 0: ${named} in body should have at least ${rules.minItems} items`);
  if (rules.maxItems !== undefined) row(many(rules.maxItems + 1, item), `Too many: ${rules.maxItems + 1}: must have at most ${rules.maxItems} items`);
  if (rules.maxProperties !== undefined) row(entries(rules.maxProperties + 1), `Too many: ${rules.maxProperties + 1}: must have at most ${rules.maxProperties} items`);
  if (rules.twice !== undefined) row([item(0), item(0)], `Duplicate value: ${rules.twice}`, `${at}[1]`);
  return rows;
}

/** Fields that are nothing but counts. */
export const integers = (path: string, names: readonly string[], rules: FieldRules = {}): Row[] => names.flatMap((name) => field(`${path}.${name}`, 'integer', rules));

/** The pattern of names that become objects' names. */
export const LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
/** Of a Secret. */
export const SECRET_NAME = '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$';
export const CRON = '^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$';
export const TIME_ZONE = '^[A-Za-z][A-Za-z0-9_+/-]*$';
export const SNAPSHOT = '^[0-9a-f]+$';
export const ABSOLUTE = '^(/|[A-Za-z]:[\\\\/])';
