/**
 * Schedules: what is a valid cron, when it is next due, how a fleet is spread. Pure; the cron library is injected, so that
 * server, agent and page agree (one vector table in test/contract runs on every adapter).
 * Cron fields as in crontab(5); macros as CronJob accepts them.
 */

/** First due moment strictly after `after` (epoch ms), or undefined when there is none. A fixed local time fires once in a repeated hour and at the first valid moment after a gap. */
export type NextFire = (cron: string, timeZone: string, after: number) => number | undefined;

export const CRON_PATTERN = /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$/;

const macros: Record<string, string> = { '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *' };
const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface Field { name: string; min: number; max: number; names?: string[]; base?: number }
const fields: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: months, base: 1 },
  { name: 'day of week', min: 0, max: 7, names: days, base: 0 },
];

/** The five-field form of a macro; anything else unchanged. */
export function expandMacro(cron: string): string {
  return macros[cron] ?? cron;
}

/** Why this is not a cron expression we run, or undefined when it is, e.g. `"61 * * * *" is not a cron expression: minute 61 is outside 0-59`. */
export function cronProblem(cron: string): string | undefined {
  const bad = (why: string): string => `${JSON.stringify(cron)} is not a cron expression: ${why}`;
  if (!CRON_PATTERN.test(cron)) return bad('give five fields (minute hour day-of-month month day-of-week) or one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly');
  const parts = expandMacro(cron).split(/ +/);
  for (const [index, field] of fields.entries()) {
    const why = fieldProblem(parts[index] ?? '', field);
    if (why) return bad(why);
  }
  return undefined;
}

function fieldProblem(text: string, field: Field): string | undefined {
  for (const item of text.split(',')) {
    const [range = '', step, ...rest] = item.split('/');
    if (rest.length > 0) return `${field.name} "${item}" has more than one step`;
    if (step !== undefined && (!/^[0-9]+$/.test(step) || Number(step) < 1 || Number(step) > field.max)) return `${field.name} step "${step}" is outside 1-${field.max}`;
    if (range === '*' || (range === '?' && field.name.startsWith('day'))) continue;
    const ends = range.split('-');
    if (ends.length > 2) return `${field.name} "${item}" is not a range`;
    const values: number[] = [];
    for (const end of ends) {
      const value = fieldValue(end, field);
      if (value === undefined) return `${field.name} "${end}" is not a number${field.names ? ` or one of ${field.names[0]}-${field.names[field.names.length - 1]}` : ''}`;
      if (value < field.min || value > field.max) return `${field.name} ${end} is outside ${field.min}-${field.max}`;
      values.push(value);
    }
    const [from, to] = values;
    if (from !== undefined && to !== undefined && from > to) return `${field.name} "${range}" runs backwards`;
  }
  return undefined;
}

function fieldValue(text: string, field: Field): number | undefined {
  if (/^[0-9]{1,2}$/.test(text)) return Number(text);
  const index = field.names?.indexOf(text.toUpperCase()) ?? -1;
  return index < 0 ? undefined : index + (field.base ?? 0);
}

/** Why this is not a time zone we know, or undefined. Checked by Intl, as both engines carry the same IANA data. */
export function timeZoneProblem(timeZone: string): string | undefined {
  if (goodZones.has(timeZone)) return undefined;
  const problem = findTimeZoneProblem(timeZone);
  // Making a formatter costs a millisecond, and a fleet has few zones. What a stranger makes up is bounded.
  if (problem === undefined && goodZones.size < MOST_ZONES) goodZones.add(timeZone);
  return problem;
}

const MOST_ZONES = 2_000;
const goodZones = new Set<string>();

function findTimeZoneProblem(timeZone: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return /^[+-]/.test(timeZone) ? `${JSON.stringify(timeZone)} is not an IANA time zone name` : undefined;
  } catch {
    return `${JSON.stringify(timeZone)} is not an IANA time zone name such as Europe/Berlin`;
  }
}

/** FNV-1a, 32 bit, over the low bytes of UTF-16 units (uids are ASCII): a stable spread for jitter, not a digest. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ (text.charCodeAt(index) & 0xff), 0x01000193) >>> 0;
  return hash;
}

/** The fixed delay of one host under one schedule, in whole seconds within [0, maxSeconds]. */
export function jitterSeconds(scheduleUid: string, hostUid: string, maxSeconds: number): number {
  return maxSeconds <= 0 ? 0 : fnv1a(`${scheduleUid}/${hostUid}`) % (maxSeconds + 1);
}

/** Length of the interval that begins at `due`, in ms: the distance to the next firing. */
export function intervalAfter(next: NextFire, cron: string, timeZone: string, due: number): number | undefined {
  const following = next(cron, timeZone, due);
  return following === undefined ? undefined : following - due;
}
