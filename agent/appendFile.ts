/**
 * A file of checksummed lines that only grows: `<crc32 hex> <text>\n`. What append() promised is on disk; a torn last line (the
 * machine died while writing) is cut off when the file is opened again, and said. Journal and spool are made of these.
 */
import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
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
  /** Bytes of an unfinished last line: never promised to anybody. */
  torn: number;
  /** Whole lines whose checksum is wrong: the disk lost something that was promised. */
  damaged: number;
}

export function encodeLine(text: string): Buffer {
  return Buffer.from(`${checksum(text)} ${text}\n`);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/** Reads every good line. A file that is not there has none. */
export async function readLines(path: string): Promise<ReadResult> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { lines: [], torn: 0, damaged: 0 };
    throw error;
  }
  const result: ReadResult = { lines: [], torn: 0, damaged: 0 };
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(0x0a, offset);
    if (end < 0) {
      result.torn = bytes.length - offset;
      break;
    }
    const line = bytes.toString('utf8', offset, end);
    const text = line.slice(9);
    if (line[8] === ' ' && checksum(text) === line.slice(0, 8)) result.lines.push({ text, offset, length: end + 1 - offset });
    else result.damaged++;
    offset = end + 1;
  }
  return result;
}

interface Waiter { resolve(): void; reject(error: unknown): void }

/** Appends lines; concurrent appends share one fdatasync. One writer per file. */
export class AppendFile {
  readonly path: string;
  readonly #file: FileHandle;
  #size: number;
  #durableSize: number;
  #onFailure: () => void;
  #queue: Buffer[] = [];
  #waiting: Waiter[] = [];
  #writing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle, size: number, onFailure: () => void) {
    this.path = path;
    this.#file = file;
    this.#size = size;
    this.#durableSize = size;
    this.#onFailure = onFailure;
  }

  /**
   * Opens or creates (0600).
   * @param keep bytes to keep: what is behind them is cut off
   * @param onFailure called when a write failed, before the appends concerned (all that are not durable) reject
   */
  static async open(path: string, keep?: number, onFailure: () => void = () => undefined): Promise<AppendFile> {
    if (keep !== undefined) await truncate(path, keep).catch((error: unknown) => { if (codeOf(error) !== 'ENOENT') throw error; });
    const file = await open(path, 'a', 0o600);
    await platform.syncDirectory(dirname(path));
    return new AppendFile(path, file, (await file.stat()).size, onFailure);
  }

  /** Bytes of the file with everything that is queued. */
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

  async #flush(): Promise<void> {
    await Promise.resolve(); // all appends of this turn go together
    while (this.#queue.length > 0) {
      const bytes = Buffer.concat(this.#queue);
      const waiting = this.#waiting;
      this.#queue = [];
      this.#waiting = [];
      try {
        await writeAll(this.#file, bytes);
        await this.#file.datasync();
        this.#durableSize += bytes.length;
        for (const waiter of waiting) waiter.resolve();
      } catch (error) {
        await this.#fail(waiting, error);
      }
    }
    this.#writing = undefined;
  }

  /** The file may hold half a line: it is cut back, and what was queued behind fails too, as its place was counted on. */
  async #fail(waiting: Waiter[], error: unknown): Promise<void> {
    await this.#file.truncate(this.#durableSize).catch(() => undefined);
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

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
}
