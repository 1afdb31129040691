/**
 * Gets past locks: first without waiting, so that a lock the unlock rule may take costs a second and not the whole wait;
 * then, when somebody works in the repository, waiting as restic can, with a line in the log that says for whom.
 */
import { ResticError } from './exitCodes.js';
import type { Restic } from './restic.js';
import { describeLocks, unlock, type UnlockFacts } from './unlock.js';

export interface LockWaitOptions {
  /** Asked anew each time. */
  facts(): UnlockFacts;
  signal: AbortSignal;
  onLine(stream: 'agent', line: string): void;
}

/**
 * Runs `work` with a Restic that fails at once on a lock, applies the unlock rule, and runs it again with one that waits.
 * @throws ResticError RepositoryLocked, naming who holds it, what to do; whatever `work` throws
 */
export async function pastLocks<T>(restic: Restic, { facts, signal, onLine }: LockWaitOptions, work: (restic: Restic) => Promise<T>): Promise<T> {
  try {
    return await work(restic.with({ waitForLocks: false }));
  } catch (error) {
    if (!isLocked(error)) throw error;
  }
  const now = facts();
  const { decision, left } = await unlock(restic, now, signal);
  if (decision.act === 'unlock') onLine('agent', `removed ${decision.taken.length === 1 ? 'a stale lock' : `${decision.taken.length} stale locks`}: ${describeLocks(decision.taken, now.now)}; trying again`);
  else if (restic.can('retry-lock')) onLine('agent', `waiting for the repository, ${describeLocks(left, now.now) || 'which was locked a moment ago'}`);
  try {
    return await work(restic);
  } catch (error) {
    if (!isLocked(error)) throw error;
    const after = facts();
    const { left: still } = await unlock(restic, after, signal);
    throw new ResticError('RepositoryLocked', `the repository at ${restic.address} is locked, ${describeLocks(still, after.now) || 'by a lock that is gone by now'}; wait for it to end, or remove the lock (a job of type Unlock) when you know that nobody works in it`, error.exitCode);
  }
}

function isLocked(error: unknown): error is ResticError {
  return error instanceof ResticError && error.reason === 'RepositoryLocked';
}
