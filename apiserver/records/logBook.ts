/**
 * What is known of one job's log beside its lines: which line numbers came, how much is kept, what was cut. Pure.
 * A log over its quota keeps its beginning and its end; the middle is cut and counted:
 *
 *   1 ... headEnd | cut: lines, bytes | tailFrom ... last
 */
import type { LogLine, LogLines } from '#crds/wire/logLines.js';

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

/** `text` is what is stored: the texts of neighbouring lines, one a line. */
export interface Chunk { first: number; last: number; text: string; bytes: number }

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

/** What of a batch was never taken, as runs of neighbours. */
export function newLines(book: LogBook, batch: LogLines): LogLines[] {
  const { firstSeq, lines } = batch;
  if (firstSeq > lastSeen(book)) return lines.length === 0 ? [] : [batch];
  const runs: LogLines[] = [];
  for (let start = 0, end = 0; start < lines.length; start = end) {
    end = start + 1;
    if (isSeen(book, firstSeq + start)) continue;
    while (end < lines.length && !isSeen(book, firstSeq + end)) end++;
    runs.push({ firstSeq: firstSeq + start, lines: lines.slice(start, end) });
  }
  return runs;
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

/** Neighbours as chunks that never overlap. */
export function toChunks({ firstSeq, lines }: LogLines): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0, end = 0; start < lines.length; start = end) {
    let characters = 0;
    do characters += (lines[end++]?.length ?? 0) + 1;
    while (end < lines.length && characters + (lines[end]?.length ?? 0) <= CHUNK);
    const text = lines.slice(start, end).join('\n');
    chunks.push({ first: firstSeq + start, last: firstSeq + end - 1, text, bytes: Buffer.byteLength(text) });
  }
  return chunks;
}

/** The lines of a stored chunk. */
export function fromChunk(first: number, text: string): LogLines {
  return { firstSeq: first, lines: text.split('\n') };
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
    book.cut = { lines: book.cut.lines + chunk.last - chunk.first + 1, bytes: book.cut.bytes + chunk.bytes };
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
