/**
 * Reports and log lines, kept on disk until the server has them. Each frame has a sequence number; numbers are never reused,
 * and a frame may be sent only after it is durable (else a crash could give its number to another frame, which the server
 * would take for a repeat). Segment files `<first seq>.jsonl` hold checksummed lines; the newest one stays, so that the
 * number survives even when everything is acknowledged. Exactly once = resent from the first unacknowledged, told apart by seq.
 *
 * Bounded: past the limit the oldest log frames become `spool.dropped` in place, under their own number. Results never go. The
 * whole limit is taken on the disk beforehand (reserve.ts); when little of the disk is free, only job frames are taken on.
 *
 * A spool that lost something it promised is set aside whole, and what can be read goes on in a new one under a new id: no
 * number of the old id is ever used again.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentFrames, SpooledType } from '#crds/wire/frames.js';
import { AppendFile, encodeFile, encodeLine } from '../appendFile.js';
import { privateDirectory, replaceFile, setAside } from '../files.js';
import { messageOf, type Log } from '../log.js';
import { platform } from '../platform/here.js';
import { finishReplacing, newName, readEntry, readSpool, segmentPath, type Entry, type Segment, type SpoolRead } from './readSpool.js';
import { Reserve } from './reserve.js';

export const SPOOL_LIMIT_BYTES = 16 * 1024 * 1024;
const SEGMENT_BYTES = 1024 * 1024;
/** What a line has beside its payload, at most. */
const FRAME_BYTES = 128;

export type SpooledFrame = { [T in SpooledType]: { type: T; payload: AgentFrames[T] } }[SpooledType];

export interface SpoolOptions {
  dir: string;
  log: Log;
  limitBytes?: number;
  segmentBytes?: number;
  /** Share of the disk that is free, 0 to 1. Default: asked of the disk. */
  freeShare?: (dir: string) => Promise<number>;
}

type Options = Required<Omit<SpoolOptions, 'freeShare'>> & Pick<SpoolOptions, 'freeShare'>;

/** The disk is nearly full: this can be had again or is counted, results go first. */
export class SpoolScarce extends Error {
  override name = 'SpoolScarce';
}

/** What is still taken on when the disk is nearly full. */
const ALWAYS: ReadonlySet<SpooledType> = new Set<SpooledType>(['job.started', 'job.finished', 'spool.dropped']);

export class Spool {
  /** Sequences of another id are not comparable. */
  readonly id: string;
  readonly #options: Options;
  readonly #reserve: Reserve;
  /** Durable and unacknowledged, by number. */
  #entries: Entry[] = [];
  #segments: Segment[] = [];
  #file: AppendFile;
  #nextSeq: number;
  /** Highest number the server has. */
  #acked: number;
  #work: Promise<unknown> = Promise.resolve();
  #listener: () => void = () => undefined;

  private constructor(id: string, options: Options, reserve: Reserve, file: AppendFile, segments: Segment[], entries: Entry[], nextSeq: number) {
    this.id = id;
    this.#options = options;
    this.#reserve = reserve;
    this.#file = file;
    this.#segments = segments;
    this.#entries = entries;
    this.#nextSeq = nextSeq;
    this.#acked = (entries[0]?.seq ?? nextSeq) - 1;
  }

  /** @param now for the name of a damaged spool that is set aside */
  static async open(given: SpoolOptions, now = Date.now()): Promise<Spool> {
    const options = { limitBytes: SPOOL_LIMIT_BYTES, segmentBytes: SEGMENT_BYTES, ...given };
    await finishReplacing(options.dir);
    await privateDirectory(options.dir);
    const read = await readSpool(options.dir);
    if (read.id === undefined && read.segments.length === 0) return Spool.#create(options, []);
    if (read.id === undefined || read.damaged + read.torn > 0) return Spool.#replace(options, read, now);
    const last = read.segments.at(-1);
    const segments = last ? read.segments : [{ path: segmentPath(options.dir, 1), firstSeq: 1, bytes: 0 }];
    const nextSeq = (read.entries.at(-1)?.seq ?? (segments.at(-1)?.firstSeq ?? 1) - 1) + 1;
    return Spool.#on(read.id, options, segments, read.entries, nextSeq);
  }

  static async #create(options: Options, frames: readonly SpooledFrame[]): Promise<Spool> {
    const id = randomBytes(9).toString('base64url');
    await replaceFile(join(options.dir, 'id'), id);
    const spool = await Spool.#on(id, options, [{ path: segmentPath(options.dir, 1), firstSeq: 1, bytes: 0 }], [], 1);
    await Promise.all(frames.map(async (frame) => spool.append(frame)));
    return spool;
  }

  /** A spool in the place of a damaged one, with what is left of that. Until it is complete it has another name. */
  static async #replace(options: Options, read: SpoolRead, now: number): Promise<Spool> {
    const { dir, log } = options;
    const frames = await Promise.all(read.entries.map(async (entry) => JSON.parse(await readEntry(entry)) as SpooledFrame));
    for (const name of await readdir(dir)) if (name.startsWith('spare-')) await rm(join(dir, name), { force: true });
    await mkdir(newName(dir), { mode: 0o700 });
    const next = await Spool.#create({ ...options, dir: newName(dir), freeShare: async () => Promise.resolve(1) }, frames);
    await next.close();
    const aside = await setAside(dir, now);
    await rename(newName(dir), dir);
    await platform.syncDirectory(dirname(dir));
    if (read.damaged > 0 || read.id === undefined) log.error({ directory: aside, lost: read.damaged, saved: frames.length }, 'the spool was damaged: kept under this name; the frames that could be read go on under new numbers, the rest is lost');
    else log.warn({ directory: aside, bytes: read.torn, saved: frames.length }, 'cut off the torn end of the spool: those frames had not been promised to anybody');
    return Spool.open(options, now);
  }

  static async #on(id: string, options: Options, segments: Segment[], entries: Entry[], nextSeq: number): Promise<Spool> {
    const last = segments.at(-1) as Segment;
    const reserve = await Reserve.open(options.dir, options.segmentBytes, options.freeShare);
    const spool: Spool = new Spool(id, options, reserve, await AppendFile.open(last.path, last.bytes, options.segmentBytes, () => { spool.#takeBack(); }), segments, entries, nextSeq);
    spool.#stock();
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

  /** Little of the disk is free: log lines are better counted than offered. */
  get scarce(): boolean {
    return this.#reserve.scarce;
  }

  /**
   * Resolves with the frame's number when it is durable; concurrent appends share a sync.
   * @throws SpoolScarce, or the disk's error; the frame is not in the spool then
   */
  async append(frame: SpooledFrame): Promise<number> {
    if (!ALWAYS.has(frame.type) && this.#reserve.scarce) throw new SpoolScarce('less than 5 % of the disk is free: only results are written to the spool');
    const payload = JSON.stringify(frame.payload);
    const { seq, written, segment } = await this.#inOrder(async () => {
      if (this.#file.size > 0 && this.#file.size + Buffer.byteLength(payload) + FRAME_BYTES > this.#options.segmentBytes) await this.#rotate();
      const own = this.#nextSeq++;
      return { seq: own, segment: this.#segments.at(-1) as Segment, written: this.#file.append(`{"type":"${frame.type}","seq":${own},"payload":${payload}}`) };
    });
    await written.durable;
    segment.bytes = Math.max(segment.bytes, written.offset + written.length);
    this.#entries.push({ seq, type: frame.type, segment, offset: written.offset, length: written.length });
    if (this.bytes > this.#allowed) await this.#inOrder(async () => this.#shrink()).catch((error: unknown) => { this.#options.log.warn({ error: messageOf(error) }, 'the spool could not give up log lines'); });
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
      if (this.#segments[0] === firstNeeded) return;
      while (this.#segments[0] !== firstNeeded) await rm((this.#segments.shift() as Segment).path, { force: true });
      this.#stock();
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
    await this.#reserve.settled();
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
    await this.#file.idle(); // a failed write gives its numbers back
    const firstSeq = this.#nextSeq;
    const path = segmentPath(this.#options.dir, firstSeq);
    await this.#reserve.become(path);
    const before = this.#file;
    this.#file = await AppendFile.open(path, 0, this.#options.segmentBytes, () => { this.#takeBack(); });
    this.#segments.push({ path, firstSeq, bytes: 0 });
    await before.close();
    this.#stock();
  }

  /** Bytes of frames it may hold: of the space it takes, the last of it is for giving up log lines. */
  get #allowed(): number {
    return this.#options.limitBytes - 2 * this.#options.segmentBytes;
  }

  /** Takes the space that the limit allows and no segment has. */
  #stock(): void {
    const { limitBytes, segmentBytes } = this.#options;
    const taken = this.#segments.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0) + segmentBytes;
    this.#reserve.stock(Math.floor((limitBytes - taken) / segmentBytes));
  }

  /** Turns the oldest log frames into spool.dropped, a segment at a time, until the spool is small enough again. */
  async #shrink(): Promise<void> {
    for (const segment of [...this.#segments]) {
      if (this.bytes <= this.#allowed) break;
      if (!this.#entries.some((entry) => entry.segment === segment && entry.type === 'job.log')) continue;
      if (segment === this.#segments.at(-1)) await this.#rotate();
      const own = this.#entries.filter((entry) => entry.segment === segment);
      const texts: string[] = [];
      const places: Pick<Entry, 'type' | 'offset' | 'length'>[] = [];
      let offset = 0;
      let dropped = 0;
      for (const entry of own) {
        let { type } = entry;
        let text = await readEntry(entry);
        if (type === 'job.log') {
          const { job, runID, firstSeq, lines: log } = (JSON.parse(text) as { payload: AgentFrames['job.log'] }).payload;
          const payload: AgentFrames['spool.dropped'] = { job, runID, from: firstSeq, to: firstSeq + Math.max(1, log.length) - 1, lines: Math.max(1, log.length) };
          text = JSON.stringify({ type: 'spool.dropped', seq: entry.seq, payload });
          type = 'spool.dropped';
          dropped += payload.lines;
        }
        const { length } = encodeLine(text);
        places.push({ type, offset, length });
        offset += length;
        texts.push(text);
      }
      const replace = async (): Promise<void> => replaceFile(segment.path, encodeFile(texts, 1));
      await replace().catch(async (error: unknown) => {
        if (!await this.#reserve.give()) throw error;
        await replace();
      });
      for (const [index, place] of places.entries()) Object.assign(own[index] as Entry, place);
      segment.bytes = offset;
      this.#options.log.warn({ lines: dropped, spool: this.bytes }, 'the spool is full: gave up its oldest log lines; results are kept');
    }
    this.#stock();
  }
}
