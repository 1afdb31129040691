/**
 * Knows which repository restic really opened, without another restic process (opening costs 0.6 s each time): restic makes
 * or touches `<cache dir>/<repository id>/` whenever it opens one (0.14 and 0.19, seen). Each pinned id has a cache directory
 * of its own, so any other id in it means the repository at that address was replaced.
 */
import { watch } from 'node:fs';
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const repositoryID = /^[0-9a-f]{64}$/;

/** The directory to give restic for a repository; `unpinned` while its id is not known. */
export function cacheDirFor(root: string, id: string | undefined): string {
  return join(root, id ?? 'unpinned');
}

/** Less than this much space free: no cache. restic 0.19 ends over a cache it cannot begin. */
const CACHE_NEEDS_BYTES = 1024 * 1024;

/**
 * How restic is to cache here. On a full disk not at all; and a cache whose version a full disk left empty goes, because restic
 * would end over it (`strconv.ParseUint: parsing ""`) at every call, also when there is space again.
 */
export async function cacheFlag(cacheDir: string): Promise<string> {
  for (const name of await readdir(cacheDir).catch((): string[] => [])) {
    if (repositoryID.test(name) && await stat(join(cacheDir, name, 'version')).then(({ size }) => size === 0, () => false)) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
  const full = await statfs(cacheDir).then(({ bavail, bsize }) => bavail * bsize < CACHE_NEEDS_BYTES, () => false);
  return full ? '--no-cache' : `--cache-dir=${cacheDir}`;
}

export interface OpenedCheck {
  /** Which repository was opened since the check began: its id, or undefined when the cache does not tell (no room for a cache, say). */
  finish(): Promise<string | undefined>;
}

/**
 * Begin before restic starts. `onOther` is called at once when restic opens another repository than `pinned`, so that it can
 * be stopped before it writes much.
 */
export async function checkOpened(cacheDir: string, pinned: string, onOther: (id: string) => void): Promise<OpenedCheck> {
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  const strangers = async (): Promise<string[]> => (await readdir(cacheDir)).filter((name) => repositoryID.test(name) && name !== pinned);
  for (const name of await strangers()) await rm(join(cacheDir, name), { recursive: true, force: true });
  const before = await touched(join(cacheDir, pinned));
  const watcher = watch(cacheDir, { persistent: false }, (_, name) => {
    if (name && repositoryID.test(name) && name !== pinned) onOther(name);
  });
  watcher.on('error', () => undefined); // finish() looks itself
  return {
    async finish() {
      watcher.close();
      const [stranger] = await strangers();
      if (stranger !== undefined) return stranger;
      const after = await touched(join(cacheDir, pinned));
      return after !== undefined && after !== before ? pinned : undefined;
    },
  };
}

async function touched(path: string): Promise<number | undefined> {
  return stat(path).then(({ mtimeMs }) => mtimeMs, () => undefined);
}
