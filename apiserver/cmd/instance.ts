/** The server's own small document, `<data dir>/instance.json`: who this instance is and where it listens. lowdb over files that are always whole. */
import { readFile, rename } from 'node:fs/promises';
import { Low, type Adapter } from 'lowdb';
import { ulid } from 'ulid';
import { writeAtomic } from './atomicFile.js';

export interface Instance {
  /** Also the gateway's name: a DNS label. */
  instanceId: string;
  formatVersion: number;
  /** SHA-256 of the CA certificate (hex with colons); absent with an own certificate. */
  caFingerprint?: string;
  lastStart?: string;
  /** As printed: `listening on ...`. */
  listening?: string;
}

export const FORMAT_VERSION = 1;

/** lowdb's own file adapter writes 0644 without fsync; a file that cannot be read is kept for people, never overwritten. */
class DurableJsonFile<T> implements Adapter<T> {
  private readonly path: string;
  private readonly warn: (message: string) => void;
  constructor(path: string, warn: (message: string) => void) {
    this.path = path;
    this.warn = warn;
  }

  async read(): Promise<T | null> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      return JSON.parse(text) as T;
    } catch {
      const kept = `${this.path}.corrupt-${new Date().toISOString().replaceAll(':', '')}`;
      await rename(this.path, kept);
      this.warn(`${this.path} is not JSON; it was kept as ${kept}`);
      return null;
    }
  }

  async write(data: T): Promise<void> {
    await writeAtomic(this.path, `${JSON.stringify(data, null, 2)}\n`);
  }
}

export interface InstanceFile {
  data: Instance;
  save(change: Partial<Instance>): Promise<void>;
}

/** @throws Error when the data directory was written by a newer version */
export async function openInstance(path: string, warn: (message: string) => void): Promise<InstanceFile> {
  const db = new Low<Instance>(new DurableJsonFile<Instance>(path, warn), { instanceId: ulid().toLowerCase(), formatVersion: FORMAT_VERSION });
  await db.read();
  if (db.data.formatVersion > FORMAT_VERSION) throw new Error(`${path} has format ${String(db.data.formatVersion)}, this version knows up to ${String(FORMAT_VERSION)}: use a newer restic-manager`);
  return {
    get data() { return db.data; },
    async save(change) {
      Object.assign(db.data, change);
      await db.write();
    },
  };
}
