/** `restic diff`: what changed between two snapshots; the lines go to the job's log, the counts to its summary. */
import { ResticError } from './exitCodes.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

/**
 * `a` and `b` are ids of snapshots, at least 8 digits; a snapshot against itself is refused (E25). Succeeded/Completed with
 * summary filesAdded, filesRemoved, filesChanged, bytesAdded, bytesRemoved.
 * @throws ResticError SnapshotNotFound, ...; ResticAborted
 */
export async function diff(_restic: Restic, _args: { a: string; b: string }, _io: CommandIo): Promise<CommandOutcome> {
  throw new ResticError('Unsupported', 'not yet');
}
