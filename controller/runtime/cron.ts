/** The cron engine of the server: cron-parser steps wall-clock times, crds/localCron maps them to moments. Nothing else here knows the library. */
import { CronExpressionParser } from 'cron-parser';
import { zonedCron } from '#crds/localCron.js';
import type { NextFire } from '#crds/schedule.js';

const compute: NextFire = zonedCron((fields, wall) => {
  try {
    return CronExpressionParser.parse(fields, { currentDate: new Date(wall), tz: 'UTC' }).next().getTime();
  } catch {
    return undefined;
  }
});

const MINUTE = 60_000;
const MEMO = 10_000;
const memo = new Map<string, number | undefined>();

/**
 * First due moment strictly after `after`, epoch ms. The cron and the zone must be valid (cronProblem, timeZoneProblem).
 * Cron fires on whole minutes, so all moments of one minute share one answer: a fleet under one schedule asks once.
 */
export const nextFire: NextFire = (cron, timeZone, after) => {
  const minute = Math.floor(after / MINUTE) * MINUTE;
  const key = `${cron}|${timeZone}|${minute}`;
  const known = memo.get(key);
  if (known !== undefined || memo.has(key)) return known;
  if (memo.size >= MEMO) memo.clear();
  const due = compute(cron, timeZone, minute);
  memo.set(key, due);
  return due;
};
