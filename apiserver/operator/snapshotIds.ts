/**
 * Ids of snapshots as people give them, full or short. What the inventory does not know (yet) goes to restic as it is, which
 * tells: somebody who has nothing but an id from restic itself must get at their data.
 */
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { invalid } from './problem.js';
import type { Services } from './services.js';

export interface FoundSnapshot {
  /** Full where it is known. */
  id: string;
  /** restic's host; absent: the inventory does not have it. */
  hostname?: string;
}

/** @throws Problem 422 naming the field when several snapshots begin so */
export function findSnapshot({ records }: Pick<Services, 'records'>, { status, metadata }: Stored<Repository>, id: string, field: string): FoundSnapshot {
  const [only, other] = status?.id === undefined ? [] : records.inventory.find(status.id, id);
  if (only && other) throw invalid(field, `${JSON.stringify(id)} is ambiguous: several snapshots of repository ${metadata.name} begin so; give more digits`);
  return only ? { id: only.id, hostname: only.hostname } : { id };
}

/** @throws Problem 422 when both are one snapshot */
export function snapshotPair(services: Pick<Services, 'records'>, repository: Stored<Repository>, a: string, b: string): { a: string; b: string } {
  const [one, two] = [findSnapshot(services, repository, a, 'a').id, findSnapshot(services, repository, b, 'b').id];
  if (one.startsWith(two) || two.startsWith(one)) throw invalid('b', 'is the same snapshot as a');
  return { a: one, b: two };
}
