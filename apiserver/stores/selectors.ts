/**
 * Label and field selectors as text, in Kubernetes' grammar, compiled once a request into a test.
 * Source: Kubernetes documentation "Labels and Selectors" and "Field Selectors"; wording of errors follows the API server.
 */
import { crds } from '#crds/types/crds.gen.js';
import { resources, type Kind } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { BadRequest } from './errors.js';

export type Matcher = (object: KubeObject) => boolean;
type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** Undefined when both are empty: everything matches. @throws BadRequest naming the part that cannot be read */
export function compileSelectors(kind: Kind, labelSelector: string | undefined, fieldSelector: string | undefined): Matcher | undefined {
  const labels = compileLabels(labelSelector ?? '');
  const fields = compileFields(kind, fieldSelector ?? '');
  if (labels === undefined) return fields;
  const byLabels: Matcher = (object) => labels(object.metadata.labels ?? {});
  if (fields === undefined) return byLabels;
  return (object) => byLabels(object) && fields(object);
}

/** The wanted metadata.name when the selector asks for exactly one, so that a read of one need not look at all. */
export function onlyName(fieldSelector: string | undefined): string | undefined {
  return fieldSelector === undefined ? undefined : /^metadata\.name==?([a-z0-9][-a-z0-9.]*)$/.exec(fieldSelector)?.[1];
}

const KEY = /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

export function compileLabels(text: string): LabelTest | undefined {
  if (text.trim() === '') return undefined;
  const tests = splitRequirements(text).map((part) => labelTest(part.trim(), text));
  return (labels) => tests.every((test) => test(labels));
}

/** Splits at commas outside parentheses. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === ',' && depth === 0) { parts.push(text.slice(start, at)); start = at + 1; }
    if (depth < 0 || depth > 1) throw unreadable(text, `found ')' or '(' where a requirement was expected`);
  }
  if (depth !== 0) throw unreadable(text, `expected: ')'`);
  parts.push(text.slice(start));
  return parts;
}

function labelTest(part: string, whole: string): LabelTest {
  const absent = /^!\s*(\S+)$/.exec(part);
  if (absent?.[1] !== undefined) { const key = checkedKey(absent[1], whole); return (labels) => !Object.hasOwn(labels, key); }

  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set?.[1] !== undefined) {
    const key = checkedKey(set[1], whole);
    const values = new Set((set[3] ?? '').split(',').map((value) => checkedValue(value.trim(), whole)));
    const within: LabelTest = (labels) => Object.hasOwn(labels, key) && values.has(labels[key] ?? '');
    return set[2] === 'in' ? within : (labels) => !within(labels);
  }

  const compare = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*([^\s=!<>]*)$/.exec(part);
  if (compare?.[1] !== undefined) {
    const key = checkedKey(compare[1], whole);
    const value = checkedValue(compare[3] ?? '', whole);
    if (compare[2] === '!=') return (labels) => !Object.hasOwn(labels, key) || labels[key] !== value;
    if (compare[2] === '=' || compare[2] === '==') return (labels) => Object.hasOwn(labels, key) && labels[key] === value;
    if (!/^-?[0-9]+$/.test(value)) throw unreadable(whole, `"${value}": for 'Gt', 'Lt' operators, the value must be an integer`);
    const bound = BigInt(value);
    const greater = compare[2] === '>';
    return (labels) => {
      const own = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return own !== undefined && /^-?[0-9]+$/.test(own) && (greater ? BigInt(own) > bound : BigInt(own) < bound);
    };
  }

  const key = checkedKey(part, whole);
  return (labels) => Object.hasOwn(labels, key);
}

function checkedKey(key: string, whole: string): string {
  if (!KEY.test(key)) throw unreadable(whole, `"${key}" is not a label key`);
  return key;
}

function checkedValue(value: string, whole: string): string {
  if (!VALUE.test(value)) throw unreadable(whole, `"${value}" is not a label value`);
  return value;
}

function unreadable(text: string, why: string): BadRequest {
  return new BadRequest(`unable to parse requirement: label selector "${text}": ${why}`);
}

const eventFields = ['involvedObject.uid', 'involvedObject.name', 'involvedObject.namespace', 'involvedObject.kind', 'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'type'];

/** What a field selector may name, for a kind. */
export function selectableFields(kind: Kind): readonly string[] {
  const common = ['metadata.name', 'metadata.namespace'];
  if (kind === 'Event') return [...common, ...eventFields];
  if (kind === 'Secret') return [...common, 'type'];
  if (kind === 'Lease') return common;
  const version = crds[kind].spec.versions.find(({ name }) => name === resources[kind].version);
  return [...common, ...(version?.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, ''))];
}

export function compileFields(kind: Kind, text: string): Matcher | undefined {
  if (text.trim() === '') return undefined;
  const known = selectableFields(kind);
  const tests = splitFields(text).filter((part) => part !== '').map((part): Matcher => {
    const parts = /^((?:[^=!\\]|\\.)+?)(==|=|!=)(.*)$/s.exec(part);
    const field = parts?.[1];
    if (parts === null || field === undefined) throw new BadRequest(`invalid field selector "${part}"; can't understand it: field=value expected`);
    if (!known.includes(field)) throw new BadRequest(`Unable to find "${resources[kind].plural}" that match field selector "${text}": field label not supported: ${field}`);
    const path = field.split('.');
    const wanted = (parts[3] ?? '').replace(/\\([\\,=])/g, '$1');
    const equal = parts[2] !== '!=';
    return (object) => (valueAt(object, path) === wanted) === equal;
  });
  return tests.length === 0 ? undefined : (object) => tests.every((test) => test(object));
}

function splitFields(text: string): string[] {
  return text.match(/(?:[^,\\]|\\.)+/gs) ?? [];
}

/** An absent field counts as empty, as in Kubernetes. */
function valueAt(object: unknown, path: readonly string[]): string {
  let value = object;
  for (const step of path) value = typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined;
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
