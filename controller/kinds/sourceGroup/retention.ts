/**
 * Retention as people read it, and whether the schedules of a group make snapshots often enough for it (S4): seven daily
 * snapshots of a weekly backup reach back seven weeks, which is not what anybody meant.
 */
import type { RetentionReason } from '#crds/conditions.js';
import type { Schedule, SourceGroup } from '#crds/kinds.js';
import { cronProblem, timeZoneProblem, type NextFire } from '#crds/schedule.js';
import { retentionOf } from '../../plan/policies.js';
import type { Finding } from '../../status/conditions.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
type Keep = 'keepLast' | 'keepHourly' | 'keepDaily' | 'keepWeekly' | 'keepMonthly' | 'keepYearly';

/** restic's short options, in its order. */
const letters: [Keep, string][] = [['keepLast', 'l'], ['keepHourly', 'H'], ['keepDaily', 'd'], ['keepWeekly', 'w'], ['keepMonthly', 'm'], ['keepYearly', 'y']];
/** The longest that two firings may lie apart for one snapshot in each period; a day has 25 hours once a year. */
const periods: [Keep, number, string][] = [['keepHourly', HOUR, 'hourly'], ['keepDaily', DAY + HOUR, 'daily'], ['keepWeekly', 7 * DAY + HOUR, 'weekly'], ['keepMonthly', 31 * DAY + HOUR, 'monthly'], ['keepYearly', 366 * DAY + HOUR, 'yearly']];
/** Firings looked at: enough to meet a schedule's usual distance however its days are chosen. */
const FIRINGS = 8;
const MAX_TEXT = 256;

/** `7d 4w 12m`; `none` when everything is kept. */
export function retentionText(group: Pick<SourceGroup, 'spec'>): string {
  const retention = retentionOf(group);
  if (!retention) return 'none';
  const words = letters.flatMap(([keep, letter]) => (retention[keep] === undefined ? [] : [`${String(retention[keep])}${letter}`]));
  if (retention.keepWithin !== undefined) words.push(`within ${retention.keepWithin}`);
  if (retention.keepTags) words.push(`tags ${retention.keepTags.join(',')}`);
  const text = words.join(' ');
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 3)}...`;
}

/** @param schedules all that name the group */
export function alignmentOf(group: Pick<SourceGroup, 'spec'>, schedules: readonly Pick<Schedule, 'spec'>[], { now, nextFire }: { now: number; nextFire: NextFire }): { aligned: boolean } & Finding<RetentionReason> {
  const retention = retentionOf(group);
  if (!retention) return { aligned: true, reason: 'NoRetention', message: 'spec.retention keeps everything: forget leaves this group out' };
  const enabled = schedules.filter(({ spec }) => !spec.suspend && !cronProblem(spec.schedule) && !(spec.timeZone && timeZoneProblem(spec.timeZone)));
  const often = Math.min(...enabled.map(({ spec }) => shortestGap(spec.schedule, spec.timeZone ?? 'UTC', now, nextFire)));
  const unfed = periods.filter(([keep, longest]) => retention[keep] !== undefined && often > longest);
  if (unfed.length === 0) return { aligned: true, reason: 'Aligned', message: 'its schedules make snapshots as often as retention keeps them' };
  const why = enabled.length === 0 ? 'no enabled schedule runs this group' : `no enabled schedule runs this group ${unfed[0]?.[2] ?? ''}`;
  return { aligned: false, reason: 'CadenceMismatch', message: `${why}, so ${unfed.map(([keep]) => `spec.retention.${keep}`).join(', ')} reach${unfed.length === 1 ? 'es' : ''} further back than it says` };
}

/** Shortest distance between the next firings, ms; Infinity when there is at most one. */
function shortestGap(cron: string, timeZone: string, now: number, next: NextFire): number {
  let shortest = Infinity;
  let last = next(cron, timeZone, now);
  for (let count = 1; count < FIRINGS && last !== undefined; count++) {
    const following = next(cron, timeZone, last);
    if (following !== undefined) shortest = Math.min(shortest, following - last);
    last = following;
  }
  return shortest;
}
