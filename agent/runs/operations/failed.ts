/** How a job is told that did not get to an end of its own: stopped, refused by restic, or failed by us. */
import { messageOf } from '../../log.js';
import { ResticError } from '../../restic/exitCodes.js';
import { ResticAborted, type Restic } from '../../restic/restic.js';
import { unlock } from '../../restic/unlock.js';
import type { Operation, Outcome, StopReason } from './operation.js';

export async function failed(op: Operation, restic: Restic | undefined, error: unknown): Promise<Outcome> {
  if (op.signal.aborted || error instanceof ResticAborted) {
    const exitCode = error instanceof ResticAborted ? error.exitCode : undefined;
    const lock = error instanceof ResticAborted && error.killed && !error.slept;
    if (lock && restic) await clearOwnLock(op, restic);
    // 0.14 may leave its lock even when it stops by itself; looking takes seconds, and a cancel is told at once
    const after = error instanceof ResticAborted && !lock && restic?.repository.id !== undefined ? async (): Promise<void> => { await unlock(restic, op.unlockFacts()); } : undefined;
    return { ...stopped(op.stopReason(), op.activeDeadlineSeconds), exitCode, after };
  }
  if (error instanceof ResticError) return { phase: 'Failed', reason: error.reason, message: error.message.slice(0, 4096), exitCode: error.exitCode, after: error.reason === 'ResticKilled' && restic ? async () => clearOwnLock(op, restic) : undefined };
  return { phase: 'Failed', reason: 'InternalError', message: `the agent failed: ${messageOf(error)}`.slice(0, 4096) };
}

/** @param deadline activeDeadlineSeconds, where it is known */
export function stopped(reason: StopReason, deadline?: number): Outcome {
  switch (reason) {
    case 'Cancelled': return { phase: 'Cancelled', reason, message: 'cancelled' };
    case 'DeadlineExceeded': return { phase: 'Failed', reason, message: `stopped: it ran longer than activeDeadlineSeconds${deadline === undefined ? '' : ` (${deadline})`}` };
    case 'Stuck': return { phase: 'Failed', reason, message: 'stopped: for an hour it printed nothing new, made no progress and used no processor time; look for a mount, a disk or a network that hangs' };
    case 'Interrupted': return { phase: 'Failed', reason, message: 'the agent was stopped during the run; a scheduled backup is caught up once' };
  }
}

/** A restic that was killed leaves its lock. Failing to remove it is no news about the run: the next one tries again. */
async function clearOwnLock(op: Operation, restic: Restic): Promise<void> {
  if (restic.repository.id === undefined) return; // what is being made has no locks yet
  try {
    const { decision } = await unlock(restic, op.unlockFacts());
    if (decision.act === 'unlock') op.onLine('agent', 'removed the lock that the killed restic left');
  } catch (error) {
    op.onLine('agent', `the lock that the killed restic left could not be removed: ${messageOf(error)}`);
  }
}
