/**
 * Which snapshots came from backups of this system, by repository: what the guard of a forget knows. Written with the
 * outcome that tells of the snapshot, so that one is never there without the other; kept as long.
 */
import type { Transaction } from '../stores/writeQueue.js';
import type { Environment } from '../stores/environment.js';
import { endOf, newestFirst } from './keys.js';
import type { KnownSnapshot } from './records.js';

/** Digits of an id that tell it from every other of its repository. */
const KNOWN_DIGITS = 16;
/** A backup that says it ended later than this after its report came has a clock that proves nothing. */
export const CLOCK_TOLERANCE_MS = 3_600_000;

export interface KnownSnapshots {
  add(transaction: Transaction<unknown>, snapshot: KnownSnapshot): void;
  list(repositoryID: string, limit: number): string[];
}

interface Options {
  environment: Environment;
  now: () => number;
  expire: (transaction: Transaction<unknown>, key: string) => void;
  /** Whole ids of a host's snapshots, as reported. */
  idsOf: (repositoryID: string, hostname: string) => string[];
}

/** Undefined when the id is none. @param time of the outcome, epoch milliseconds */
export function knownKey({ repositoryID, snapshotID }: Pick<KnownSnapshot, 'repositoryID' | 'snapshotID'>, time: number): string | undefined {
  if (!/^[0-9a-f]{64}$/.test(repositoryID) || !/^[0-9a-f]{8,64}$/.test(snapshotID)) return undefined;
  return `k/${repositoryID}/${newestFirst(time)}-${snapshotID.slice(0, KNOWN_DIGITS)}`;
}

export function createKnownSnapshots({ environment, now, expire, idsOf }: Options): KnownSnapshots {
  /** restic 0.14 says eight digits of what it made: the one snapshot of that host that begins so. */
  function wholeId(repositoryID: string, hosts: Map<string, Map<string, string[]>>, hostname: string, start: string): string | undefined {
    let byStart = hosts.get(hostname);
    if (byStart === undefined) {
      byStart = new Map();
      for (const id of idsOf(repositoryID, hostname)) byStart.set(id.slice(0, 8), [...(byStart.get(id.slice(0, 8)) ?? []), id]);
      hosts.set(hostname, byStart);
    }
    const [id, another] = (byStart.get(start.slice(0, 8)) ?? []).filter((each) => each.startsWith(start));
    return another === undefined ? id : undefined;
  }
  return {
    add(transaction, snapshot) {
      const key = knownKey(snapshot, now());
      if (key === undefined) return;
      transaction.put(key, snapshot.hostname, JSON.stringify(snapshot.hostname));
      expire(transaction, key);
    },
    list(repositoryID, limit) {
      const prefix = `k/${repositoryID}/`;
      const ids = new Set<string>();
      const hosts = new Map<string, Map<string, string[]>>();
      for (const { key, value } of environment.range(prefix, endOf(prefix))) {
        if (ids.size >= limit) break;
        const digits = key.slice(key.lastIndexOf('-') + 1);
        const id = digits.length === KNOWN_DIGITS ? digits : wholeId(repositoryID, hosts, JSON.parse(value) as string, digits);
        if (id !== undefined) ids.add(id.slice(0, KNOWN_DIGITS));
      }
      return [...ids];
    },
  };
}
