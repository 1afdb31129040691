/** How values are written for people. Unknown stays unknown: no function here turns undefined into 0. */

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 -> "1.5 KiB"; binary units, three significant digits. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return 'unknown';
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < byteUnits.length - 1) { rest /= 1024; unit++; }
  const digits = unit === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  return `${Number(rest.toFixed(digits))} ${byteUnits[unit]}`;
}

/** 1204 -> "1,204". */
export function count(value: number | undefined): string {
  return value === undefined ? 'unknown' : value.toLocaleString('en-GB');
}

/** "1 file", "3 files". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Seconds -> "4 s", "3 min 12 s", "2 h 5 min", "3 d 4 h". */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds) || seconds < 0) return 'unknown';
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return pair(Math.floor(total / 60), 'min', total % 60, 's');
  if (total < 86_400) return pair(Math.floor(total / 3600), 'h', Math.floor((total % 3600) / 60), 'min');
  return pair(Math.floor(total / 86_400), 'd', Math.floor((total % 86_400) / 3600), 'h');
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** One unit is enough for a distance in time: "just now", "42 s ago", "in 3 h", "5 d ago". */
export function relative(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return 'just now';
  const text = distance < 60 ? `${distance} s`
    : distance < 3600 ? `${Math.floor(distance / 60)} min`
      : distance < 172_800 ? `${Math.floor(distance / 3600)} h`
        : distance < 63_072_000 ? `${Math.floor(distance / 86_400)} d`
          : `${Math.floor(distance / 31_536_000)} y`;
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

const absoluteFormat = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short' });

/** In the reader's own zone, with the zone named. */
export function absolute(at: number): string {
  return absoluteFormat.format(at);
}

/** RFC 3339 -> "14:29:31.204" in the reader's zone: the time column of a log. */
export function clock(timestamp: string): string {
  const at = new Date(timestamp);
  if (Number.isNaN(at.getTime())) return timestamp;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** Parsed timestamp, or undefined for absent and unreadable ones. */
export function time(timestamp: string | null | undefined): number | undefined {
  if (!timestamp) return undefined;
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? undefined : at;
}

/** "RepositoryReady" -> "Repository ready". */
export function words(name: string): string {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
