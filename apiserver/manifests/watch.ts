/** Tells that something moved in some directories. What moved is found by listing: notices are late, doubled or lost at times. */
import { watch, type FSWatcher } from 'node:fs';
import type { Log } from '#controller/ports.js';

/** Beyond it, a rescan has to do. */
const MOST = 4_096;

export interface DirectoryWatch {
  /** Watches these and no others. Each is opened anew: a path may lead to another directory than before. */
  set(directories: readonly string[]): void;
  close(): void;
}

export function watchDirectories(onChange: () => void, log: Log): DirectoryWatch {
  let watchers: FSWatcher[] = [];
  let told = false;

  function open(directory: string): FSWatcher[] {
    try {
      const watcher = watch(directory, { persistent: false }, onChange);
      watcher.on('error', () => {
        watcher.close();
        onChange();
      });
      return [watcher];
    } catch (error) {
      if (!told) log.warn({ directory, error: error instanceof Error ? error.message : String(error) }, 'a manifest directory cannot be watched; it is looked at from time to time');
      told = true;
      return [];
    }
  }

  const closeAll = (those: readonly FSWatcher[]): void => { for (const each of those) each.close(); };
  return {
    set(directories) {
      const old = watchers;
      watchers = [...new Set(directories)].slice(0, MOST).flatMap(open);
      closeAll(old);
    },
    close() {
      closeAll(watchers);
      watchers = [];
    },
  };
}
