import { ResticError } from '../../restic/exitCodes.js';
import type { Restic } from '../../restic/restic.js';
import { restore } from '../../restic/restore.js';
import type { Operation, Outcome } from './operation.js';

/** Restores a snapshot, or paths of it, of this host's repository or of another one. */
export async function runRestore(op: Operation, restic: Restic): Promise<Outcome> {
  const { restore: args } = op.args;
  if (!args) throw new ResticError('Unsupported', 'the server named no snapshot to restore; it is older than this agent, update it');
  return restore(restic, { mayWrite: async (target) => op.policy.requireRestore(args, target), args, job: op.identity.job, dryRun: op.args.dryRun, onLine: op.onLine, onProgress: op.onProgress, signal: op.signal });
}
