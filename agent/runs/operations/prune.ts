import { prune } from '../../restic/prune.js';
import type { Restic } from '../../restic/restic.js';
import { whileLearning } from './deletion.js';
import type { Operation, Outcome, Setting } from './operation.js';

/** Gives the space of forgotten snapshots back. */
export async function runPrune(op: Operation, { repository }: Setting, restic: Restic): Promise<Outcome> {
  return whileLearning(op, repository, async () => prune(restic, { dryRun: op.args.dryRun, onLine: op.onLine, signal: op.signal }));
}
