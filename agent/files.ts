/** Files whose loss would matter: replaced whole, synced before anybody relies on them, readable by their owner alone. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './log.js';

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
  await syncDirectory(dirname(path));
}

/** Makes a rename or a new name in this directory survive a power cut. Windows cannot open directories and needs no sync. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
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

/** Creates the directory 0700 when it is not there. @throws NotPrivate when it is, and others may look inside. */
export async function privateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await requirePrivate(path, '0700');
}

/** @throws NotPrivate when group or others have any right on it, or it is not ours. */
export async function requirePrivate(path: string, wanted: '0600' | '0700'): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode, uid } = await stat(path);
  if ((mode & 0o077) !== 0) throw new NotPrivate(`${path} has mode 0${(mode & 0o777).toString(8)}, but it holds secrets: run chmod ${wanted} ${path}`);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) throw new NotPrivate(`${path} belongs to uid ${uid}, but this agent runs as uid ${own}: run chown ${own} ${path}`);
}

/** Puts a file that cannot be read aside, never deletes it. Returns its new name. */
export async function setAside(path: string, now: number): Promise<string> {
  const aside = `${path}.corrupt-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(path, aside);
  return aside;
}
