/**
 * Password hashes: bcrypt (cost 12) of the SHA-256 of the password, because bcrypt reads 72 bytes and ignores the rest.
 * The worker thread starts with the first check and ends when idle, so that an idle server does not carry it.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { PasswordReply, PasswordRequest } from './passwordWorker.js';

export const MIN_PASSWORD_LENGTH = 12;
const IDLE_MS = 30_000;
const MAX_WAITING = 64;
const SCHEME = 'sha256+bcrypt:';
/** A valid hash of nothing anyone knows: unknown users cost what known ones do. */
const DUMMY_HASH = `${SCHEME}$2b$12$${'.'.repeat(22)}${'u'.repeat(31)}`;

/** More checks wait than are worth waiting for. */
export class PasswordsBusy extends Error {
  override name = 'PasswordsBusy';
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Takes the same time for an absent hash, and is false. @throws PasswordsBusy */
  matches(password: string, hash: string | undefined): Promise<boolean>;
  close(): Promise<void>;
}

interface Waiting { resolve: (reply: PasswordReply) => void; reject: (error: Error) => void }

export function createPasswords(): Passwords {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let nextId = 0;
  const waiting = new Map<number, Waiting>();

  function failAll(error: Error): void {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function start(): Worker {
    const started = openWorker();
    started.unref();
    started.on('message', (reply: PasswordReply) => {
      waiting.get(reply.id)?.resolve(reply);
      waiting.delete(reply.id);
      if (waiting.size > 0) return;
      started.unref();
      idle = setTimeout(() => { worker = undefined; void started.terminate(); }, IDLE_MS).unref();
    });
    started.on('error', (error) => { failAll(error instanceof Error ? error : new Error(String(error))); });
    started.on('exit', () => { if (worker === started) failAll(new Error('the password worker ended')); });
    return started;
  }

  async function ask(request: Omit<PasswordRequest, 'id'>): Promise<PasswordReply> {
    if (waiting.size >= MAX_WAITING) throw new PasswordsBusy('too many passwords are being checked');
    clearTimeout(idle);
    worker ??= start();
    worker.ref();
    const id = nextId++;
    const reply = new Promise<PasswordReply>((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.postMessage({ id, ...request } satisfies PasswordRequest);
    return reply;
  }

  return {
    async hash(password) {
      const { hash = '' } = await ask({ digest: digestOf(password) });
      return SCHEME + hash;
    },
    async matches(password, hash) {
      const known = hash?.startsWith(SCHEME) === true ? hash : undefined;
      const { matches } = await ask({ digest: digestOf(password), hash: (known ?? DUMMY_HASH).slice(SCHEME.length) });
      return matches === true && known !== undefined;
    },
    async close() {
      clearTimeout(idle);
      const ending = worker;
      failAll(new Error('the server is stopping'));
      await ending?.terminate();
    },
  };
}

/** Run from the sources, the TypeScript loader has to be told in the new thread too: it does not follow by itself. */
function openWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./passwordWorker.js', import.meta.url));
  const loader = createRequire(import.meta.url).resolve('tsx/cjs/api');
  const file = fileURLToPath(new URL('./passwordWorker.ts', import.meta.url));
  return new Worker(`require(${JSON.stringify(loader)}).register(); require(${JSON.stringify(file)});`, { eval: true });
}

function digestOf(password: string): string {
  return createHash('sha256').update(password, 'utf8').digest('base64');
}
