/** `restic check`: its errors are counted and quoted; a repository that cannot even be read is damaged. */
import type { Progress } from './backup.js';
import { ResticError } from './exitCodes.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface CheckOptions extends CommandIo {
  /** How much of the data is read, 0 to 100; 0 or absent: structure only. */
  readDataSubsetPercent?: number;
  onProgress(progress: Progress): void;
}

/**
 * Outcomes: Succeeded/Completed; Failed/CheckFoundErrors (summary.errorsFound, restic's words in the message); Failed/RepositoryDamaged.
 * @throws ResticError RepositoryLocked, NoRepository, ...; ResticAborted
 */
export async function check(_restic: Restic, _options: CheckOptions): Promise<CommandOutcome> {
  throw new ResticError('Unsupported', 'not yet');
}
