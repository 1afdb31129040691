/** Jobs (ResticJob), live, newest first per host. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import type { ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { isFinished, newestFirst } from '../model/jobs.js';
import { useObjectStream } from './useObjectStream.js';

export const useJobs = defineStore('jobs', () => {
  const { byUid, state, refusal } = useObjectStream('ResticJob');
  const byName = computed(() => new Map([...byUid.value.values()].map((job) => [job.metadata.name, job])));
  const byHost = computed(() => {
    const map = new Map<string, Stored<ResticJob>[]>();
    for (const job of byUid.value.values()) {
      const list = map.get(job.spec.hostRef.name);
      if (list) list.push(job);
      else map.set(job.spec.hostRef.name, [job]);
    }
    for (const list of map.values()) list.sort(newestFirst);
    return map;
  });
  const running = computed(() => [...byUid.value.values()].filter((job) => !isFinished(job)));
  /** By uid or name. */
  function find(id: string): Stored<ResticJob> | undefined {
    return byUid.value.get(id) ?? byName.value.get(id);
  }
  return { byUid, byName, byHost, running, find, state, refusal };
});
