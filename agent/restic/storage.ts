/**
 * A repository's storage past restic, for the questions that restic does not answer: a directory, or a rest-server, asked with
 * the account of the repository. Of any other storage nothing can be told.
 */
import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Restic } from './restic.js';

/** The directory of this host that is the repository. */
export function directoryOf({ url }: { url: string }): string | undefined {
  const path = url.startsWith('local:') ? url.slice('local:'.length) : url;
  return isAbsolute(path) ? path : undefined;
}

/** Asks a rest-server for something of the repository; undefined where the storage is none, or has an authority that restic alone knows. */
export function askRestServer({ url, username, password, env, files }: Restic['repository'], path: string, init: { method?: string; headers?: Record<string, string>; signal?: AbortSignal }): Promise<Response> | undefined {
  const rest = /^rest:(https?:\/\/)(?:[^/@]*@)?(.*?)\/*$/s.exec(url);
  if (!rest || files?.['ca.pem'] !== undefined) return undefined;
  const account: Record<string, string> = username === undefined ? {} : { authorization: `Basic ${Buffer.from(`${username}:${env?.['RESTIC_REST_PASSWORD'] ?? password}`).toString('base64')}` };
  return fetch(`${rest[1] ?? ''}${rest[2] ?? ''}/${path}`, { ...init, headers: { ...init.headers, ...account }, redirect: 'error' });
}

/** How many keys lie there, config or not. Undefined: it cannot be told. Never throws. */
export async function keysInStorage({ repository }: Restic, signal?: AbortSignal): Promise<number | undefined> {
  try {
    const directory = directoryOf(repository);
    if (directory !== undefined) return (await readdir(join(directory, 'keys'))).filter((name) => /^[0-9a-f]{64}$/.test(name)).length;
    const reply = await askRestServer(repository, 'keys/', { headers: { accept: 'application/vnd.x.restic.rest.v2' }, signal });
    const list: unknown = reply?.ok ? await reply.json() : undefined;
    return Array.isArray(list) ? list.length : undefined;
  } catch {
    return undefined;
  }
}
