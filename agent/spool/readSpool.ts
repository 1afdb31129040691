/** What is in a spool's directory: its frames and where they lie, and how much of it is not what was written. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SpooledType } from '#crds/wire/frames.js';
import { readLines, textOf } from '../appendFile.js';
import { readIfThere } from '../files.js';

export interface Entry {
  seq: number;
  type: SpooledType;
  segment: Segment;
  offset: number;
  length: number;
}

export interface Segment {
  path: string;
  firstSeq: number;
  bytes: number;
}

export interface SpoolRead { id: string | undefined; segments: Segment[]; entries: Entry[]; torn: number; damaged: number }

export async function readSpool(dir: string): Promise<SpoolRead> {
  const id = (await readIfThere(join(dir, 'id')))?.toString('utf8').trim() ?? '';
  const names = (await readdir(dir)).filter((name) => /^\d{16}\.jsonl$/.test(name)).sort();
  const read: SpoolRead = { id: /^[\w-]{8,64}$/.test(id) ? id : undefined, segments: [], entries: [], torn: 0, damaged: 0 };
  let expected: number | undefined;
  for (const [index, name] of names.entries()) {
    const segment: Segment = { path: join(dir, name), firstSeq: Number(name.slice(0, 16)), bytes: 0 };
    const { lines, end, torn, damaged } = await readLines(segment.path);
    read.damaged += damaged + (torn > 0 && index < names.length - 1 ? 1 : 0);
    read.torn += torn;
    if (lines.length === 0 && index < names.length - 1) read.damaged++;
    for (const line of lines) {
      const frame = JSON.parse(line.text) as { type: SpooledType; seq: number };
      if (frame.seq !== (expected ?? segment.firstSeq)) read.damaged++;
      expected = frame.seq + 1;
      read.entries.push({ seq: frame.seq, type: frame.type, segment, offset: line.offset, length: line.length });
    }
    segment.bytes = end;
    expected ??= segment.firstSeq;
    read.segments.push(segment);
  }
  return read;
}

/**
 * The text of a frame. What the disk gives back otherwise than it was written is not sent: under its number goes a frame that
 * the server puts aside by name, so that what is behind it arrives.
 */
export async function readEntry(entry: Entry): Promise<string> {
  const file = await open(entry.segment.path, 'r');
  try {
    const bytes = Buffer.alloc(entry.length);
    await file.read(bytes, 0, entry.length, entry.offset);
    return textOf(bytes) ?? JSON.stringify({ type: 'spool.damaged', seq: entry.seq, payload: { type: entry.type } });
  } finally {
    await file.close();
  }
}

/** A spool that was being replaced when the machine died: the new one takes its place if it was complete. */
export async function finishReplacing(dir: string): Promise<void> {
  const names = await readdir(dirname(dir)).catch((): string[] => []);
  if (!names.includes(basename(newName(dir)))) return;
  if (names.includes(basename(dir))) await rm(newName(dir), { recursive: true, force: true });
  else await rename(newName(dir), dir);
}

export function newName(dir: string): string {
  return `${dir}.new`;
}

export function segmentPath(dir: string, firstSeq: number): string {
  return join(dir, `${String(firstSeq).padStart(16, '0')}.jsonl`);
}
