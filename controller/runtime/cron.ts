/** The cron engine of the server: cron-parser steps wall-clock times, crds/localCron maps them to moments. Nothing else here knows the library. */
import { CronExpressionParser } from 'cron-parser';
import { zonedCron } from '#crds/localCron.js';
import { rememberNext } from '#crds/rememberNext.js';
import type { NextFire } from '#crds/schedule.js';

/** First due moment strictly after `after`, epoch ms. The cron and the zone must be valid (cronProblem, timeZoneProblem). A fleet under one schedule asks once. */
export const nextFire: NextFire = rememberNext(zonedCron((fields, wall) => {
  try {
    return CronExpressionParser.parse(fields, { currentDate: new Date(wall), tz: 'UTC' }).next().getTime();
  } catch {
    return undefined;
  }
}));
