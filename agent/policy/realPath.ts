/** Where a path leads when every link on it is followed: what a policy about directories must be compared with. */
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { codeOf } from '../log.js';

/** What is not there yet keeps its name. undefined: a link on it leads nowhere or in a circle, so nobody knows where it will lead. */
export async function realPathOf(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      return join(await realpath(at), ...missing);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') return undefined;
      if (await isThere(at)) return undefined;
      missing.unshift(basename(at));
    }
  }
}

/** Is it one of these directories, or below one? Both sides by where they really are. */
export async function isWithin(path: string, roots: readonly string[]): Promise<boolean> {
  const real = await realPathOf(path);
  if (real === undefined) return false;
  for (const root of roots) {
    const top = await realPathOf(root);
    if (top === undefined) continue;
    const way = relative(top, real);
    if (way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))) return true;
  }
  return false;
}

/** A link that leads nowhere is there, too. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false);
}
