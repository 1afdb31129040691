/** The 24-hour lane of one source group: what ran (filled) and what is due next (outlined). Positions are shares of the width. */
import type { ResticJob, Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { time } from './format.js';
import { isPartial } from './jobs.js';

const HOUR_MS = 3_600_000;
/** Two thirds of the lane are past. */
export const PAST_MS = 16 * HOUR_MS;
export const AHEAD_MS = 8 * HOUR_MS;

export interface Mark { key: string; at: number; left: number; kind: 'ok' | 'warn' | 'bad' | 'idle' | 'run' | 'due'; job?: Stored<ResticJob> }

export const share = (at: number, now: number): number => (at - (now - PAST_MS)) / (PAST_MS + AHEAD_MS);

export function marks(group: string, jobs: readonly Stored<ResticJob>[], schedules: readonly Stored<Schedule>[], now: number): Mark[] {
  const list: Mark[] = [];
  for (const job of jobs) {
    const at = time(job.status?.startTime);
    if (job.spec.sourceGroupRef?.name !== group || at === undefined || at < now - PAST_MS) continue;
    list.push({ key: job.metadata.uid, at, left: share(at, now), kind: kindOf(job), job });
  }
  for (const schedule of schedules) {
    const at = time(schedule.status?.nextRun);
    if (at === undefined || schedule.spec.suspend || at < now || at > now + AHEAD_MS || !schedule.spec.sourceGroupRefs.some((entry) => entry.name === group)) continue;
    list.push({ key: schedule.metadata.uid, at, left: share(at, now), kind: 'due' });
  }
  return list;
}

function kindOf(job: ResticJob): Mark['kind'] {
  switch (job.status?.phase) {
    case 'Succeeded': return isPartial(job) ? 'warn' : 'ok';
    case 'Failed': return 'bad';
    case 'Running': return 'run';
    default: return 'idle';
  }
}
