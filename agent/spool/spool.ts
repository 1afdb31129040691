/**
 * Reports and log lines, kept on disk until the server has them. Each frame has a sequence number; numbers are never reused,
 * and a frame may be sent only after it is durable (else a crash could give its number to another frame, which the server
 * would take for a repeat). Segment files `<first seq>.jsonl` hold checksummed lines; the newest one stays, so that the
 * number survives even when everything is acknowledged. Exactly once = resent from the first unacknowledged, told apart by seq.
 *
 * Bounded: past the limit the oldest log frames become `spool.dropped` in place, under their own number. Results never go.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentFrames, SpooledType } from '#crds/wire/frames.js';
import { AppendFile, encodeLine, readLines } from '../appendFile.js';
import { privateDirectory, readIfThere, replaceFile } from '../files.js';
import type { Log } from '../log.js';

export const SPOOL_LIMIT_BYTES = 16 * 1024 * 1024;
const SEGMENT_BYTES = 1024 * 1024;

export type SpooledFrame = { [T in SpooledType]: { type: T; payload: AgentFrames[T] } }[SpooledType];

interface Entry {
  seq: number;
  type: SpooledType;
  segment: Segment;
  offset: number;
  length: number;
}

interface Segment {
  path: string;
  firstSeq: number;
  bytes: number;
}

export interface SpoolOptions {
  dir: string;
  log: Log;
  limitBytes?: number;
  segmentBytes?: number;
}

export class Spool {
  /** Sequences of another id are not comparable. */
  readonly id: string;
  readonly #options: Required<SpoolOptions>;
  /** Durable and unacknowledged, by number. */
  #entries: Entry[] = [];
  #segments: Segment[] = [];
  #file: AppendFile;
  #nextSeq: number;
  /** Highest number the server has. */
  #acked: number;
  #work: Promise<unknown> = Promise.resolve();
  #listener: () => void = () => undefined;

  private constructor(id: string, options: Required<SpoolOptions>, file: AppendFile, segments: Segment[], entries: Entry[], nextSeq: number) {
    this.id = id;
    this.#options = options;
    this.#file = file;
    this.#segments = segments;
    this.#entries = entries;
    this.#nextSeq = nextSeq;
    this.#acked = (entries[0]?.seq ?? nextSeq) - 1;
  }

  static async open(given: SpoolOptions): Promise<Spool> {
    const options = { limitBytes: SPOOL_LIMIT_BYTES, segmentBytes: SEGMENT_BYTES, ...given };
    await privateDirectory(options.dir);
    const read = await readSpool(options.dir);
    if (read.torn > 0) options.log.warn({ spool: options.dir, bytes: read.torn }, 'cut off the torn end of the spool: those frames had not been promised to anybody');
    if (read.damaged > 0 || read.id === undefined) return Spool.#begin(options, read);
    const last = read.segments.at(-1);
    const segments = last ? read.segments : [{ path: segmentPath(options.dir, 1), firstSeq: 1, bytes: 0 }];
    const nextSeq = (read.entries.at(-1)?.seq ?? (segments.at(-1)?.firstSeq ?? 1) - 1) + 1;
    return Spool.#on(read.id, options, segments, read.entries, nextSeq);
  }

  /** A new spool; when an old one was damaged, what is left of it goes in again under new numbers. */
  static async #begin(options: Required<SpoolOptions>, read: SpoolRead): Promise<Spool> {
    const saved = await Promise.all(read.entries.map(async (entry) => (await readEntry(entry)).slice()));
    if (read.damaged > 0) options.log.error({ spool: options.dir, lost: read.damaged, saved: saved.length }, 'the spool was damaged: the frames that could be read are kept under new numbers, the rest is lost');
    for (const segment of read.segments) await rm(segment.path, { force: true });
    const id = randomBytes(9).toString('base64url');
    await replaceFile(join(options.dir, 'id'), id);
    const spool = await Spool.#on(id, options, [{ path: segmentPath(options.dir, 1), firstSeq: 1, bytes: 0 }], [], 1);
    await Promise.all(saved.map(async (text) => spool.append(JSON.parse(text) as SpooledFrame)));
    return spool;
  }

  static async #on(id: string, options: Required<SpoolOptions>, segments: Segment[], entries: Entry[], nextSeq: number): Promise<Spool> {
    const last = segments.at(-1) as Segment;
    const spool: Spool = new Spool(id, options, await AppendFile.open(last.path, last.bytes, () => { spool.#takeBack(); }), segments, entries, nextSeq);
    return spool;
  }

  /** A write failed: the numbers given to what is not durable are free again. */
  #takeBack(): void {
    this.#nextSeq = Math.max(this.#acked, this.#entries.at(-1)?.seq ?? 0, (this.#segments.at(-1)?.firstSeq ?? 1) - 1) + 1;
  }

  /** What hello says: the unacknowledged range. */
  get range(): { first: number; last: number; id: string } {
    return { first: this.#acked + 1, last: this.#entries.at(-1)?.seq ?? this.#acked, id: this.id };
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get unacknowledged(): number {
    return this.#entries.length;
  }

  /** Called whenever there is more to send. One listener: the link. */
  onAppend(listener: () => void): void {
    this.#listener = listener;
  }

  /** Resolves with the frame's number when it is durable; concurrent appends share a sync. @throws the disk's error; the frame is not in the spool then */
  async append(frame: SpooledFrame): Promise<number> {
    const { seq, written, segment } = await this.#inOrder(async () => {
      if (this.#file.size >= this.#options.segmentBytes) await this.#rotate();
      const own = this.#nextSeq++;
      return { seq: own, segment: this.#segments.at(-1) as Segment, written: this.#file.append(JSON.stringify({ type: frame.type, seq: own, payload: frame.payload })) };
    });
    await written.durable;
    segment.bytes = Math.max(segment.bytes, written.offset + written.length);
    this.#entries.push({ seq, type: frame.type, segment, offset: written.offset, length: written.length });
    if (this.bytes > this.#options.limitBytes) await this.#inOrder(async () => this.#shrink());
    this.#listener();
    return seq;
  }

  /** The next durable frame after `seq`, as the text to send, or undefined. */
  async nextAfter(seq: number): Promise<{ seq: number; text: string } | undefined> {
    return this.#inOrder(async () => {
      const entry = this.#entries[this.#indexAfter(seq)];
      return entry ? { seq: entry.seq, text: await readEntry(entry) } : undefined;
    });
  }

  /** The server has everything up to `seq`. */
  async acknowledge(seq: number): Promise<void> {
    await this.#inOrder(async () => {
      if (seq <= this.#acked || seq >= this.#nextSeq) return;
      this.#acked = seq;
      this.#entries.splice(0, this.#indexAfter(seq));
      const current = this.#segments.at(-1) as Segment;
      if (this.#entries.length === 0 && current.bytes > this.#options.segmentBytes / 4) await this.#rotate();
      const firstNeeded = this.#entries[0]?.segment ?? this.#segments.at(-1);
      while (this.#segments[0] !== firstNeeded) await rm((this.#segments.shift() as Segment).path, { force: true });
    });
  }

  /** The first unacknowledged frame of this type for which `test` holds. Reads from disk: for the start only. */
  async find<T extends SpooledType>(type: T, test: (payload: AgentFrames[T]) => boolean): Promise<AgentFrames[T] | undefined> {
    for (const entry of this.#entries) {
      if (entry.type !== type) continue;
      const { payload } = JSON.parse(await readEntry(entry)) as { payload: AgentFrames[T] };
      if (test(payload)) return payload;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#inOrder(async () => this.#file.close());
  }

  /** One operation at a time; a failed one does not stop the next. */
  async #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  /** Index of the first entry with a higher number. */
  #indexAfter(seq: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #rotate(): Promise<void> {
    await this.#file.close();
    const firstSeq = this.#nextSeq;
    this.#file = await AppendFile.open(segmentPath(this.#options.dir, firstSeq), 0, () => { this.#takeBack(); });
    this.#segments.push({ path: this.#file.path, firstSeq, bytes: 0 });
  }

  /** Turns the oldest log frames into spool.dropped, a segment at a time, until the spool is small enough again. */
  async #shrink(): Promise<void> {
    for (const segment of [...this.#segments]) {
      if (this.bytes <= this.#options.limitBytes) return;
      if (segment === this.#segments.at(-1)) await this.#rotate();
      const own = this.#entries.filter((entry) => entry.segment === segment);
      if (!own.some((entry) => entry.type === 'job.log')) continue;
      const lines: Buffer[] = [];
      let offset = 0;
      let dropped = 0;
      for (const entry of own) {
        let text = await readEntry(entry);
        if (entry.type === 'job.log') {
          const { job, runID, firstSeq, lines: log } = (JSON.parse(text) as { payload: AgentFrames['job.log'] }).payload;
          const payload: AgentFrames['spool.dropped'] = { job, runID, from: firstSeq, to: firstSeq + Math.max(1, log.length) - 1, lines: Math.max(1, log.length) };
          text = JSON.stringify({ type: 'spool.dropped', seq: entry.seq, payload });
          entry.type = 'spool.dropped';
          dropped += payload.lines;
        }
        const line = encodeLine(text);
        entry.offset = offset;
        entry.length = line.length;
        offset += line.length;
        lines.push(line);
      }
      await replaceFile(segment.path, Buffer.concat(lines));
      segment.bytes = offset;
      this.#options.log.warn({ lines: dropped, spool: this.bytes }, 'the spool is full: gave up its oldest log lines; results are kept');
    }
  }
}

interface SpoolRead { id: string | undefined; segments: Segment[]; entries: Entry[]; torn: number; damaged: number }

async function readSpool(dir: string): Promise<SpoolRead> {
  const id = (await readIfThere(join(dir, 'id')))?.toString('utf8').trim();
  const names = (await readdir(dir)).filter((name) => /^\d{16}\.jsonl$/.test(name)).sort();
  const read: SpoolRead = { id: id === '' ? undefined : id, segments: [], entries: [], torn: 0, damaged: 0 };
  let expected: number | undefined;
  for (const [index, name] of names.entries()) {
    const segment: Segment = { path: join(dir, name), firstSeq: Number(name.slice(0, 16)), bytes: 0 };
    const { lines, torn, damaged } = await readLines(segment.path);
    read.damaged += damaged + (torn > 0 && index < names.length - 1 ? 1 : 0);
    read.torn += torn;
    for (const line of lines) {
      const frame = JSON.parse(line.text) as { type: SpooledType; seq: number };
      if (expected !== undefined && frame.seq !== expected) read.damaged++;
      expected = frame.seq + 1;
      read.entries.push({ seq: frame.seq, type: frame.type, segment, offset: line.offset, length: line.length });
      segment.bytes = line.offset + line.length;
    }
    if (lines.length === 0) expected = segment.firstSeq;
    read.segments.push(segment);
  }
  return read;
}

async function readEntry(entry: Entry): Promise<string> {
  const file = await open(entry.segment.path, 'r');
  try {
    const bytes = Buffer.alloc(entry.length);
    await file.read(bytes, 0, entry.length, entry.offset);
    return bytes.toString('utf8', 9, entry.length - 1);
  } finally {
    await file.close();
  }
}

function segmentPath(dir: string, firstSeq: number): string {
  return join(dir, `${String(firstSeq).padStart(16, '0')}.jsonl`);
}
