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

/** `text` is what is stored: the lines as JSON. */
export interface Chunk { first: number; last: number; lines: readonly LogLine[]; text: string; bytes: number }

export const LOG_QUOTA = 16 * 1024 * 1024;
const HEAD_QUOTA = LOG_QUOTA / 2;
export const TAIL_QUOTA = LOG_QUOTA / 2;
/** Lines are stored together up to this many characters. */
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
export function newLines(book: LogBook, lines: readonly LogLine[]): readonly LogLine[] {
  if (follow(lines, lastSeen(book))) return lines;
  const fresh = new Map<number, LogLine>();
  for (const line of lines) if (!fresh.has(line.seq) && !isSeen(book, line.seq)) fresh.set(line.seq, line);
  return [...fresh.values()].sort((a, b) => a.seq - b.seq);
}

/** Nearly always: each line has a higher number than the one before. */
function follow(lines: readonly LogLine[], after: number): boolean {
  let last = after;
  for (const { seq } of lines) {
    if (seq <= last) return false;
    last = seq;
  }
  return true;
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
  for (let start = 0, end = 1; start < lines.length; start = end++) {
    while (end < lines.length && lines[end]?.seq === (lines[end - 1]?.seq ?? 0) + 1) end++;
    chunks.push(...pieces(start === 0 && end === lines.length ? lines : lines.slice(start, end)));
  }
  return chunks;
}

/** Neighbours as one chunk, or as several of equally many lines. */
function pieces(lines: readonly LogLine[]): Chunk[] {
  const text = JSON.stringify(lines);
  const count = Math.min(lines.length, Math.ceil(text.length / CHUNK));
  if (count <= 1) return [{ first: lines[0]?.seq ?? 0, last: lines.at(-1)?.seq ?? 0, lines, text, bytes: Buffer.byteLength(text) }];
  const size = Math.ceil(lines.length / count);
  return Array.from({ length: Math.ceil(lines.length / size) }, (_, index) => pieces(lines.slice(index * size, (index + 1) * size))).flat();
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
