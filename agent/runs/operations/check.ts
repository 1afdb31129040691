import { check } from '../../restic/check.js';
import type { Restic } from '../../restic/restic.js';
import type { Operation, Outcome } from './operation.js';

/** Checks the repository's structure and, where asked for, a part of its data. */
export async function runCheck(op: Operation, restic: Restic): Promise<Outcome> {
  return check(restic, { readDataSubsetPercent: op.args.check?.readDataSubsetPercent, onLine: op.onLine, onProgress: op.onProgress, signal: op.signal });
}
