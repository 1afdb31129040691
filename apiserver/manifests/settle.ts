/**
 * Reads a directory that others write to. What is returned was the same before, while and after it was read, and had been
 * left alone for a moment: a swapped symlink or a checkout of many files is one change, and a file is not taken half written.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '#controller/ports.js';
import type { DecodedManifests } from './decode.js';
import { listManifests, readManifest, reasonOf, type FileProblem, type Listing } from './scan.js';

export interface ReadFile extends DecodedManifests {
  path: string;
  stamp: string;
  /** Of the content. */
  hash: string;
}

export interface Snapshot {
  files: ReadFile[];
  problems: FileProblem[];
  directories: string[];
  /** Of the listing; cheap to compare with the next one. */
  signature: string;
  /** Of names and contents. */
  digest: string;
}

export interface Reading {
  clock: Clock;
  /** How long nothing must change, ms. */
  settleMs: number;
  decode(path: string, bytes: Uint8Array): DecodedManifests;
  /** Files that look as they did then are not read again. Absent: all are. */
  known?: Snapshot;
}

const ATTEMPTS = 8;
const AT_ONCE = 32;

/** @returns undefined when the directory does not come to rest */
export async function readSettled(directory: string, reading: Reading): Promise<Snapshot | undefined> {
  let listing = await listManifests(directory);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await new Promise<void>((resolve) => { reading.clock.setTimer(reading.settleMs, resolve); });
    const rested = await listManifests(directory);
    const isRested = rested.signature === listing.signature;
    listing = rested;
    if (!isRested) continue;
    const snapshot = await readAll(listing, reading);
    listing = await listManifests(directory);
    if (listing.signature === snapshot.signature) return snapshot;
  }
  return undefined;
}

async function readAll({ files, problems, directories, signature }: Listing, { decode, known }: Reading): Promise<Snapshot> {
  const snapshot: Snapshot = { files: [], problems: [...problems], directories, signature, digest: '' };
  const before = new Map(known?.files.map((file) => [file.path, file]));
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const read = await Promise.all(files.slice(from, from + AT_ONCE).map(async ({ path, real, stamp }): Promise<ReadFile | FileProblem> => {
      const same = before.get(path);
      if (same?.stamp === stamp) return same;
      try {
        const bytes = await readManifest(real);
        return { path, stamp, hash: createHash('sha256').update(bytes).digest('hex'), ...decode(path, bytes) };
      } catch (error) {
        return { file: path, message: reasonOf(error) };
      }
    }));
    for (const each of read) {
      if ('stamp' in each) snapshot.files.push(each);
      else snapshot.problems.push(each);
    }
  }
  snapshot.digest = createHash('sha256').update(JSON.stringify([snapshot.files.map(({ path, hash }) => [path, hash]), snapshot.problems])).digest('hex');
  return snapshot;
}
