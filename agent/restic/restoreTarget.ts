/**
 * Where a restore may write. The agent is root: a path that others can change would let them aim its writes anywhere, so in
 * place no ancestor may be a link or somebody else's to write, and a directory of its own belongs to the agent alone (E31).
 */
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, parse, resolve } from 'node:path';
import type { RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { platform } from '../platform/here.js';
import { ResticError } from './exitCodes.js';

const instead = 'restore into a directory of its own (restore.targetDirectory) and copy from it';

/** Absolute target of these arguments; `/` in place. Nothing is created. For agent.yaml's policy. @throws ResticError TargetRefused */
export function restoreTarget({ inPlace, targetDirectory }: RestoreArgs, job: string, home = homedir()): string {
  if (inPlace) return parse(resolve('/')).root;
  const given = targetDirectory ?? `~/rm-restore/${job}`;
  const expanded = given.replace(/^(?:~|\$HOME|\$\{HOME\})(?=\/|$)/, home);
  if (!isAbsolute(expanded) || expanded.includes('\0')) throw new ResticError('TargetRefused', `restore.targetDirectory ${JSON.stringify(given)} is not absolute; only a leading ~, $HOME or \${HOME} is expanded`);
  const target = resolve(expanded);
  if (target === parse(target).root) throw new ResticError('TargetRefused', `restore.targetDirectory ${JSON.stringify(given)} is the root of the file system: that is in place (restore.inPlace)`);
  return target;
}

/** Makes the directory, 0700 as those above it that are missing; one that is there must be the agent's alone. @throws ResticError TargetRefused */
export async function makeTarget(target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  try {
    await mkdir(target, { mode: 0o700 });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const why = await insecurity(target);
  if (why !== undefined) throw new ResticError('TargetRefused', `${target} ${why}; choose a directory that is not there yet`);
}

/**
 * Every directory from the root down to each of `directories`, as far as they are there: none a link, none that others may write.
 * @throws ResticError TargetRefused
 */
export async function requireSafeAncestors(directories: Iterable<string>): Promise<void> {
  const seen = new Set<string>();
  for (const directory of directories) {
    const chain: string[] = [];
    for (let at = resolve(directory); !seen.has(at); at = dirname(at)) {
      seen.add(at);
      chain.unshift(at);
    }
    for (const at of chain) {
      const why = await insecurity(at);
      if (why !== undefined) throw new ResticError('TargetRefused', `restoring in place is refused: ${at} ${why}, and could lead the restore elsewhere; ${instead}`);
    }
  }
}

/** Why nothing is written below this path, or undefined when it is safe or not there. */
async function insecurity(path: string): Promise<string | undefined> {
  let found;
  try {
    found = await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
  if (found.isSymbolicLink()) return 'is a symbolic link';
  if (platform.os === 'windows' || !found.isDirectory()) return undefined;
  const own = process.getuid?.();
  if (found.uid !== 0 && found.uid !== own) return `belongs to uid ${found.uid}`;
  if ((found.mode & 0o022) !== 0) return `may be written by others (mode 0${(found.mode & 0o777).toString(8)})`;
  return undefined;
}

/** The first symbolic link somewhere below a directory: an earlier restore may have made it. */
export async function firstLinkIn(directory: string): Promise<string | undefined> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const link = entry.isSymbolicLink() ? path : entry.isDirectory() ? await firstLinkIn(path) : undefined;
    if (link !== undefined) return link;
  }
  return undefined;
}

/** Where a path of the snapshot lands below the target. */
export function landsAt(target: string, path: string): string {
  return join(target, path.replace(/^([A-Za-z]):/, '$1'));
}
