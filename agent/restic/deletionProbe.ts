/** Can the credential delete? Asked without touching anything of the repository (E34). */
import type { Restic } from './restic.js';

export type DeletionProtection = 'Enforced' | 'NotEnforced' | 'Unknown';

/**
 * Give it a Restic with the everyday credential (no `admin`). Never throws: what cannot be told is Unknown, and a job that
 * deleted or was refused (AppendOnly) tells more than this.
 */
export async function probeDeletion(_restic: Restic, _signal: AbortSignal): Promise<DeletionProtection> {
  return 'Unknown';
}
