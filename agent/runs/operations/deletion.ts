/** A job with the everyday credential that deleted, or was refused, knows better than any probe whether it may (E34). */
import type { PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from '../../restic/exitCodes.js';
import type { Operation, Outcome } from './operation.js';

export async function whileLearning(op: Operation, repository: PlanRepository, work: () => Promise<Outcome>): Promise<Outcome> {
  const everyday = op.args.adminCredentials === undefined && (repository.adminCredentials ?? 'None') === 'None';
  const learn = (protection: 'Enforced' | 'NotEnforced'): void => { if (everyday && repository.id !== undefined && op.args.dryRun !== true) op.learnedDeletion(repository.id, protection); };
  try {
    const outcome = await work();
    if (outcome.reason === 'AppendOnly') learn('Enforced');
    else if ((outcome.summary?.snapshotsRemoved ?? 0) > 0 || (outcome.phase === 'Succeeded' && (outcome.summary?.bytesFreed ?? 0) > 0)) learn('NotEnforced');
    return outcome;
  } catch (error) {
    if (error instanceof ResticError && error.reason === 'AppendOnly') learn('Enforced');
    throw error;
  }
}
