/** Runs bcrypt off the main thread: one check at cost 12 takes some 300 ms of pure computation. Built as a file of its own. */
import { parentPort } from 'node:worker_threads';
import { compareSync, hashSync } from 'bcryptjs';

export const COST = 12;

export interface PasswordRequest { id: number; digest: string; hash?: string }
export interface PasswordReply { id: number; hash?: string; matches?: boolean }

parentPort?.on('message', ({ id, digest, hash }: PasswordRequest) => {
  const reply: PasswordReply = hash === undefined ? { id, hash: hashSync(digest, COST) } : { id, matches: compareSync(digest, hash) };
  parentPort?.postMessage(reply);
});
