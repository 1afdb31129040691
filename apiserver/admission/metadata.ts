/**
 * The metadata every kind shares: types, names, labels, annotations, finalizers, owners. Wording and bounds as in
 * k8s.io/apimachinery/pkg/api/validation/objectmeta.go and pkg/util/validation.
 */
import type { StructuralSchema } from '#crds/crd.js';
import type { ObjectMeta } from '#crds/meta.js';
import { child, forbidden, invalid, required, tooLong } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';

const text: StructuralSchema = { type: 'string' };
const time: StructuralSchema = { type: 'string', format: 'date-time', nullable: true };
const texts: StructuralSchema = { type: 'object', additionalProperties: text };

/** metav1.ObjectMeta as a structural schema: prunes and types it, and is shown by `kubectl explain`. */
export const metadataSchema: StructuralSchema = {
  type: 'object',
  description: "Standard object's metadata.",
  properties: {
    name: text, generateName: text, namespace: text, selfLink: text, uid: text, resourceVersion: text,
    generation: { type: 'integer', format: 'int64' },
    creationTimestamp: time, deletionTimestamp: time,
    deletionGracePeriodSeconds: { type: 'integer', format: 'int64' },
    labels: texts, annotations: texts,
    finalizers: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
    ownerReferences: {
      type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['uid'],
      items: { type: 'object', properties: { apiVersion: text, kind: text, name: text, uid: text, controller: { type: 'boolean' }, blockOwnerDeletion: { type: 'boolean' } } },
    },
    managedFields: {
      type: 'array', 'x-kubernetes-list-type': 'atomic',
      items: { type: 'object', properties: { manager: text, operation: text, apiVersion: text, time, fieldsType: text, subresource: text, fieldsV1: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } },
    },
  },
};

const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_ANNOTATIONS = 256 * 1024;
const SUBDOMAIN_WORDS = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_WORDS = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_WORDS = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** Appends every problem. @param old the stored metadata on update */
export function checkMetadata(meta: ObjectMeta, old: ObjectMeta | undefined, errors: FieldError[]): void {
  if (meta.generateName) for (const why of subdomainProblems(meta.generateName.replace(/-$/, ''))) errors.push(invalid('metadata.generateName', meta.generateName, why));
  if (!meta.name) errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const why of subdomainProblems(meta.name)) errors.push(invalid('metadata.name', meta.name, why));
  for (const [key, value] of Object.entries(meta.labels ?? {})) {
    for (const why of qualifiedNameProblems(key)) errors.push(invalid('metadata.labels', key, why));
    for (const why of labelValueProblems(value)) errors.push(invalid('metadata.labels', value, why));
  }
  checkAnnotations(meta.annotations ?? {}, errors);
  checkOwners(meta, errors);
  for (const finalizer of meta.finalizers ?? []) {
    for (const why of qualifiedNameProblems(finalizer)) errors.push(invalid('metadata.finalizers', finalizer, why));
  }
  if (old?.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((each) => !(old.finalizers ?? []).includes(each));
    if (added.length > 0) errors.push(forbidden('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => JSON.stringify(each)).join(', ')}}`));
  }
}

function checkAnnotations(annotations: Record<string, string>, errors: FieldError[]): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    for (const why of qualifiedNameProblems(key.toLowerCase())) errors.push(invalid('metadata.annotations', key, why));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > MAX_ANNOTATIONS) errors.push(tooLong('metadata.annotations', MAX_ANNOTATIONS));
}

function checkOwners(meta: ObjectMeta, errors: FieldError[]): void {
  const at = 'metadata.ownerReferences';
  let controller: string | undefined;
  for (const owner of meta.ownerReferences ?? []) {
    for (const key of ['apiVersion', 'kind', 'name', 'uid'] as const) if (!owner[key]) errors.push(invalid(child(at, key), owner[key] ?? '', `${key === 'apiVersion' ? 'version ' : ''}must not be empty`));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') errors.push(invalid(at, owner, '/v1, Kind=Event is disallowed from being an owner'));
    if (!owner.controller) continue;
    const text = `${owner.kind}/${owner.name}`;
    if (controller !== undefined) errors.push(invalid(at, meta.ownerReferences, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${text}`));
    controller ??= text;
  }
}

export function subdomainProblems(name: string): string[] {
  const problems = name.length > 253 ? ['must be no more than 253 characters'] : [];
  return SUBDOMAIN.test(name) ? problems : [...problems, SUBDOMAIN_WORDS];
}

/** `[prefix/]name`, the form of label keys, annotation keys and finalizers. */
export function qualifiedNameProblems(key: string): string[] {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const problems: string[] = [];
  if (parts.length > 1) return [`a qualified name must ${QUALIFIED_WORDS.slice('name part must '.length)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  if (parts.length === 1) problems.push(...(parts[0] === '' ? ['prefix part must be non-empty'] : subdomainProblems(parts[0] ?? '').map((why) => `prefix part ${why}`)));
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push('name part must be no more than 63 characters');
  if (!QUALIFIED.test(name)) problems.push(QUALIFIED_WORDS);
  return problems;
}

export function labelValueProblems(value: string): string[] {
  const problems = value.length > 63 ? ['must be no more than 63 characters'] : [];
  return LABEL_VALUE.test(value) ? problems : [...problems, LABEL_WORDS];
}
