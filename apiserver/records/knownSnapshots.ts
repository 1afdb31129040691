/**
 * Which snapshots came from backups of this system, by repository: what the guard of a forget knows. Written with the
 * outcome that tells of the snapshot, so that one is never there without the other; kept as long.
 */
import type { Transaction } from '../stores/writeQueue.js';
import type { Environment } from '../stores/environment.js';
import { endOf, newestFirst } from './keys.js';
import type { KnownSnapshot } from './records.js';

/** Digits of an id that tell it from every other of its repository. */
export const KNOWN_DIGITS = 16;

export interface KnownSnapshots {
  add(transaction: Transaction<unknown>, snapshot: KnownSnapshot): void;
  list(repositoryID: string, limit: number): string[];
}

interface Options {
  environment: Environment;
  now: () => number;
  expire: (transaction: Transaction<unknown>, key: string) => void;
}

/** Undefined when the id is none or too short to be told apart. @param time of the outcome, epoch milliseconds */
export function knownKey({ repositoryID, snapshotID }: KnownSnapshot, time: number): string | undefined {
  if (!/^[0-9a-f]{64}$/.test(repositoryID) || !/^[0-9a-f]{16,64}$/.test(snapshotID)) return undefined;
  return `k/${repositoryID}/${newestFirst(time)}-${snapshotID.slice(0, KNOWN_DIGITS)}`;
}

export function createKnownSnapshots({ environment, now, expire }: Options): KnownSnapshots {
  return {
    add(transaction, snapshot) {
      const key = knownKey(snapshot, now());
      if (key === undefined) return;
      transaction.put(key, '', '""');
      expire(transaction, key);
    },
    list(repositoryID, limit) {
      const prefix = `k/${repositoryID}/`;
      const ids = new Set<string>();
      for (const { key } of environment.range(prefix, endOf(prefix))) {
        if (ids.size >= limit) break;
        ids.add(key.slice(-KNOWN_DIGITS));
      }
      return [...ids];
    },
  };
}
