/**
 * Writes what an agent reported into ResticJob.status.observed. The outcome goes to records first, so that it outlives
 * the object; a job that is over stays over: a later report becomes an Event, never a resurrection.
 */
import { isDeepStrictEqual } from 'node:util';
import { Conflict, NotFound } from '#crds/objectStore.js';
import { keyOf, keyText } from '#crds/meta.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import type { JobFinished, JobStarted } from '#crds/wire/agentProtocol.gen.js';
import { madeSnapshot } from './madeSnapshot.js';
import type { SessionContext, StoredJob } from './types.js';

const FINAL = new Set(['Succeeded', 'Failed', 'Cancelled']);
export function isFinal(phase: string | undefined): boolean {
  return phase !== undefined && FINAL.has(phase);
}

/** Agents say times as they know them; what is no time is left out rather than refused, because results must not be lost. */
function timeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

export function observedFromStart(report: JobStarted): ResticJobObserved {
  return defined({ runID: report.identity.runID, phase: 'Running' as const, startTime: timeOf(report.startTime), attempts: report.attempts ?? 1 });
}

/** @param now epoch milliseconds; stands in for a completion time that cannot be read */
export function observedFromFinish({ identity, startTime, completionTime, ...rest }: JobFinished, now: number): ResticJobObserved {
  return defined({ runID: identity.runID, ...rest, startTime: timeOf(startTime), completionTime: timeOf(completionTime) ?? new Date(now).toISOString() });
}

/** @returns 'ended' when the job was over already with another end than this */
export async function writeObserved(context: SessionContext, hostName: string, job: StoredJob, observed: ResticJobObserved): Promise<'written' | 'same' | 'ended' | 'gone'> {
  const { store, records, clock, recorder } = context;
  const key = keyOf(job);
  if (isFinal(observed.phase)) await records.putOutcome(key, { uid: job.metadata.uid, observed, recordedTime: new Date(clock.now()).toISOString() }, madeSnapshot(context, hostName, job.spec.type, observed));
  for (let current = job; ;) {
    const before = current.status?.observed;
    if (isFinal(before?.phase) || isFinal(current.status?.phase)) {
      const end = before?.phase ?? current.status?.phase ?? '';
      if (isFinal(observed.phase) && observed.phase !== end) recorder.event(current, 'Warning', 'LateReport', `the agent reported ${observed.phase} (${observed.reason ?? 'no reason'}) after the job had ended ${end}; the job stays as it is`);
      return isFinal(observed.phase) && observed.phase === end ? 'same' : 'ended';
    }
    if (isDeepStrictEqual(before, observed)) return 'same';
    try {
      await store.patchStatus('ResticJob', key, { observed }, { ...context.writer(hostName), resourceVersion: current.metadata.resourceVersion });
      return 'written';
    } catch (error) {
      if (error instanceof NotFound) return 'gone';
      if (!(error instanceof Conflict)) throw error;
    }
    try {
      current = await store.get('ResticJob', key);
    } catch (error) {
      if (error instanceof NotFound) return 'gone';
      throw error;
    }
    if (current.metadata.uid !== job.metadata.uid) return 'gone';
  }
}

/** Tells log tails that no line follows. After the status write. */
export function announceEnd(context: SessionContext, job: { namespace: string; name: string }): void {
  context.bus.publish({ type: 'end', job: keyText(job) });
}
