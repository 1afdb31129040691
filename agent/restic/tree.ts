/** One directory of a snapshot, sorted by name, a page at a time. Takes no lock. */
import type { TreeListParams, TreeListResult } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from './exitCodes.js';
import type { Restic } from './restic.js';

/**
 * At most 1,000 entries, of those after `after`. Names that are not UTF-8 carry notText.
 * @throws ResticError SnapshotNotFound, PathNotFound (no such directory in the snapshot), PathNotText, ...; ResticAborted
 */
export async function listTree(_restic: Restic, _params: TreeListParams, _signal: AbortSignal): Promise<TreeListResult> {
  throw new ResticError('Unsupported', 'not yet');
}
