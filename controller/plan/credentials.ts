/**
 * What a repository's Secret may hold and how it is read. Variables are on an exact allow-list: those that carry a value,
 * never one that names a program or a file; what back ends read from files has keys of its own. Sources: restic manual, "Preparing a new repository"; 20-resources.
 */
import { createHmac } from 'node:crypto';
import { SECRET_USE_LABEL, type Repository, type Secret, type SecretUse } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { AdminCredentials } from '#crds/wire/agentProtocol.gen.js';
import { canonicalJson } from '#crds/wire/frames.js';
import type { ReadyReason } from '#crds/conditions.js';
import type { Cache } from '../runtime/types.js';

const variables = new Set([
  'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_REGION', 'AWS_REGION',
  'B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY',
  'AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY', 'AZURE_ACCOUNT_SAS', 'AZURE_ENDPOINT_SUFFIX',
  'GOOGLE_PROJECT_ID', 'GOOGLE_ACCESS_TOKEN',
  'OS_AUTH_URL', 'OS_REGION_NAME', 'OS_USERNAME', 'OS_PASSWORD', 'OS_TENANT_ID', 'OS_TENANT_NAME', 'OS_USER_ID', 'OS_USER_DOMAIN_NAME', 'OS_USER_DOMAIN_ID',
  'OS_PROJECT_NAME', 'OS_PROJECT_DOMAIN_NAME', 'OS_PROJECT_DOMAIN_ID', 'OS_TRUST_ID', 'OS_APPLICATION_CREDENTIAL_ID', 'OS_APPLICATION_CREDENTIAL_NAME',
  'OS_APPLICATION_CREDENTIAL_SECRET', 'OS_STORAGE_URL', 'OS_AUTH_TOKEN',
  'ST_AUTH', 'ST_USER', 'ST_KEY',
  'RESTIC_REST_USERNAME', 'RESTIC_REST_PASSWORD',
]);

/** Keys that become 0600 files for the run, their content as it is: keys end with a line feed. */
const fileKeys = new Set(['ssh-key', 'known_hosts', 'gcs.json', 'ca.pem']);
/** Characters the wire takes. */
const MAX_FILE = 65_536;
const MAX_VALUE: Record<string, number> = { password: 4096, username: 1024 };
const MAX_VARIABLE = 8192;

export interface Credentials {
  password: string;
  username?: string;
  env: Record<string, string>;
  /** By key; absent when there are none. */
  files?: Record<string, string>;
}

/** What is wrong with a Secret of credentials; the reasons of conditions are made of it. */
export type SecretProblem = 'NotFound' | 'NotLabelled' | 'Incomplete' | 'VariableRefused';
export type SecretResult<Reason extends string> =
  | { ok: true; credentials: Credentials; secret: Stored<Secret> }
  | { ok: false; reason: Reason; message: string };
export type CredentialsResult = SecretResult<Extract<ReadyReason, `Secret${SecretProblem}`>>;

/** Reads the Secret a Repository names for everyday use. Messages name Secret and key, never a value. */
export function resolveCredentials(repository: Pick<Repository, 'spec'>, input: CredentialsInput): CredentialsResult {
  const read = readCredentials(repository.spec.credentialsSecretRef.name, { use: 'repository', field: 'spec.credentialsSecretRef' }, input);
  return read.ok ? read : { ...read, reason: `Secret${read.reason}` as const };
}

export interface CredentialsInput { cache: Cache; namespace: string }

/** Reads one Secret of credentials. `field` is where it is named. */
export function readCredentials(name: string, { use, field }: { use: SecretUse; field: string }, { cache, namespace }: CredentialsInput): SecretResult<SecretProblem> {
  const at = `Secret ${namespace}/${name}`;
  const secret = cache.get('Secret', { namespace, name });
  if (!secret) return { ok: false, reason: 'NotFound', message: `${at} (${field}) does not exist` };
  if (secret.metadata.labels?.[SECRET_USE_LABEL] !== use) return { ok: false, reason: 'NotLabelled', message: `${at} lacks the label ${SECRET_USE_LABEL}=${use}` };
  const credentials: Credentials = { password: '', env: {} };
  const refused = (key: string, why: string): SecretResult<SecretProblem> => ({ ok: false, reason: 'VariableRefused', message: `key ${key} of ${at} ${why}` });
  for (const [key, encoded] of Object.entries(secret.data ?? {})) {
    const text = textOf(encoded);
    if (text === undefined) return refused(key, 'is not UTF-8 text');
    if (fileKeys.has(key)) {
      if (text.length > MAX_FILE) return refused(key, `is longer than ${MAX_FILE} characters`);
      credentials.files = { ...credentials.files, [key]: text };
      continue;
    }
    const value = text.replace(/\r?\n$/, '');
    if (value.includes('\n')) return refused(key, 'holds more than one line');
    if (value.length > (MAX_VALUE[key] ?? MAX_VARIABLE)) return refused(key, `is longer than ${MAX_VALUE[key] ?? MAX_VARIABLE} characters`);
    if (key === 'password') credentials.password = value;
    else if (key === 'username') { if (value !== '') credentials.username = value; }
    else if (variables.has(key)) credentials.env[key] = value;
    else return refused(key, `is not one a repository may use: password, username, ${[...fileKeys].join(', ')} or a back-end variable that carries a value`);
  }
  if (credentials.password === '') return { ok: false, reason: 'Incomplete', message: `${at} has no key password` };
  return { ok: true, credentials, secret };
}

/** The text of a value of Secret.data, or undefined when it is not text. */
export function textOf(encoded: string): string | undefined {
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.toString('utf8');
  return text.includes('\0') || !Buffer.from(text, 'utf8').equals(bytes) ? undefined : text;
}

/** Credentials in the shape of the wire: what is empty is left out. */
export function wireCredentials({ password, username, env, files }: Credentials): AdminCredentials {
  return {
    ...(username === undefined ? {} : { username }),
    password,
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(files ? { files } : {}),
  };
}

/** HMAC-SHA256 hex of everything that opening depends on (url, credentials, options, the format to make): tells whether it changed, and nothing else. */
export function credentialsHash(repository: Pick<Repository, 'spec'>, credentials: Credentials, planKey: Uint8Array): string {
  const { url, options, formatVersion } = repository.spec;
  return createHmac('sha256', planKey).update(canonicalJson({ url, credentials, options: options && Object.keys(options).length > 0 ? options : undefined, formatVersion })).digest('hex');
}
