/** Secrets of credentials as /api reads and writes them: values go in, only names and the user come out (R7). */
import { newObject, SECRET_USE_LABEL, type Secret } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { Cache } from '#controller/runtime/types.js';
import type { Objects } from './objects.js';

export interface Redacted { username: string | null; has_password: boolean; variables: string[] }

export function redacted(secret: Stored<Secret> | undefined): Redacted {
  const { username, password, ...rest } = secret?.data ?? {};
  return { username: username === undefined ? null : Buffer.from(username, 'base64').toString('utf8'), has_password: password !== undefined && password !== '', variables: Object.keys(rest).sort() };
}

export function secretOf(namespace: string, name: string | undefined, cache: Cache): Stored<Secret> | undefined {
  return name === undefined ? undefined : cache.get('Secret', { namespace, name });
}

/** Writes some keys of a Secret, made when it is not there; the others stay. */
export async function writeSecret(name: string, use: 'repository' | 'repository-admin', values: Record<string, string>, namespace: string, objects: Objects): Promise<void> {
  const known = secretOf(namespace, name, objects.cache);
  if (!known) { await objects.create('Secret', newObject('Secret', { name, labels: { [SECRET_USE_LABEL]: use } }, { type: 'Opaque', stringData: values })); return; }
  await objects.edit('Secret', keyOf(known), (secret) => ({
    ...secret, metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, [SECRET_USE_LABEL]: use } },
    data: { ...secret.data, ...Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')])) },
  }));
}

/** What a person typed; blank is nothing (E18). */
export const typed = (text: string | null | undefined): string | undefined => (text === undefined || text === null || text === '' ? undefined : text);
