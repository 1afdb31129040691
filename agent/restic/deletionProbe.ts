/** Can the credential delete? Asked without touching anything of the repository (E34). */
import { randomBytes } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Restic } from './restic.js';

export type DeletionProtection = 'Enforced' | 'NotEnforced' | 'Unknown';

/**
 * Give it a Restic with the everyday credential (no `admin`). Never throws: what cannot be told is Unknown, and a job that
 * deleted or was refused (AppendOnly) tells more than this.
 */
export async function probeDeletion(restic: Restic, signal: AbortSignal): Promise<DeletionProtection> {
  const { url, username, password, env, files } = restic.repository;
  try {
    const path = url.startsWith('local:') ? url.slice('local:'.length) : url;
    // whoever may write into the directory of snapshots may unlink in it
    if (path.startsWith('/')) {
      await access(join(path, 'snapshots'));
      return await access(join(path, 'snapshots'), constants.W_OK).then(() => 'NotEnforced' as const, () => 'Enforced' as const);
    }
    const rest = /^rest:(https?:\/\/)(?:[^/@]*@)?(.*?)\/*$/s.exec(url);
    // an own authority is known to restic alone
    if (!rest || files?.['ca.pem'] !== undefined) return 'Unknown';
    const account: Record<string, string> = username === undefined ? {} : { authorization: `Basic ${Buffer.from(`${username}:${env?.['RESTIC_REST_PASSWORD'] ?? password}`).toString('base64')}` };
    // a file that cannot be there: an append-only server refuses before it looks
    const reply = await fetch(`${rest[1] ?? ''}${rest[2] ?? ''}/data/${randomBytes(32).toString('hex')}`, { method: 'DELETE', headers: account, redirect: 'error', signal });
    await reply.body?.cancel();
    if (reply.status === 403) return 'Enforced';
    return reply.status === 404 || reply.ok ? 'NotEnforced' : 'Unknown';
  } catch {
    return 'Unknown';
  }
}
