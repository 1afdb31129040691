/** Schedules, live. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import type { Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { useObjectStream } from './useObjectStream.js';

export const useSchedules = defineStore('schedules', () => {
  const { byUid, state, refusal } = useObjectStream('Schedule');
  const byGroup = computed(() => {
    const map = new Map<string, Stored<Schedule>[]>();
    for (const schedule of byUid.value.values()) {
      for (const { name } of schedule.spec.sourceGroupRefs) {
        const list = map.get(name);
        if (list) list.push(schedule);
        else map.set(name, [schedule]);
      }
    }
    return map;
  });
  /** Schedules that fire at least one of these groups (object names); by name. */
  function ofGroups(groups: ReadonlySet<string>): Stored<Schedule>[] {
    return [...new Set([...groups].flatMap((group) => byGroup.value.get(group) ?? []))].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  }
  return { byUid, ofGroups, state, refusal };
});
