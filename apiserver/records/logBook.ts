/**
 * What is known of one job's log beside its lines: which line numbers came, how much is kept, what was cut. Pure.
 * A log over its quota keeps its beginning and its end; the middle is cut and counted:
 *
 *   1 ... headEnd | cut: lines, bytes | tailFrom ... last
 */
import type { LogLine } from '#crds/wire/agentProtocol.gen.js';

export interface LogBook {
  /** Line numbers that came, as closed ranges in order: kept or cut, they are not taken again. */
  seen: [number, number][];
  headBytes: number;
  /** The last line of the head. */
  headEnd: number;
  tailBytes: number;
  /** The first line of the tail that is kept; 0 while there is no tail. */
  tailFrom: number;
  cut: { lines: number; bytes: number };
  /** Day (YYYY-MM-DD) of the last line taken in, for retention. */
  day: string;
}

export interface Chunk { first: number; last: number; lines: LogLine[]; bytes: number }

export const LOG_QUOTA = 16 * 1024 * 1024;
const HEAD_QUOTA = LOG_QUOTA / 2;
export const TAIL_QUOTA = LOG_QUOTA / 2;
/** Lines are stored together up to this size. */
const CHUNK = 64 * 1024;
/** A log with more gaps than this counts its oldest gaps as seen. */
const MOST_RANGES = 512;

export function newLogBook(day: string): LogBook {
  return { seen: [], headBytes: 0, headEnd: 0, tailBytes: 0, tailFrom: 0, cut: { lines: 0, bytes: 0 }, day };
}

export function lastSeen(book: LogBook | undefined): number {
  return book?.seen.at(-1)?.[1] ?? 0;
}

export function isSeen(book: LogBook, seq: number): boolean {
  return book.seen.some(([first, last]) => first <= seq && seq <= last);
}

/** The lines of a batch that were never taken, in order. */
export function newLines(book: LogBook, lines: readonly LogLine[]): LogLine[] {
  const fresh = new Map<number, LogLine>();
  for (const line of lines) if (!fresh.has(line.seq) && !isSeen(book, line.seq)) fresh.set(line.seq, line);
  return [...fresh.values()].sort((a, b) => a.seq - b.seq);
}

export function withSeen(ranges: readonly [number, number][], first: number, last: number): [number, number][] {
  const result: [number, number][] = [];
  let low = first;
  let high = last;
  let placed = false;
  for (const [from, to] of ranges) {
    if (to + 1 < low) result.push([from, to]);
    else if (from > high + 1) {
      if (!placed) { result.push([low, high]); placed = true; }
      result.push([from, to]);
    } else {
      low = Math.min(low, from);
      high = Math.max(high, to);
    }
  }
  if (!placed) result.push([low, high]);
  while (result.length > MOST_RANGES) {
    const [a, b] = result.splice(0, 2);
    if (a !== undefined && b !== undefined) result.unshift([a[0], b[1]]);
  }
  return result;
}

/** Neighbouring lines together, so that chunks never overlap. */
export function toChunks(lines: readonly LogLine[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (const line of lines) {
    const bytes = Buffer.byteLength(JSON.stringify(line)) + 1;
    const open = chunks.at(-1);
    if (open !== undefined && open.last + 1 === line.seq && open.bytes + bytes <= CHUNK) {
      open.lines.push(line);
      open.last = line.seq;
      open.bytes += bytes;
    } else chunks.push({ first: line.seq, last: line.seq, lines: [line], bytes });
  }
  return chunks;
}

/** Where a chunk goes; the book is changed. `cut`: it lies in the part that is left out already. */
export function place(book: LogBook, chunk: Chunk): 'head' | 'tail' | 'cut' {
  book.seen = withSeen(book.seen, chunk.first, chunk.last);
  if (book.tailFrom === 0 && book.headBytes + chunk.bytes <= HEAD_QUOTA) {
    book.headBytes += chunk.bytes;
    book.headEnd = Math.max(book.headEnd, chunk.last);
    return 'head';
  }
  if (chunk.last <= book.headEnd) {
    // A late line of the head: there is room by what lines are late at most.
    book.headBytes += chunk.bytes;
    return 'head';
  }
  if (book.tailFrom === 0) book.tailFrom = chunk.first;
  else if (chunk.first < book.tailFrom) {
    book.cut = { lines: book.cut.lines + chunk.lines.length, bytes: book.cut.bytes + chunk.bytes };
    return 'cut';
  }
  book.tailBytes += chunk.bytes;
  return 'tail';
}

/** Takes a chunk off the front of the tail. */
export function cutFromTail(book: LogBook, chunk: { last: number; lines: number; bytes: number }): void {
  book.tailBytes -= chunk.bytes;
  book.tailFrom = chunk.last + 1;
  book.cut = { lines: book.cut.lines + chunk.lines, bytes: book.cut.bytes + chunk.bytes };
}

/** Stands in the log where lines were cut; its number is the last one cut. */
export function cutMark(book: LogBook, time: string): LogLine | undefined {
  if (book.cut.lines === 0) return undefined;
  return { seq: book.tailFrom - 1, ts: time, stream: 'agent', payload: `... ${book.cut.lines} lines (${(book.cut.bytes / 1024 / 1024).toFixed(1)} MiB) left out here: a job keeps ${LOG_QUOTA / 1024 / 1024} MiB of log` };
}
