/**
 * Removes snapshots: exactly those a person named, or what the policies do not keep, as restic itself plans it, behind the
 * guard. Lists again afterwards: only what is gone counts as removed.
 */
import type { ForgetArgs } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from './exitCodes.js';
import type { ForgetLedger } from './forgetLedger.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface ForgetOptions extends CommandIo {
  args: ForgetArgs;
  ledger: ForgetLedger;
  dryRun?: boolean;
  /** Epoch ms, this host's clock. */
  now: number;
  /** This clock minus the server's, ms; undefined when the server was never heard. */
  clockSkewMs: number | undefined;
}

/**
 * Outcomes, all with summary.snapshotsRemoved and snapshotsKept: Succeeded/Completed, Succeeded/NothingRemoved;
 * Failed/ApprovalRequired (forgetPlan), Failed/AppendOnly (none of them went), Failed/ForgetIncomplete (some stayed).
 * @throws ResticError SnapshotNotFound (of snapshotIDs), RepositoryLocked, ...; ResticAborted
 */
export async function forget(_restic: Restic, _options: ForgetOptions): Promise<CommandOutcome> {
  throw new ResticError('Unsupported', 'not yet');
}
