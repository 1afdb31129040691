/**
 * The disk space the spool will need, taken before it does: files of zeros that become segments by a rename, which a full disk
 * allows. Whoever must write something small at such a time (the lock of a starting agent, say) may have one given back.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../log.js';

/** Below this share of free space only results are written. */
const SCARCE = 0.05;
const ASK_EVERY_MS = 1_000;

const isSpare = (name: string): boolean => /^spare-[0-9a-f]{8}$/.test(name);

export class Reserve {
  readonly #dir: string;
  readonly #bytes: number;
  readonly #freeShare: (dir: string) => Promise<number>;
  #spares: string[];
  #scarce = false;
  #asked = -Infinity;
  #wanted = 0;
  #stocking: Promise<void> | undefined;

  private constructor(dir: string, bytes: number, spares: string[], freeShare: (dir: string) => Promise<number>) {
    this.#dir = dir;
    this.#bytes = bytes;
    this.#spares = spares;
    this.#freeShare = freeShare;
  }

  /** @param bytes length of one spare file */
  static async open(dir: string, bytes: number, freeShare: (dir: string) => Promise<number> = shareOf): Promise<Reserve> {
    const names = await readdir(dir);
    for (const name of names) if (/^spare-.*\.new$/.test(name)) await rm(join(dir, name), { force: true });
    const reserve = new Reserve(dir, bytes, names.filter(isSpare), freeShare);
    await reserve.#ask();
    return reserve;
  }

  get spares(): number {
    return this.#spares.length;
  }

  /** Is the disk so full that only results may be written? As of a second ago. */
  get scarce(): boolean {
    if (performance.now() - this.#asked > ASK_EVERY_MS) void this.#ask();
    return this.#scarce;
  }

  /** Makes a spare the file `path`. False: there is none. */
  async become(path: string): Promise<boolean> {
    const name = this.#spares.pop();
    if (name === undefined) return false;
    await rename(join(this.#dir, name), path);
    return true;
  }

  /** Gives one spare back to the disk. */
  async give(): Promise<boolean> {
    const name = this.#spares.pop();
    if (name === undefined) return false;
    await rm(join(this.#dir, name), { force: true });
    return true;
  }

  /** Takes space until there are so many spares, in the background; as far as the disk has it. */
  stock(wanted: number): void {
    this.#wanted = wanted;
    this.#stocking ??= (async () => {
      while (this.#spares.length < this.#wanted) await this.#make();
    })().catch(() => undefined) // the next change of the spool tries again
      .then(() => { this.#stocking = undefined; });
  }

  /** Resolves when nothing is being taken. */
  async settled(): Promise<void> {
    await this.#stocking;
  }

  async #make(): Promise<void> {
    const name = `spare-${randomBytes(4).toString('hex')}`;
    const path = join(this.#dir, name);
    try {
      const file = await open(`${path}.new`, 'wx', 0o600);
      try {
        await file.writeFile(Buffer.alloc(this.#bytes));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    } catch (error) {
      await rm(`${path}.new`, { force: true });
      throw error;
    }
    this.#spares.push(name);
  }

  async #ask(): Promise<void> {
    this.#asked = performance.now();
    this.#scarce = await this.#freeShare(this.#dir).then((share) => share < SCARCE, () => false);
  }
}

async function shareOf(dir: string): Promise<number> {
  const { bavail, blocks } = await statfs(dir);
  return blocks === 0 ? 1 : bavail / blocks;
}

/** Runs `work`; when the disk is full, a spare of this spool is given back and it is run once more. */
export async function withRoom<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
    const spare = (await readdir(dir).catch(() => [])).find(isSpare);
    if (spare === undefined) throw error;
    await rm(join(dir, spare), { force: true });
    return work();
  }
}
