/** Who holds the repository: every lock, as restic itself wrote it. */
import { ResticError } from './exitCodes.js';
import { asObject, count, text } from './json.js';
import type { Restic } from './restic.js';

export interface Lock {
  id: string;
  /** As the locking process knew it; not the snapshot host. */
  hostname: string;
  pid: number;
  /** Epoch milliseconds of its last refresh, by the holder's clock. */
  time: number;
  exclusive: boolean;
}

/** Locks that vanish between listing and reading were released: they are left out. @throws ResticError */
export async function locks(restic: Restic, signal?: AbortSignal): Promise<Lock[]> {
  const { stdout } = await restic.run('list', ['locks', '--no-lock'], { signal });
  const ids = stdout.split('\n').map((line) => line.trim()).filter((line) => /^[0-9a-f]{64}$/.test(line));
  const found: Lock[] = [];
  for (const id of ids) {
    const lock = await readLock(restic, id, signal);
    if (lock) found.push(lock);
  }
  return found;
}

async function readLock(restic: Restic, id: string, signal?: AbortSignal): Promise<Lock | undefined> {
  try {
    const reply = asObject(await restic.json('cat', ['lock', id, '--no-lock'], { signal }));
    return { id, hostname: text(reply, 'hostname') ?? '', pid: count(reply, 'pid') ?? 0, time: Date.parse(text(reply, 'time') ?? '') || 0, exclusive: reply['exclusive'] === true };
  } catch (error) {
    if (error instanceof ResticError && error.reason !== 'ResticKilled') return undefined;
    throw error;
  }
}
