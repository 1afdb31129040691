/** Many jobs that are over, straight into a store: for what must hold with a hundred thousand of them. */
import type { ResticJob } from '#crds/kinds.js';
import type { ObjectStore, Writer } from '#crds/objectStore.js';

const writer: Writer = { principal: { name: 'system:test', role: 'system' }, door: 'controller', fieldManager: 'test' };
const AT_ONCE = 500;

/** @param job what the nth looks like; @param ended epoch ms at which the nth ended */
export async function makeFinishedJobs(store: ObjectStore, count: number, job: (n: number) => ResticJob, ended: (n: number) => number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, async (_, index) => {
      const n = from + index;
      const { metadata } = await store.create('ResticJob', job(n), writer);
      const completionTime = new Date(ended(n)).toISOString();
      await store.patchStatus('ResticJob', { namespace: metadata.namespace, name: metadata.name }, { phase: 'Succeeded', reason: 'Completed', completionTime, observedGeneration: 1, observed: { runID: metadata.uid, phase: 'Succeeded', completionTime } }, writer);
    }));
  }
}
