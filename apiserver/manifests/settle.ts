/**
 * Reads a directory that others write to. What is returned was the same before, while and after it was read, and had been
 * left alone for a moment: a swapped symlink or a checkout of many files is one change, and a file is not taken half written.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '#controller/ports.js';
import { listManifests, readManifest, reasonOf, type FileProblem, type Listing } from './scan.js';

export interface Snapshot {
  files: { path: string; bytes: Uint8Array }[];
  problems: FileProblem[];
  directories: string[];
  /** Of the listing; cheap to compare with the next one. */
  signature: string;
  /** Of names and contents. */
  digest: string;
}

const ATTEMPTS = 8;
const AT_ONCE = 32;

/** @param settleMs how long nothing must change @returns undefined when the directory does not come to rest */
export async function readSettled(directory: string, clock: Clock, settleMs: number): Promise<Snapshot | undefined> {
  let listing = await listManifests(directory);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await new Promise<void>((resolve) => { clock.setTimer(settleMs, resolve); });
    const rested = await listManifests(directory);
    const isRested = rested.signature === listing.signature;
    listing = rested;
    if (!isRested) continue;
    const snapshot = await readAll(listing);
    listing = await listManifests(directory);
    if (listing.signature === snapshot.signature) return snapshot;
  }
  return undefined;
}

async function readAll({ files, problems, directories, signature }: Listing): Promise<Snapshot> {
  const snapshot: Snapshot = { files: [], problems: [...problems], directories, signature, digest: '' };
  const hash = createHash('sha256');
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const read = await Promise.all(files.slice(from, from + AT_ONCE).map(async ({ path, real }): Promise<{ path: string; bytes: Uint8Array } | { path: string; problem: string }> => {
      try {
        return { path, bytes: await readManifest(real) };
      } catch (error) {
        return { path, problem: reasonOf(error) };
      }
    }));
    for (const each of read) {
      if ('problem' in each) snapshot.problems.push({ file: each.path, message: each.problem });
      else {
        snapshot.files.push(each);
        hash.update(`${JSON.stringify(each.path)} ${String(each.bytes.length)}\n`).update(each.bytes);
      }
    }
  }
  for (const { file, message } of snapshot.problems) hash.update(`! ${JSON.stringify([file, message])}\n`);
  snapshot.digest = hash.digest('hex');
  return snapshot;
}
