/**
 * Where a restore may write. The agent is root: a path that others can change would let them aim its writes anywhere, so in
 * place no ancestor may be a link or somebody else's to write, and a directory of its own belongs to the agent alone (E31).
 */
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, parse, resolve } from 'node:path';
import type { RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { codeOf } from '../log.js';
import { platform } from '../platform/here.js';
import type { Found, Platform, Step } from '../platform/platform.js';
import { ResticError } from './exitCodes.js';

const instead = 'restore into a directory of its own (restore.targetDirectory) and copy from it';

/** Absolute target of these arguments; `/` in place. Nothing is created. For agent.yaml's policy. @throws ResticError TargetRefused */
export function restoreTarget({ inPlace, targetDirectory }: RestoreArgs, job: string, home = homedir(), on: Pick<Platform, 'keepsPaths'> = platform): string {
  if (inPlace && !on.keepsPaths) throw new ResticError('TargetRefused', `restoring in place is not possible on this host: its paths have drives, and restic would put C:\\x at \\C\\x; ${instead}`);
  if (inPlace) return parse(resolve('/')).root;
  const given = targetDirectory ?? `~/rm-restore/${job}`;
  const expanded = given.replace(/^(?:~|\$HOME|\$\{HOME\})(?=\/|$)/, home);
  if (!isAbsolute(expanded) || expanded.includes('\0')) throw new ResticError('TargetRefused', `restore.targetDirectory ${JSON.stringify(given)} is not absolute; only a leading ~, $HOME or \${HOME} is expanded`);
  const target = resolve(expanded);
  if (target === parse(target).root) throw new ResticError('TargetRefused', `restore.targetDirectory ${JSON.stringify(given)} is the root of the file system: that is in place (restore.inPlace)`);
  return target;
}

/** Makes the directory, closed to others as those above it that are missing; one that is there must be the agent's alone. @throws ResticError TargetRefused */
export async function makeTarget(target: string, on = platform): Promise<void> {
  const refuse = (path: string, why: string): ResticError => new ResticError('TargetRefused', `${path} ${why}; choose a directory that is not there yet`);
  const above = await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const made: string[] = [];
  for (let at = dirname(target); above !== undefined && at.startsWith(above); at = dirname(at)) made.unshift(at);
  const isNew = await mkdir(target, { mode: 0o700 }).then(() => true, (error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  });
  if (isNew) made.push(target);
  for (const path of made) await on.closeToOthers(path);
  if (isNew && (await readdir(target)).length > 0) throw refuse(target, 'was filled by others as soon as it was made');
  const steps: Step[] = [];
  for (const path of new Set([...made, target])) {
    const found = await look(path);
    if (found === 'link') throw refuse(path, LINK);
    if (found) steps.push({ path, found, filled: true });
  }
  const problem = await on.wayProblem(steps);
  if (problem) throw refuse(problem.path, problem.why);
}

/**
 * Every directory from the root down to each of `directories`, as far as they are there: none a link, none that others may write.
 * @throws ResticError TargetRefused
 */
export async function requireSafeAncestors(directories: Iterable<string>, on = platform): Promise<void> {
  const steps = new Map<string, Step>();
  for (const directory of directories) {
    const chain: string[] = [];
    for (let at = resolve(directory); ; at = dirname(at)) {
      chain.unshift(at);
      if (at === dirname(at)) break;
    }
    let last: Step | undefined;
    for (const at of chain) {
      const found = steps.get(at)?.found ?? await look(at);
      if (found === 'link') throw refused(at, LINK);
      if (!found) break;
      last = steps.get(at) ?? { path: at, found, filled: false };
      steps.set(at, last);
    }
    if (last) last.filled = true; // what the restore makes there, it makes in the last that is there
  }
  const problem = await on.wayProblem([...steps.values()]);
  if (problem) throw refused(problem.path, problem.why);
}

const LINK = 'is a symbolic link';

function refused(path: string, why: string): ResticError {
  return new ResticError('TargetRefused', `restoring in place is refused: ${path} ${why}, and could lead the restore elsewhere; ${instead}`);
}

/** What leads on from a path: undefined when nothing does, as it is not there or is a file. */
async function look(path: string): Promise<Found | 'link' | undefined> {
  try {
    const found = await lstat(path);
    return found.isSymbolicLink() ? 'link' : found.isDirectory() ? found : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
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
