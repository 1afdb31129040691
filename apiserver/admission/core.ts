/** What Secret, Event and Lease need besides their schema: folding, immutability, a few bounds. Wording as in kube-apiserver. */
import type { Event, Lease, Secret } from '#crds/kinds.js';
import { entry, forbidden, invalid, required, tooLong } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { put, sameJson } from './schemaWalk.js';

const MAX_SECRET_SIZE = 1024 * 1024;
const SECRET_KEY = /^[-._a-zA-Z0-9]+$/;

/** stringData wins over data and is never stored; a null value is an empty one. Changes `secret` in place. */
export function foldSecret(secret: Secret): void {
  const data: Record<string, string> = {};
  for (const [key, value] of Object.entries(secret.data ?? {}) as [string, string | null][]) put(data, key, value ?? '');
  for (const [key, value] of Object.entries(secret.stringData ?? {})) put(data, key, Buffer.from(value, 'utf8').toString('base64'));
  const given = secret.data !== undefined || secret.stringData !== undefined;
  delete secret.stringData;
  delete secret.data;
  if (given && Object.keys(data).length > 0) secret.data = data;
  if (secret.type === undefined || secret.type === '') secret.type = 'Opaque';
}

export function checkSecret(secret: Secret, old: Secret | undefined, errors: FieldError[]): void {
  let size = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    if (!SECRET_KEY.test(key)) errors.push(invalid(entry('data', key), key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"));
    if (key.length > 253) errors.push(invalid(entry('data', key), key, 'must be no more than 253 characters'));
    size += Buffer.byteLength(value, 'base64');
  }
  if (size > MAX_SECRET_SIZE) errors.push(tooLong('data', MAX_SECRET_SIZE));
  checkSecretType(secret, errors);
  if (!old) return;
  if (secret.type !== (old.type ?? 'Opaque')) errors.push(invalid('type', secret.type, 'field is immutable'));
  if (old.immutable !== true) return;
  if (secret.immutable !== true) errors.push(forbidden('immutable', 'field is immutable when `immutable` is set'));
  if (!sameJson(secret.data ?? {}, old.data ?? {})) errors.push(forbidden('data', 'field is immutable when `immutable` is set'));
}

/** Keys that the well-known types need. Source: kubernetes/pkg/apis/core/validation, ValidateSecret. */
function checkSecretType({ type, data = {}, metadata }: Secret, errors: FieldError[]): void {
  const need = (...keys: string[]): void => { for (const key of keys) errors.push(required(entry('data', key))); };
  const missing = (key: string): boolean => !Object.hasOwn(data, key);
  switch (type) {
    case 'kubernetes.io/tls': need(...['tls.crt', 'tls.key'].filter(missing)); break;
    case 'kubernetes.io/basic-auth': if (missing('username') && missing('password')) need('username', 'password'); break;
    case 'kubernetes.io/ssh-auth': if (!data['ssh-privatekey']) need('ssh-privatekey'); break;
    case 'kubernetes.io/dockercfg': checkJson('.dockercfg'); break;
    case 'kubernetes.io/dockerconfigjson': checkJson('.dockerconfigjson'); break;
    case 'kubernetes.io/service-account-token': if (!metadata.annotations?.['kubernetes.io/service-account.name']) errors.push(required(entry('metadata.annotations', 'kubernetes.io/service-account.name'))); break;
  }
  function checkJson(key: string): void {
    if (missing(key)) { need(key); return; }
    try {
      JSON.parse(Buffer.from(data[key] ?? '', 'base64').toString('utf8'));
    } catch {
      errors.push(invalid(entry('data', key), '<secret contents redacted>', 'is not JSON'));
    }
  }
}

export function checkEvent(event: Event, errors: FieldError[]): void {
  const about = event.involvedObject.namespace ?? '';
  if (about !== (event.metadata.namespace ?? 'default')) errors.push(invalid('involvedObject.namespace', about, 'does not match event.namespace'));
}

export function checkLease(lease: Lease, errors: FieldError[]): void {
  const spec = (lease as { spec?: Lease['spec'] }).spec ?? {};
  if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) errors.push(invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
  if (spec.leaseTransitions !== undefined && spec.leaseTransitions < 0) errors.push(invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
  if (spec.holderIdentity === '') errors.push(invalid('spec.holderIdentity', '', 'must not be empty'));
}
