/** Can the credential delete? Asked without touching anything of the repository (E34). */
import { randomBytes } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Restic } from './restic.js';
import { askRestServer, directoryOf } from './storage.js';

export type DeletionProtection = 'Enforced' | 'NotEnforced' | 'Unknown';

/**
 * Give it a Restic with the everyday credential (no `admin`). Never throws: what cannot be told is Unknown, and a job that
 * deleted or was refused (AppendOnly) tells more than this.
 */
export async function probeDeletion(restic: Restic, signal: AbortSignal): Promise<DeletionProtection> {
  const { repository } = restic;
  try {
    const directory = directoryOf(repository);
    // whoever may write into the directory of snapshots may unlink in it
    if (directory !== undefined) {
      await access(join(directory, 'snapshots'));
      return await access(join(directory, 'snapshots'), constants.W_OK).then(() => 'NotEnforced' as const, () => 'Enforced' as const);
    }
    // a file that cannot be there: an append-only server refuses before it looks
    const reply = await askRestServer(repository, `data/${randomBytes(32).toString('hex')}`, { method: 'DELETE', signal });
    if (!reply) return 'Unknown';
    await reply.body?.cancel();
    if (reply.status === 403) return 'Enforced';
    return reply.status === 404 || reply.ok ? 'NotEnforced' : 'Unknown';
  } catch {
    return 'Unknown';
  }
}
