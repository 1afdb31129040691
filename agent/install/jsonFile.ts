/**
 * lowdb with an adapter of our own: lowdb's writes 0644 without fsync. This one replaces the file whole, synced, 0600; a file
 * that does not parse is set aside under a name that says so, never overwritten (E7).
 */
import { Low, type Adapter } from 'lowdb';
import { readIfThere, replaceFile, requirePrivate, setAside } from '../files.js';
import type { Log } from '../log.js';

class PrivateJson<T> implements Adapter<T> {
  readonly #path: string;
  readonly #log: Log;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  async read(): Promise<T | null> {
    const bytes = await readIfThere(this.#path);
    if (!bytes) return null;
    await requirePrivate(this.#path, 'file');
    try {
      const value: unknown = JSON.parse(bytes.toString('utf8'));
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
    } catch {
      // set aside below
    }
    const aside = await setAside(this.#path, Date.now());
    this.#log.error({ file: aside }, `${this.#path} is not valid: kept under this name, a new one is begun`);
    return null;
  }

  async write(data: T): Promise<void> {
    await replaceFile(this.#path, `${JSON.stringify(data, undefined, 2)}\n`);
  }
}

/** @throws NotPrivate when others may read the file */
export async function openJson<T extends object>(path: string, empty: T, log: Log): Promise<Low<T>> {
  const file = new Low<T>(new PrivateJson<T>(path, log), empty);
  await file.read();
  file.data = { ...empty, ...file.data };
  return file;
}
