/** How records name things in their environment. Parts of a key never hold a slash: names are DNS labels, ids and hashes hex. */
import { createHash } from 'node:crypto';

export const DAY = 86_400_000;

/** The first key after all that begin with the prefix, which ends in a slash. */
export const endOf = (prefix: string): string => `${prefix.slice(0, -1)}0`; // '0' follows '/'

/** YYYY-MM-DD in UTC. @param time epoch milliseconds */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

const LAST_TIME = 9_999_999_999_999;

/** Fixed width, and the later the smaller: keys that hold it are read newest first. @param time epoch milliseconds */
export function newestFirst(time: number): string {
  return String(LAST_TIME - Math.min(Math.max(Math.trunc(time), 0), LAST_TIME)).padStart(13, '0');
}

/** A name of any characters and length as part of a key. */
export function nameHash(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
