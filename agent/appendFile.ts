/**
 * A file of checksummed lines that only grows: `<crc32 hex> <text>\n`. What append() promised is on disk; a torn last line (the
 * machine died while writing) is cut off when the file is opened again, and said. Room is taken on the disk ahead of the lines
 * and filled with zeros. Journal and spool are made of these.
 */
import { constants, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { platform } from './platform/here.js';
import { codeOf } from './log.js';

export interface ReadLine {
  text: string;
  /** Byte offset of the line in the file, and its length with the line feed. */
  offset: number;
  length: number;
}

export interface ReadResult {
  lines: ReadLine[];
  /** Where the last good line ends. */
  end: number;
  /** Bytes of an unfinished last line: never promised to anybody. */
  torn: number;
  /** Whole lines whose checksum is wrong, or a missing end: the disk lost something that was promised. */
  damaged: number;
}

const LINE_FEED = 0x0a;
/** Room is taken in multiples of this. */
const ROOM_UNIT = 4_096;

export function encodeLine(text: string): Buffer {
  return Buffer.from(`${checksum(text)} ${text}\n`);
}

/** The text of one line with its line feed; undefined when it is not what was written. */
export function textOf(line: Buffer): string | undefined {
  const whole = line.toString('utf8', 0, line.length - 1);
  const text = whole.slice(9);
  return line.at(-1) === LINE_FEED && whole[8] === ' ' && checksum(text) === whole.slice(0, 8) ? text : undefined;
}

/** What a whole file of these lines looks like. @param room bytes that are free behind them, at least */
export function encodeFile(texts: readonly string[], room: number): Buffer {
  const lines = Buffer.concat(texts.map(encodeLine));
  return Buffer.concat([lines, Buffer.alloc(roundUp(lines.length + Math.max(1, room)) - lines.length)]);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / ROOM_UNIT) * ROOM_UNIT;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/**
 * Reads every good line. A file that is not there has none. Behind the lines are zeros: room that is taken already. A file whose
 * last byte is no zero was cut (unless its lines fill it to the byte): what was promised is lost, and that counts as damage.
 */
export async function readLines(path: string): Promise<ReadResult> {
  const result: ReadResult = { lines: [], end: 0, torn: 0, damaged: 0 };
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return result;
    throw error;
  }
  let offset = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, offset)) {
    const text = textOf(bytes.subarray(offset, end + 1));
    if (text === undefined) result.damaged++;
    else result.lines.push({ text, offset, length: end + 1 - offset });
    offset = end + 1;
    if (text !== undefined) result.end = offset;
  }
  let last = bytes.length;
  while (last > offset && bytes[last - 1] === 0) last--;
  result.torn = last - offset;
  if (bytes.length === 0 || (last === bytes.length && (result.torn > 0 || bytes.length % ROOM_UNIT !== 0))) result.damaged++;
  return result;
}

interface Waiter { resolve(): void; reject(error: unknown): void }

/**
 * Appends lines; concurrent appends share one fdatasync. One writer per file. Room is taken on the disk before lines need it, a
 * step at a time, so that what fits in it can still be written when the disk is full.
 */
export class AppendFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #step: number;
  #size: number;
  #durableSize: number;
  /** Length of the file: lines, then zeros. */
  #room: number;
  #onFailure: () => void;
  #queue: Buffer[] = [];
  #waiting: Waiter[] = [];
  #writing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle, size: number, room: number, step: number, onFailure: () => void) {
    this.path = path;
    this.#file = file;
    this.#size = size;
    this.#durableSize = size;
    this.#room = room;
    this.#step = step;
    this.#onFailure = onFailure;
  }

  /**
   * Opens or creates (0600).
   * @param keep where the lines end; what is behind them goes
   * @param step bytes of room to take at a time
   * @param onFailure called when a write failed, before the appends concerned (all that are not durable) reject
   * @throws the disk's error, when there is no room for a first step
   */
  static async open(path: string, keep: number, step: number, onFailure: () => void = () => undefined): Promise<AppendFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await file.stat();
      const opened = new AppendFile(path, file, keep, size, roundUp(step), onFailure);
      if (size === 0) await opened.#takeRoom(1);
      await opened.#clearBehind();
      await platform.syncDirectory(dirname(path));
      return opened;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes of the lines with everything that is queued. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the line is durable. Returns its offset at once, as order is fixed by the call. */
  append(text: string): { offset: number; length: number; durable: Promise<void> } {
    const line = encodeLine(text);
    const offset = this.#size;
    this.#size += line.length;
    this.#queue.push(line);
    const durable = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#writing ??= this.#flush();
    return { offset, length: line.length, durable };
  }

  /** Resolves when nothing is on its way to the disk. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // all appends of this turn go together
    while (this.#queue.length > 0) {
      const bytes = Buffer.concat(this.#queue);
      const waiting = this.#waiting;
      this.#queue = [];
      this.#waiting = [];
      try {
        await this.#takeRoom(this.#durableSize + bytes.length);
        await writeAll(this.#file, bytes, this.#durableSize);
        await this.#file.datasync();
        this.#durableSize += bytes.length;
        for (const waiter of waiting) waiter.resolve();
      } catch (error) {
        await this.#fail(waiting, error);
      }
    }
    this.#writing = undefined;
  }

  /** Makes the file so long that `end` fits, with zeros that are really written. */
  async #takeRoom(end: number): Promise<void> {
    if (end < this.#room) return;
    const room = Math.ceil((end + 1) / this.#step) * this.#step;
    try {
      await writeAll(this.#file, Buffer.alloc(room - this.#room), this.#room);
      await this.#file.datasync();
      this.#room = room;
    } catch (error) {
      await this.#file.truncate(this.#room).catch(() => undefined);
      throw error;
    }
  }

  /** Nothing but zeros behind the lines. */
  async #clearBehind(): Promise<void> {
    const behind = Buffer.alloc(this.#room - this.#durableSize);
    const { bytesRead } = await this.#file.read(behind, 0, behind.length, this.#durableSize);
    if (behind.subarray(0, bytesRead).every((byte) => byte === 0)) return;
    await writeAll(this.#file, Buffer.alloc(behind.length), this.#durableSize);
    await this.#file.datasync();
  }

  /** The file may hold half a line: it is taken out, and what was queued behind fails too, as its place was counted on. */
  async #fail(waiting: Waiter[], error: unknown): Promise<void> {
    await this.#clearBehind().catch(() => undefined);
    const all = [...waiting, ...this.#waiting];
    this.#queue = [];
    this.#waiting = [];
    this.#size = this.#durableSize;
    this.#onFailure();
    for (const waiter of all) waiter.reject(error);
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}
