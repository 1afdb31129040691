/**
 * Which firing of a schedule is owed now: missed windows, catch-up, and what coalesces. Pure, over an injected NextFire and
 * the stored last attempt, so that nothing depends on a timer having survived. Times are epoch milliseconds.
 */
import { afterBlackouts, type Blackout } from './blackout.js';
import { intervalAfter, type NextFire } from './schedule.js';

export interface FiringFacts {
  schedule: string;
  timeZone: string;
  /** Nothing at or before it is due. In the future (the clock was set back): since this host is awake. */
  effectiveSince: number;
  /** Delay of this host, on top of the due moment. */
  jitterMs: number;
  /** The due moment last attempted for this schedule and group. A run of it that failed is the group's to retry, not missed. */
  lastAttempted?: number;
  /** Is a missed firing made up for at all? */
  catchUp: boolean;
  settleMs: number;
  /** A missed firing older than this is skipped; default half the interval. Ignored for intermittent hosts. */
  startingDeadlineMs?: number;
  intermittent: boolean;
  /** Nothing starts inside these; what is due then starts at their end. */
  blackouts?: readonly Blackout[];
  /** Since when this host has been up without a break: what was due before then was missed. */
  awakeSince: number;
}

export interface Firing {
  /** The due moment, without jitter: part of the run's name. */
  due: number;
  origin: 'Schedule' | 'CatchUp';
}

export interface FiringDecision {
  /** What to start now. Several due moments in a row coalesce into their latest. */
  fire?: Firing;
  /** When to look again; undefined: never due again. */
  lookAt?: number;
}

/** What this schedule owes at `now`. */
export function decideFiring(next: NextFire, facts: FiringFacts, now: number): FiringDecision {
  const { schedule, timeZone, jitterMs } = facts;
  // a stored time in the future (the clock was set back) counts as now
  const since = facts.effectiveSince <= now ? facts.effectiveSince : facts.awakeSince;
  const base = Math.min(Math.max(since, facts.lastAttempted ?? -Infinity), now);
  const following = next(schedule, timeZone, Math.max(base, now - jitterMs));
  const lookAt = following === undefined ? undefined : following + jitterMs;
  const due = latestDue(next, schedule, timeZone, base, now - jitterMs);
  if (due === undefined) return { lookAt };
  const missed = due + jitterMs < facts.awakeSince;
  const settled = facts.awakeSince + facts.settleMs;
  // Judged when it could have started: a blackout that holds it back does not make it late.
  if (missed && (!facts.catchUp || isTooLate(next, facts, due, Math.min(now, settled)))) return { lookAt };
  const mayStart = afterBlackouts(next, facts.blackouts ?? [], timeZone, missed ? Math.max(now, settled) : now);
  if (mayStart === undefined) return { lookAt };
  if (mayStart <= now) return { fire: { due, origin: missed ? 'CatchUp' : 'Schedule' }, lookAt };
  return { lookAt: Math.min(mayStart, lookAt ?? Infinity) };
}

function isTooLate(next: NextFire, facts: FiringFacts, due: number, now: number): boolean {
  if (facts.intermittent) return false;
  const interval = intervalAfter(next, facts.schedule, facts.timeZone, due);
  const deadline = facts.startingDeadlineMs ?? (interval === undefined ? undefined : interval / 2);
  return deadline !== undefined && now - (due + facts.jitterMs) > deadline;
}

/** The latest due moment in (after, until], or undefined. Asks `next` about 50 times at most, however long the span. */
export function latestDue(next: NextFire, schedule: string, timeZone: string, after: number, until: number): number | undefined {
  let span = 60_000;
  let low: number | undefined;
  let high = until;
  for (;;) {
    const from = Math.max(after, until - span);
    const due = from < until ? next(schedule, timeZone, from) : undefined;
    if (due !== undefined && due <= until) {
      low = due;
      break;
    }
    if (from <= after) return undefined;
    high = from;
    span *= 4;
  }
  // `low` is due; nothing is due in (high, until]: halve what lies between
  for (;;) {
    const following = next(schedule, timeZone, low);
    if (following === undefined || following > until) return low;
    low = following;
    const middle = Math.floor((low + high) / 2);
    if (middle <= low) continue;
    const beyond = next(schedule, timeZone, middle);
    if (beyond !== undefined && beyond <= until) low = beyond;
    else high = middle;
  }
}
