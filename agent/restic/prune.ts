/** `restic prune`: gives the space of forgotten snapshots back. */
import { ResticError } from './exitCodes.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface PruneOptions extends CommandIo {
  dryRun?: boolean;
}

/**
 * Succeeded/Completed with summary.bytesFreed (what was, or with dryRun would be, freed).
 * @throws ResticError AppendOnly (the storage refuses to delete), RepositoryLocked, RepositoryFull, RepositoryDamaged, ...; ResticAborted
 */
export async function prune(_restic: Restic, _options: PruneOptions): Promise<CommandOutcome> {
  throw new ResticError('Unsupported', 'not yet');
}
