/**
 * Since when a schedule is in force: nothing before that moment is ever due. The last change of schedule, timeZone or
 * suspend is not stored, so it is read from metadata.managedFields: the latest time of an entry that owns one of the three.
 * Such a time also moves with another field of the same manager, which errs on the safe side (a missed run less, never a
 * surprising one). Without managedFields it is the creation. A host that is newer than the schedule begins at its own creation.
 */
import type { Host, Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
export declare function effectiveSince(schedule: Stored<Schedule>, host: Stored<Host>): string;
