/**
 * When a cron is due, found the slow way: every minute is looked at, as Intl.DateTimeFormat shows it in the zone. Shares no
 * code with the product, so that both can only be wrong apart. Knows numbers, lists, ranges, steps and `*`.
 */
interface Wall { minute: number; hour: number; day: number; month: number; weekday: number; /** As if the wall clock were UTC, in minutes: rises by 1 but for clock changes. */ count: number }

const MINUTE = 60_000;

function wallsOf(zone: string, from: number, to: number): Wall[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' });
  const walls: Wall[] = [];
  for (let at = from; at < to; at += MINUTE) {
    const [day = 0, month = 0, year = 0, hour = 0, minute = 0] = (format.format(at).match(/\d+/g) ?? []).map(Number);
    const count = Date.UTC(year, month - 1, day, hour, minute) / MINUTE;
    walls.push({ minute, hour, day, month, weekday: new Date(count * MINUTE).getUTCDay(), count });
  }
  return walls;
}

function fieldValues(field: string, low: number, high: number): Set<number> {
  const values = new Set<number>();
  for (const item of field.split(',')) {
    const [range = '*', step = '1'] = item.split('/');
    const [first, last] = range === '*' ? [low, high] : range.includes('-') ? range.split('-').map(Number) : [Number(range), item.includes('/') ? high : Number(range)];
    for (let value = first ?? low; value <= (last ?? high); value += Number(step)) values.add(value);
  }
  return values;
}

function wallAt(count: number): Omit<Wall, 'count'> {
  const date = new Date(count * MINUTE);
  return { minute: date.getUTCMinutes(), hour: date.getUTCHours(), day: date.getUTCDate(), month: date.getUTCMonth() + 1, weekday: date.getUTCDay() };
}

/** Remembers the wall clock of each zone for one span, which many schedules share. */
export class Oracle {
  readonly #from: number;
  readonly #to: number;
  readonly #walls = new Map<string, Wall[]>();

  /** Epoch ms, whole minutes. */
  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  /** Every due moment in [from, to), epoch ms. */
  due(cron: string, zone: string): number[] {
    const walls = this.#walls.get(zone) ?? wallsOf(zone, this.#from, this.#to);
    this.#walls.set(zone, walls);
    const [minutes = '*', hours = '*', days = '*', months = '*', weekdays = '*'] = cron.split(' ');
    const sets = { minute: fieldValues(minutes, 0, 59), hour: fieldValues(hours, 0, 23), day: fieldValues(days, 1, 31), month: fieldValues(months, 1, 12), weekday: new Set([...fieldValues(weekdays, 0, 7)].map((value) => value % 7)) };
    const matches = (wall: Omit<Wall, 'count'>): boolean => {
      const onDay = days !== '*' && weekdays !== '*' ? sets.day.has(wall.day) || sets.weekday.has(wall.weekday) : sets.day.has(wall.day) && sets.weekday.has(wall.weekday);
      return sets.minute.has(wall.minute) && sets.hour.has(wall.hour) && sets.month.has(wall.month) && onDay;
    };
    const fixed = !/[*/]/.test(hours);
    const due: number[] = [];
    let shown = (walls[0]?.count ?? 0) - 1;
    for (const [index, wall] of walls.entries()) {
      let fires = matches(wall);
      if (fixed) {
        if (wall.count <= shown) fires = false; // this local time was there already
        for (let skipped = shown + 1; skipped < wall.count; skipped++) fires ||= matches(wallAt(skipped));
      }
      shown = Math.max(shown, wall.count);
      if (fires) due.push(this.#from + index * MINUTE);
    }
    return due;
  }
}
