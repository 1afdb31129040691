/** Progress of running jobs by job name. Not part of the objects: it comes over the live bus and is gone when the job ends. */
import { defineStore } from 'pinia';
import { reactive } from 'vue';
import type { JobProgress } from '#crds/wire/agentProtocol.gen.js';
import { useLive } from './live.js';

export const useProgress = defineStore('progress', () => {
  const byJob = reactive(new Map<string, JobProgress>());
  useLive().channel().progress((job, progress) => { byJob.set(job, progress as JobProgress); });
  return { byJob };
});
