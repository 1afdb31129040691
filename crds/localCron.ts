/**
 * Cron over a time zone with daylight saving, from a cron engine that knows none: the engine steps through wall-clock times
 * as if every day had 24 hours, and this file maps them to moments. Server and agent share it, so that they agree.
 * The rules are those of Vixie cron: a fixed local time fires once in a repeated hour and at the first valid moment after
 * a gap; a wildcard or stepped hour follows elapsed time (twice in a repeat, not at all in a gap).
 */
import { expandMacro, type NextFire } from './schedule.js';

/** First match of five cron fields strictly after `wall` in a calendar without daylight saving; times are wall-clock times written as UTC epoch ms. Undefined when there is none. */
export type NextWall = (fields: string, wall: number) => number | undefined;

const HOUR = 3_600_000;
const MINUTE = 60_000;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Wall-clock time of a moment in a zone, written as UTC epoch ms. */
export function wallClock(timeZone: string, at: number): number {
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    formatters.set(timeZone, formatter);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of formatter.formatToParts(at)) part[type] = Number(value);
  return Date.UTC(part['year'] ?? 0, (part['month'] ?? 1) - 1, part['day'] ?? 1, part['hour'] ?? 0, part['minute'] ?? 0, part['second'] ?? 0);
}

/** Distance of a zone from UTC at a moment, in ms. */
function offsetAt(timeZone: string, at: number): number {
  const second = Math.floor(at / 1000) * 1000;
  return wallClock(timeZone, second) - second;
}

/** The moments at which a zone's clock shows `wall`, in order: one, two in a repeated hour, none in a gap. */
function moments(timeZone: string, wall: number): number[] {
  const before = wall - offsetAt(timeZone, wall - 24 * HOUR);
  const after = wall - offsetAt(timeZone, wall + 24 * HOUR);
  const candidates = before === after ? [before] : [Math.min(before, after), Math.max(before, after)];
  return candidates.filter((at) => wallClock(timeZone, at) === wall);
}

/** The first moment whose wall clock is at or past `wall`, for a `wall` that a gap leaves out. */
function endOfGap(timeZone: string, wall: number): number {
  let low = wall - offsetAt(timeZone, wall + 24 * HOUR) - MINUTE;
  while (wallClock(timeZone, low) >= wall) low -= HOUR;
  let high = low + MINUTE;
  while (wallClock(timeZone, high) < wall) high += HOUR;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (middle <= low) break;
    if (wallClock(timeZone, middle) >= wall) high = middle; else low = middle;
  }
  return high;
}

/** A NextFire over a cron engine that steps wall-clock times. */
export function zonedCron(nextWall: NextWall): NextFire {
  return (cron, timeZone, after) => {
    const fields = expandMacro(cron);
    const hour = fields.split(/ +/)[1] ?? '*';
    const elapsed = /[*/]/.test(hour);
    const here = wallClock(timeZone, Math.floor(after / 1000) * 1000);
    // Near a change of the offset, wall-clock times before `here` may still lie ahead.
    const nearChange = offsetAt(timeZone, after - 24 * HOUR) !== offsetAt(timeZone, after + 24 * HOUR);
    let wall = here - (nearChange ? 24 * HOUR : 1);
    let best: number | undefined;
    for (;;) {
      const next = nextWall(fields, wall);
      if (next === undefined) return best;
      wall = next;
      const all = moments(timeZone, wall);
      const due = elapsed ? all : [all[0] ?? endOfGap(timeZone, wall)];
      for (const at of due) if (at > after && (best === undefined || at < best)) best = at;
      // The first moments rise with the wall clock: once one is not earlier than the best, none that follows is.
      const first = due[0];
      if (best !== undefined && first !== undefined && first >= best) return best;
    }
  };
}
