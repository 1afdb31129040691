/**
 * Label and field selectors as text, in Kubernetes' grammar, compiled once a request into a test.
 * Source: Kubernetes documentation "Labels and Selectors" and "Field Selectors"; wording of errors follows the API server.
 */
import { crds } from '#crds/types/crds.gen.js';
import { resources, type Kind } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { BadRequest } from './errors.js';
import { LabelParser, type LabelTest } from './labelSelectors.js';

export type Matcher = (object: KubeObject) => boolean;

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

export function compileLabels(text: string): LabelTest | undefined {
  const tests = new LabelParser(text).parse();
  return tests.length === 0 ? undefined : (labels) => tests.every((test) => test(labels));
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
    if (parts === null || field === undefined) throw new BadRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    if (!known.includes(field)) throw new BadRequest(`field label not supported: ${field}`);
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
