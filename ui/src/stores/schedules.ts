/** Schedules, live. */
import { defineStore } from 'pinia';
import type { Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { useObjectStream } from './useObjectStream.js';

export const useSchedules = defineStore('schedules', () => {
  const { byUid, state, refusal } = useObjectStream('Schedule');
  /** Schedules that fire at least one of these groups (object names); by name. */
  function ofGroups(groups: ReadonlySet<string>): Stored<Schedule>[] {
    return [...byUid.value.values()]
      .filter((schedule) => schedule.spec.sourceGroupRefs.some((ref) => groups.has(ref.name)))
      .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  }
  return { byUid, ofGroups, state, refusal };
});
