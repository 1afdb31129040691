import { diff } from '../../restic/diff.js';
import { ResticError } from '../../restic/exitCodes.js';
import type { Restic } from '../../restic/restic.js';
import type { Operation, Outcome } from './operation.js';

/** What changed between two snapshots. */
export async function runDiff(op: Operation, restic: Restic): Promise<Outcome> {
  if (!op.args.diff) throw new ResticError('Unsupported', 'the server named no snapshots to compare; it is older than this agent, update it');
  return diff(restic, op.args.diff, { onLine: op.onLine, signal: op.signal });
}
