/** The 24-hour lane of one source group: what ran (filled) and what is due next (outlined). Positions are shares of the width. */
import type { ResticJob, Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { time } from './format.js';
import { isPartial } from './jobs.js';

const HOUR_MS = 3_600_000;
/** Two thirds of the lane are past. */
export const PAST_MS = 16 * HOUR_MS;
export const AHEAD_MS = 8 * HOUR_MS;

/** Closer than this two marks would lie on each other. */
const PILE_MS = HOUR_MS / 2;
const worstFirst = ['bad', 'warn', 'run', 'ok', 'idle', 'due'] as const;

/** `runs`: how many jobs the mark stands for; it looks like, and leads to, the worst of them. */
export interface Mark { runs: number; key: string; at: number; left: number; kind: 'ok' | 'warn' | 'bad' | 'idle' | 'run' | 'due'; job?: Stored<ResticJob> }

export const share = (at: number, now: number): number => (at - (now - PAST_MS)) / (PAST_MS + AHEAD_MS);

export function marks(group: string, jobs: readonly Stored<ResticJob>[], schedules: readonly Stored<Schedule>[], now: number): Mark[] {
  const ran: Mark[] = [];
  const due: Mark[] = [];
  for (const job of jobs) {
    const at = time(job.status?.startTime);
    if (job.spec.sourceGroupRef?.name !== group || at === undefined || at < now - PAST_MS) continue;
    ran.push({ runs: 1, key: job.metadata.uid, at, left: share(at, now), kind: kindOf(job), job });
  }
  for (const schedule of schedules) {
    const at = time(schedule.status?.nextRun);
    if (at === undefined || schedule.spec.suspend || at < now || at > now + AHEAD_MS || !schedule.spec.sourceGroupRefs.some((entry) => entry.name === group)) continue;
    due.push({ runs: 0, key: schedule.metadata.uid, at, left: share(at, now), kind: 'due' });
  }
  return [...piled(ran), ...due];
}

/** Runs that would hide each other as one mark. */
function piled(ran: readonly Mark[]): Mark[] {
  const piles: Mark[][] = [];
  for (const mark of ran.toSorted((a, b) => b.at - a.at)) {
    const pile = piles.at(-1);
    if (pile?.[0] && pile[0].at - mark.at < PILE_MS) pile.push(mark);
    else piles.push([mark]);
  }
  return piles.flatMap((pile) => {
    const [worst] = pile.toSorted((a, b) => worstFirst.indexOf(a.kind) - worstFirst.indexOf(b.kind) || b.at - a.at);
    return worst ? [{ ...worst, runs: pile.length }] : [];
  });
}

function kindOf(job: ResticJob): Mark['kind'] {
  switch (job.status?.phase) {
    case 'Succeeded': return isPartial(job) ? 'warn' : 'ok';
    case 'Failed': return 'bad';
    case 'Running': return 'run';
    default: return 'idle';
  }
}
