import { forget } from '../../restic/forget.js';
import { ForgetLedger } from '../../restic/forgetLedger.js';
import { ResticError } from '../../restic/exitCodes.js';
import type { Restic } from '../../restic/restic.js';
import { whileLearning } from './deletion.js';
import type { Operation, Outcome, Setting } from './operation.js';

/** Removes what a person named or the policies do not keep, behind the guard. */
export async function runForget(op: Operation, { repository }: Setting, restic: Restic): Promise<Outcome> {
  if (!op.args.forget) throw new ResticError('Unsupported', 'the server sent no policies and no snapshots with this forget; it is older than this agent, update it');
  const { now, clockSkewMs } = op.unlockFacts();
  const args = op.args.forget;
  const ledger = await ForgetLedger.open(op.stateDir, repository.id ?? '');
  return whileLearning(op, repository, async () => forget(restic, { args, ledger, dryRun: op.args.dryRun, now, clockSkewMs, onLine: op.onLine, signal: op.signal }));
}
