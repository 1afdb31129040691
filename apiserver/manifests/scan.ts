/**
 * What manifest files there are, without reading them. Two listings with one signature saw the same files in the same
 * state, however they are reached: a swapped symlink (`..data` of a ConfigMap volume, the worktree link of git-sync) changes it.
 * Whatever cannot be seen is a problem and never just absent, because what is absent may be pruned.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { BODY_LIMIT } from '../admission/decode.js';

export interface ManifestFile {
  /** Below the directory, with `/`. */
  path: string;
  real: string;
  /** Another one: the file may hold something else. */
  stamp: string;
}

export interface FileProblem {
  file?: string;
  message: string;
}

export interface Listing {
  /** By path; a file reached by two ways is here once. */
  files: ManifestFile[];
  problems: FileProblem[];
  /** Where a change can show itself: every directory seen, and those that hold a symlink on the way to it. */
  directories: string[];
  signature: string;
}

const MANIFEST = /\.(ya?ml|json)$/i;
const MAX_DEPTH = 32;
const MAX_FILES = 50_000;

/** Never throws: what cannot be listed is a problem. */
export async function listManifests(directory: string): Promise<Listing> {
  const root = resolve(directory);
  const listing: Listing = { files: [], problems: [], directories: await linkParents(root), signature: '' };
  const seen: string[] = [];
  try {
    const real = await realpath(root);
    if (!(await stat(real)).isDirectory()) throw new Error('is not a directory');
    const walk = new Walk(real, listing, seen);
    await walk.directory(real, '', 0);
    if (walk.full) throw new Error(`holds more than ${String(MAX_FILES)} manifest files`);
  } catch (error) {
    listing.problems.push({ message: `${root}: ${reasonOf(error)}` });
    listing.directories.push(await nearestDirectory(root));
  }
  const byFile = (a: { file?: string }, b: { file?: string }): number => ((a.file ?? '') < (b.file ?? '') ? -1 : 1);
  listing.problems.sort(byFile);
  listing.files = firstOfEach(listing.files.sort((a, b) => (a.path < b.path ? -1 : 1)));
  const hash = createHash('sha256');
  for (const line of [...seen.sort(), ...listing.problems.map(({ file, message }) => `! ${file ?? ''} ${message}`)]) hash.update(`${line}\n`);
  listing.signature = hash.digest('hex');
  return listing;
}

interface Found { path: string; real: string; stats: BigIntStats }

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs, ctimeNs].join(' ');

class Walk {
  private readonly root: string;
  private readonly listing: Listing;
  private readonly seen: string[];
  private readonly entered = new Set<string>();
  /** There are more files than are read. */
  full = false;

  constructor(root: string, listing: Listing, seen: string[]) {
    this.root = root;
    this.listing = listing;
    this.seen = seen;
  }

  /** Hidden names are not ours: `.git`, and `..data` of a ConfigMap volume, whose files are linked beside it. */
  async directory(real: string, path: string, depth: number): Promise<void> {
    if (this.entered.has(real)) return;
    this.entered.add(real);
    this.listing.directories.push(real);
    if (depth > MAX_DEPTH) { this.problem(path, `is nested deeper than ${String(MAX_DEPTH)} directories`); return; }
    const names = (await readdir(real)).filter((name) => !name.startsWith('.') && name !== 'lost+found').sort();
    const found = await Promise.all(names.map(async (name) => this.look(join(real, name), path === '' ? name : `${path}/${name}`)));
    // One after the other: which of two ways to a directory is taken must not depend on time.
    for (const each of found) {
      if (each === undefined) continue;
      try {
        if (each.stats.isDirectory()) await this.directory(each.real, each.path, depth + 1);
        else if (MANIFEST.test(each.path)) this.file(each);
      } catch (error) {
        this.problem(each.path, reasonOf(error));
      }
    }
  }

  private async look(at: string, path: string): Promise<Found | undefined> {
    try {
      const own = await lstat(at, { bigint: true });
      if (!own.isSymbolicLink()) {
        this.note(path, at, own);
        return { path, real: at, stats: own };
      }
      const real = await realpath(at);
      if (real !== this.root && !real.startsWith(this.root + sep)) throw new Error('is a symbolic link that leads out of the directory');
      const stats = await stat(real, { bigint: true });
      this.note(path, real, stats);
      return { path, real, stats };
    } catch (error) {
      this.problem(path, reasonOf(error));
      return undefined;
    }
  }

  private file({ path, real, stats }: Found): void {
    if (!stats.isFile()) this.problem(path, 'is not a regular file');
    else if (stats.size > BigInt(BODY_LIMIT)) this.problem(path, `is larger than ${String(BODY_LIMIT)} bytes`);
    else if (this.listing.files.length === MAX_FILES) this.full = true;
    else this.listing.files.push({ path, real, stamp: stampOf(stats) });
  }

  private note(path: string, real: string, stats: BigIntStats): void {
    if (stats.isDirectory()) this.seen.push(`d ${path} ${relative(this.root, real)} ${String(stats.dev)}:${String(stats.ino)}`);
    else if (MANIFEST.test(path)) this.seen.push(`f ${path} ${real} ${stampOf(stats)}`);
  }

  private problem(file: string, message: string): void {
    this.listing.problems.push({ file, message });
  }
}

/** At most the size limit is read, whatever the file says of itself. @throws Error naming the reason */
export async function readManifest(real: string): Promise<Uint8Array> {
  const file = await open(real, 'r').catch((error: unknown) => { throw new Error(reasonOf(error), { cause: error }); });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('is not a regular file');
    const bytes = Buffer.alloc(Math.min(stats.size, BODY_LIMIT) + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
      length += bytesRead;
      if (bytesRead === 0) return bytes.subarray(0, length);
      if (length === bytes.length) throw new Error('grew while it was read');
    }
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  } finally {
    await file.close();
  }
}

/** Directories in which a link on the way to `path` lies. */
async function linkParents(path: string): Promise<string[]> {
  const parents = new Set<string>();
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const stats = await lstat(at).catch(() => undefined);
    if (stats?.isSymbolicLink()) parents.add(dirname(at));
  }
  return [...parents];
}

async function nearestDirectory(path: string): Promise<string> {
  let at = path;
  while (at !== dirname(at)) {
    at = dirname(at);
    if ((await stat(at).catch(() => undefined))?.isDirectory()) break;
  }
  return at;
}

function firstOfEach(files: readonly ManifestFile[]): ManifestFile[] {
  const real = new Set<string>();
  return files.filter((file) => !real.has(file.real) && real.add(file.real));
}

const reasons: Record<string, string> = {
  ENOENT: 'is not there', EACCES: 'may not be read', EPERM: 'may not be read', ELOOP: 'is a symbolic link that leads nowhere', ENOTDIR: 'is not a directory', EIO: 'cannot be read (I/O error)', ESTALE: 'cannot be read (the mount is stale)',
};

/** Without the path, which the caller names in its own way. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return code === undefined ? error.message : reasons[code] ?? `cannot be read (${code})`;
}
