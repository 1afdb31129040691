/**
 * Which git commit a directory is checked out at: what people compare with their history. Read from the files of git, so
 * that no git is needed here; where it cannot be told, it is unknown and nothing else suffers.
 * Source: gitrepository-layout(5), "HEAD", "packed-refs", "commondir" (worktrees, which is what git-sync makes).
 */
import { readFile, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const OBJECT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
/** Longer is no pointer of git's. */
const MOST = 4_096;

/** @returns the full hash; undefined where there is none. Never throws */
export async function checkedOutCommit(directory: string): Promise<string | undefined> {
  try {
    for (let at = await realpath(directory); ; at = dirname(at)) {
      const git = await gitDirectory(at);
      if (git !== undefined) return await headOf(git);
      if (at === dirname(at)) return undefined;
    }
  } catch {
    return undefined;
  }
}

/** `.git` is a directory, or a file that names one. */
async function gitDirectory(at: string): Promise<string | undefined> {
  const path = join(at, '.git');
  if (await text(join(path, 'HEAD')) !== undefined) return path;
  const named = /^gitdir: (.+)$/.exec(await text(path) ?? '')?.[1];
  return named === undefined ? undefined : resolve(at, named);
}

async function headOf(git: string): Promise<string | undefined> {
  const head = await text(join(git, 'HEAD')) ?? '';
  const name = /^ref: (refs\/[^\0]+)$/.exec(head)?.[1];
  if (name === undefined) return OBJECT.exec(head)?.[0];
  if (name.split('/').includes('..')) return undefined;
  const common = resolve(git, await text(join(git, 'commondir')) ?? '.');
  for (const place of [git, common]) {
    const loose = OBJECT.exec(await text(join(place, name)) ?? '')?.[0];
    if (loose !== undefined) return loose;
  }
  const packed = await readFile(join(common, 'packed-refs'), 'utf8').catch(() => '');
  const line = packed.split('\n').find((each) => each.endsWith(` ${name}`));
  return OBJECT.exec(line?.split(' ')[0] ?? '')?.[0];
}

async function text(path: string): Promise<string | undefined> {
  const content = await readFile(path, 'utf8').catch(() => undefined);
  return content === undefined || content.length > MOST ? undefined : content.trim();
}
