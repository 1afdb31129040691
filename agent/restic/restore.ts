/** `restic restore` of literal paths, checked afterwards: what was chosen is there, or the job failed. */
import type { RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import type { Progress } from './backup.js';
import { ResticError } from './exitCodes.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface RestoreOptions extends CommandIo {
  args: RestoreArgs;
  /** Name of the ResticJob: the default target is `$HOME/rm-restore/<job>`. */
  job: string;
  dryRun?: boolean;
  onProgress(progress: Progress): void;
}

/**
 * Outcomes, all with targetDirectory: Succeeded/Completed; Failed/PathNotFound, RestoreIncomplete (with skippedFiles).
 * @throws ResticError TargetRefused, PathNotText, SnapshotNotFound, ResticTooOld, RepositoryLocked, DiskFull, ...; ResticAborted
 */
export async function restore(_restic: Restic, _options: RestoreOptions): Promise<CommandOutcome> {
  throw new ResticError('Unsupported', 'not yet');
}
