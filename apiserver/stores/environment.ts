/**
 * One LMDB environment as the stores use it: text keys and text values, one commit at a time, each durable before it is
 * reported (`overlappingSync: false`: fdatasync of the pages, then the meta page through an O_DSYNC descriptor, then the
 * promise). It also tames the ways lmdb fails: a failed commit rejects and raises a second promise, and an error while the
 * meta page is written leaves the environment refusing even reads (MDB_PANIC) until it is opened again.
 */
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { Unavailable } from '#crds/objectStore.js';
import { damageOf } from './fileCheck.js';

export interface Change {
  key: string;
  /** Absent: the key is removed. */
  value?: string;
}

export interface Environment {
  /** The data directory, as messages name it. */
  readonly dir: string;
  /** The environment's own directory in it. */
  readonly path: string;
  /** Set while the environment is being opened again; reads wait for it. */
  readonly reopening: Promise<void> | undefined;
  /** Values read and written since the file was opened, in characters: about what of it is mapped. */
  readonly touched: number;
  /** What the last durable commit left, or a state in flight that is durable already. */
  get(key: string): string | undefined;
  /** Keys that start with the prefix, in byte order. */
  keys(prefix: string): Iterable<string>;
  /** Entries with start <= key < end, in byte order. Consume it before the next await: it holds a read transaction. */
  range(start: string, end: string, limit?: number): Iterable<{ key: string; value: string }>;
  /** The last entry with start <= key <= end. */
  lastIn(start: string, end: string): { key: string; value: string } | undefined;
  /** One transaction, durable when it resolves. Never two at once. @throws Unavailable: nothing of it was stored */
  commit(changes: readonly Change[]): Promise<void>;
  /** Sets key to `value` if it holds `expected`, across processes. Synchronous. */
  compareAndSet(key: string, expected: string | undefined, value: string): boolean;
  /**
   * Opens the file again, so that the pages read so far no longer count as this process's memory: it is mapped, and
   * reading everything once maps everything. Only while nothing is being written.
   */
  forgetPages(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens (or makes) the environment `name` in a data directory.
 * @throws Unavailable naming the directory when it cannot be written or is not a database
 */
export function openEnvironment(dir: string, name: string): Environment {
  const path = join(dir, name);
  let db = openDatabase(dir, path);
  let broken: Unavailable | undefined;

  let reopening: Promise<void> | undefined;
  let touched = 0;

  async function reopen(): Promise<void> {
    await db.close();
    // Another part of the process may have taken the last descriptor meanwhile: it gets some time to give one back.
    for (let wait = 50; ; wait *= 2) {
      try {
        db = openDatabase(dir, path);
        break;
      } catch (error) {
        if (wait > LONGEST_WAIT) throw error;
        await new Promise((resolve) => { setTimeout(resolve, wait); });
      }
    }
    touched = 0;
  }

  async function afterFailure(witness: string | undefined): Promise<void> {
    try {
      if (isPanicked(db)) {
        reopening = reopen();
        await reopening;
      }
      // A transaction that failed must not be there after all: what was refused would come back by itself.
      if (db.get(WITNESS) !== witness) throw new Error('a refused transaction is in the file');
    } catch (cause) {
      broken = new Unavailable(`data directory ${dir} failed and could not be opened again: ${textOf(cause)}; restart the server`, { cause });
    } finally {
      reopening = undefined;
    }
  }

  function usable(): RootDatabase<string, string> {
    if (broken !== undefined) throw broken;
    if (reopening !== undefined) throw new Unavailable(`data directory ${dir} is being opened again after an error`, { retryAfterSeconds: 1 });
    return db;
  }

  /** An error while reading is one of the file. */
  function reading<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw cause instanceof Unavailable ? cause : unavailable(dir, cause);
    }
  }

  function* walking<T>(walk: () => Iterable<T>): Iterable<T> {
    try {
      yield* walk();
    } catch (cause) {
      throw cause instanceof Unavailable ? cause : unavailable(dir, cause);
    }
  }

  return {
    dir,
    path,
    get reopening() { return reopening; },
    get touched() { return touched; },
    get: (key) => reading(() => {
      const value = usable().get(key);
      touched += value?.length ?? 0;
      return value;
    }),
    keys: (prefix) => walking(() => usable().getKeys({ start: prefix, end: after(prefix) })),
    range: (start, end, limit) => walking(() => usable().getRange({ start, end, ...(limit === undefined ? {} : { limit }) })),
    lastIn: (start, end) => reading(() => {
      for (const { key, value } of usable().getRange({ start: end, end: start, reverse: true, inclusiveEnd: true, limit: 1 })) return { key, value };
      return undefined;
    }),
    async commit(changes) {
      const db = usable();
      const witness = db.get(WITNESS);
      for (const { value } of changes) touched += value?.length ?? 0;
      try {
        await db.batch(() => {
          // Every promise of a batch is the same or already settled; each still gets a handler, or a failure ends Node.
          for (const { key, value } of changes) (value === undefined ? db.remove(key) : db.put(key, value)).catch(ignore);
          db.put(WITNESS, String(Number(witness ?? '0') + 1)).catch(ignore);
        });
      } catch (error) {
        const cause = await causeOf(error);
        await afterFailure(witness);
        throw unavailable(dir, cause);
      }
    },
    compareAndSet(key, expected, value) {
      try {
        return db.transactionSync(() => {
          if (db.get(key) !== expected) return false;
          db.put(key, value).catch(ignore);
          return true;
        });
      } catch (cause) {
        throw unavailable(dir, cause);
      }
    },
    async forgetPages() {
      usable();
      try {
        await (reopening = reopen());
      } catch (cause) {
        broken = new Unavailable(`data directory ${dir} could not be opened again: ${textOf(cause)}; restart the server`, { cause });
        throw broken;
      } finally {
        reopening = undefined;
      }
    },
    async close() {
      await db.close();
    },
  };
}

const LONGEST_WAIT = 5_000;
/** Counts commits; after a failed one it tells whether the file holds what it held before. */
const WITNESS = 'm/commit';

function openDatabase(dir: string, path: string): RootDatabase<string, string> {
  try {
    makeDirectory(path);
    const damage = damageOf(join(path, 'data.mdb'));
    if (damage !== undefined) throw new Error(`${join(path, 'data.mdb')} is damaged: ${damage}; restore the data directory from a backup`);
    return open<string, string>({ path, encoding: 'string', overlappingSync: false, eventTurnBatching: false, noSubdir: false, maxDbs: 1 });
  } catch (cause) {
    throw unavailable(dir, cause);
  }
}

/** Node reports a read-only file system as ENOENT when it makes directories recursively: asks the parent that is there. */
function makeDirectory(path: string): void {
  let parent = path;
  while (!existsSync(parent) && dirname(parent) !== parent) parent = dirname(parent);
  accessSync(parent, constants.W_OK);
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Asked with a fresh read transaction: one that was open already reads on and would hide it, and the next commit would never end. */
function isPanicked(db: RootDatabase<string, string>): boolean {
  try {
    db.resetReadTxn();
    db.get(WITNESS);
    return false;
  } catch {
    return true;
  }
}

/** lmdb rejects with a wrapper; the real error is the rejection of its `commitError`, which must be taken up too. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

function unavailable(dir: string, cause: unknown): Unavailable {
  const text = textOf(cause);
  if (/No space left|ENOSPC|EDQUOT|quota exceeded/i.test(text) || (/Input\/output error/i.test(text) && isFull(dir))) return new Unavailable(`disk full: nothing can be written to ${dir}; free some space, then writes go on by themselves`, { diskFull: true, retryAfterSeconds: 10, cause });
  if (/EACCES|EPERM|EROFS|Permission denied|Read-only file system|not permitted/i.test(text)) return new Unavailable(`data directory ${dir} is not writable: ${text}`, { cause });
  return new Unavailable(`data directory ${dir}: ${text}`, { retryAfterSeconds: 5, cause });
}

/** A write cut short by a full disk is reported by LMDB as EIO. */
function isFull(dir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize < 1024 * 1024;
  } catch {
    return false;
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The first key that no longer starts with the prefix. */
function after(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function ignore(): void { /* The batch promise carries the failure. */ }
