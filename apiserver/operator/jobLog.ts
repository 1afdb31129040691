/** A job's log as files (J3): `HH:MM:SS.mmm STREAM text` and one JSON object a line, read page by page so that a long log is never in memory. */
import type { ObjectKey } from '#crds/meta.js';
import type { LogLine } from '#crds/wire/logLines.js';
import type { Records } from '../records/records.js';

const PAGE_LINES = 500;

export function* logPieces(records: Records, job: ObjectKey, format: (line: LogLine) => string): Generator<string> {
  let from = 1;
  for (;;) {
    const page = records.readLog(job, from, PAGE_LINES);
    if (page.lines.length === 0) return;
    yield page.lines.map(format).join('');
    from = page.next;
  }
}

/** Times are UTC. */
export function textLine({ ts, stream, payload }: LogLine): string {
  const time = new Date(ts);
  const clock = Number.isNaN(time.getTime()) ? '--:--:--.---' : time.toISOString().slice(11, 23);
  return `${clock} ${stream} ${payload}\n`;
}

export function ndjsonLine({ seq, ts, stream, payload }: LogLine): string {
  return `${JSON.stringify({ seq, ts, stream, payload })}\n`;
}
