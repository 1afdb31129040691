import type { Restic } from '../../restic/restic.js';
import { unlockStale } from '../../restic/unlock.js';
import type { Operation, Outcome } from './operation.js';

/** A person's act: removes what restic itself deems stale, and says which locks stay. */
export async function runUnlock(op: Operation, restic: Restic): Promise<Outcome> {
  return unlockStale(restic, op.unlockFacts().now, { onLine: op.onLine, signal: op.signal });
}
