/** A cron expression in plain words (S3). Uses cronstrue for what crds/schedule accepts, and crds/schedule's own words for the rest. */
import cronstrue from 'cronstrue';
import { cronProblem, expandMacro } from '#crds/schedule.js';

export interface CronWords { words: string; problem: string }

export function cronWords(cron: string): CronWords {
  const problem = cron.trim() === '' ? '' : cronProblem(cron.trim());
  if (cron.trim() === '' || problem) return { words: '', problem: problem ?? '' };
  return { words: cronstrue.toString(expandMacro(cron.trim()), { use24HourTimeFormat: true, verbose: false }), problem: '' };
}

/** Starting points; odd minutes, so that a fleet does not start on the hour together. */
export const presets: readonly { label: string; cron: string }[] = [
  { label: 'Hourly', cron: '17 * * * *' },
  { label: 'Every 6 hours', cron: '23 */6 * * *' },
  { label: 'Daily at night', cron: '41 2 * * *' },
  { label: 'Weekdays', cron: '12 19 * * 1-5' },
  { label: 'Weekly', cron: '33 3 * * 0' },
  { label: 'Monthly', cron: '7 4 1 * *' },
];
