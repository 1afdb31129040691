/**
 * Blackouts: daily windows in which a schedule starts nothing. What falls due inside one starts when it ends; nothing is
 * skipped. Pure, over an injected NextFire, whose rules for clock changes therefore hold for windows too.
 */
import { timeZoneProblem, type NextFire } from './schedule.js';

/** From one local time to another, every day; `to` at or before `from` means the next day. */
export interface Blackout {
  /** HH:MM. */
  from: string;
  /** HH:MM. */
  to: string;
  /** IANA name; absent: the schedule's zone. */
  timeZone?: string;
}

/** The daily cron of a local time. */
function daily(time: string): string {
  const [hour = '0', minute = '0'] = time.split(':');
  return `${Number(minute)} ${Number(hour)} * * *`;
}

/** End of the window that `at` lies in, or undefined when it lies in none: inside, the next `to` comes before the next `from`. */
function endOf(next: NextFire, { from, to, timeZone }: Blackout, zone: string, at: number): number | undefined {
  const end = next(daily(to), timeZone ?? zone, at);
  const begin = next(daily(from), timeZone ?? zone, at);
  return end !== undefined && begin !== undefined && end < begin ? end : undefined;
}

/** The first moment at or after `at` (epoch ms) outside every window; undefined when together they leave none. */
export function afterBlackouts(next: NextFire, blackouts: readonly Blackout[], timeZone: string, at: number): number | undefined {
  let free = at;
  // Each pass ends at least one window; one that comes round again means that a whole day is covered.
  for (let pass = 0; pass <= 2 * blackouts.length; pass++) {
    const ends = blackouts.map((blackout) => endOf(next, blackout, timeZone, free)).filter((end) => end !== undefined);
    if (ends.length === 0) return free;
    free = Math.max(...ends);
  }
  return undefined;
}

/** Why these windows cannot be, naming the field, or undefined. */
export function blackoutProblem(next: NextFire, blackouts: readonly Blackout[], timeZone: string): string | undefined {
  for (const [index, { timeZone: own }] of blackouts.entries()) {
    const zone = own === undefined ? undefined : timeZoneProblem(own);
    if (zone !== undefined) return `spec.blackout[${index}].timeZone: ${zone}`;
  }
  return afterBlackouts(next, blackouts, timeZone, 0) === undefined ? 'spec.blackout: the windows together cover the whole day, so that nothing would ever start' : undefined;
}
