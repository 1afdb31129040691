/** What "run" means for a host: its one group, else the one schedule that covers all its groups, else there is a choice to make. */
import type { Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';

export type RunChoice =
  | { type: 'group'; group: Stored<SourceGroup> }
  | { type: 'schedule'; schedule: Stored<Schedule> }
  | { type: 'none' }
  | { type: 'choose' };

export function runChoice(groups: readonly Stored<SourceGroup>[], schedules: readonly Stored<Schedule>[]): RunChoice {
  const [only] = groups;
  if (!only) return { type: 'none' };
  if (groups.length === 1) return { type: 'group', group: only };
  const covering = schedules.find((schedule) => {
    const names = new Set(schedule.spec.sourceGroupRefs.map((ref) => ref.name));
    return groups.every((group) => names.has(group.metadata.name));
  });
  return covering ? { type: 'schedule', schedule: covering } : { type: 'choose' };
}
