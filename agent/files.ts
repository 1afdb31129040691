/** Files whose loss would matter: replaced whole, synced before anybody relies on them, readable by their owner alone. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from './log.js';
import { platform } from './platform/here.js';
import type { Kept, Platform } from './platform/platform.js';

/** A file or directory others may read, or that is somebody else's: the start is refused. */
export class NotPrivate extends Error {
  override name = 'NotPrivate';
}

/** Replaces `path`: after it resolves, a power cut leaves the new content; before, the old one. Mode 0600. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await platform.syncDirectory(dirname(path));
}

/** The content, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Creates the directory, closed to others, when it is not there. @throws NotPrivate when it is, and others may look inside. */
export async function privateDirectory(path: string): Promise<void> {
  if (await mkdir(path, { recursive: true, mode: 0o700 }) !== undefined) await platform.closeToOthers(path);
  await requirePrivate(path, 'directory');
}

/** @throws NotPrivate when anybody else has any right on it, or it is not ours. */
export async function requirePrivate(path: string, kind: 'file' | 'directory'): Promise<void> {
  await requireAllPrivate([{ path, kind }], platform);
}

async function requireAllPrivate(kept: readonly Kept[], on: Platform): Promise<void> {
  const problem = await on.privacyProblem(kept);
  if (problem) throw new NotPrivate(`${problem.path} ${problem.why}`);
}

/** Where restic keeps its caches: closed by itself, and possibly a hundred thousand files. Not looked into. */
const CACHE = 'cache';

/**
 * All that is in the state directory is this user's alone: credentials, plan and key, journal, spool, what a killed agent left.
 * Each is asked: a file that was moved or copied here brought its rights along, and Windows lets everybody reach a file by its
 * name through directories closed to him.
 * @throws NotPrivate naming the first that is not, and the command that makes it so
 */
export async function privateState(dir: string, on = platform): Promise<void> {
  const kept: Kept[] = [];
  const look = async (path: string, depth: number): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const at = join(path, entry.name);
      if (entry.name === 'lost+found') continue; // the file system's own
      const found = await stat(at).catch(() => undefined); // a link that leads nowhere holds nothing
      if (!found) continue;
      kept.push({ path: at, kind: found.isDirectory() ? 'directory' : 'file' });
      if (entry.isDirectory() && !(depth === 1 && basename(path) === CACHE)) await look(at, depth + 1);
    }
  };
  await look(dir, 0);
  await requireAllPrivate(kept, on);
}

/** agent.env beside agent.yaml holds the agent's bearer. It may be root's: systemd reads it for an agent that runs as somebody else. @throws NotPrivate */
export async function requirePrivateEnv(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found) await requireAllPrivate([{ path, kind: 'file', administrators: true }], platform);
}

/** Puts a file or directory that cannot be read aside, never deletes it. Returns its new name. */
export async function setAside(path: string, now: number): Promise<string> {
  const aside = asideName(path, now);
  await rename(path, aside);
  return aside;
}

/** A second name for a damaged file, which is about to be replaced by what can be read of it. */
export async function keepAside(path: string, now: number): Promise<string> {
  const aside = asideName(path, now);
  await link(path, aside);
  return aside;
}

/** What was ever put aside in this directory. */
export async function putAside(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.includes(ASIDE)).sort();
}

const ASIDE = '.corrupt-';

function asideName(path: string, now: number): string {
  return `${path}${ASIDE}${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
}
