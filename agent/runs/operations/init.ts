import { init } from '../../restic/init.js';
import type { Restic } from '../../restic/restic.js';
import type { Operation, Outcome } from './operation.js';

/** Opens the repository, and creates it only while it never had an id. */
export async function runInit(op: Operation, restic: Restic): Promise<Outcome> {
  const opened = await init(restic, op.onLine, op.signal);
  const how = opened.created ? `created repository ${opened.id.slice(0, 10)} at ${restic.address}` : `opened repository ${opened.id.slice(0, 10)} at ${restic.address}`;
  op.onLine('agent', how);
  return { phase: 'Succeeded', reason: opened.created ? 'Initialized' : 'Opened', message: how, exitCode: 0, repositoryID: opened.id };
}
