/**
 * Since when a schedule is in force: nothing before that moment is ever due. The last change of schedule, timeZone or
 * suspend is not stored, so it is read from metadata.managedFields: the latest time of an entry that owns one of the three.
 * Such a time also moves with another field of the same manager, which errs on the safe side (a missed run less, never a
 * surprising one). Without managedFields it is the creation. A host that is newer than the schedule begins at its own creation.
 */
import type { Host, Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { parseTime, timestamp } from '../runtime/time.js';

const fields = ['f:schedule', 'f:timeZone', 'f:suspend'];

export function effectiveSince(schedule: Stored<Schedule>, host: Stored<Host>): string {
  return timestamp(Math.max(changedAt(schedule), parseTime(host.metadata.creationTimestamp) ?? 0));
}

/** When schedule, timeZone or suspend last changed, as far as it can be told; epoch ms. */
export function changedAt(schedule: Stored<Schedule>): number {
  return changedSince(schedule, ['f:spec'], fields);
}

/** When one of the fields under a path of the spec last changed, as far as managedFields tell, else the creation; epoch ms. */
export function changedSince({ metadata }: { metadata: Stored<Schedule>['metadata'] }, path: readonly string[], names: readonly string[]): number {
  let since = parseTime(metadata.creationTimestamp) ?? 0;
  for (const entry of metadata.managedFields ?? []) {
    let at: unknown = entry.subresource ? undefined : entry.fieldsV1;
    for (const step of path) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[step] : undefined;
    if (typeof at !== 'object' || at === null || !names.some((name) => Object.hasOwn(at, name))) continue;
    since = Math.max(since, parseTime(entry.time) ?? 0);
  }
  return since;
}
