/**
 * One process owns a data directory. The owner listens on a socket of its own name (a file in the directory; on Windows a
 * pipe) and has written that name into the database by compare-and-set, which LMDB makes exclusive across processes.
 * Whether the named owner lives is asked by connecting: the kernel closes the socket with the process, however it died, so
 * that a kill -9 leaves nothing that blocks, and two that find a dead owner at once cannot both take over.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Unavailable } from '#crds/objectStore.js';
import type { Environment } from '../environment.js';

const KEY = 'm/owner';
/** sockaddr_un holds 108 bytes; beyond that the directory is reached through its descriptor. */
const LONGEST_PATH = 100;

export interface Ownership { release(): Promise<void> }

interface Owner { socket: string; pid: number; since: string }

/** @throws Unavailable naming the directory and the pid of the process that has it */
export async function takeOwnership(environment: Environment, now: () => number): Promise<Ownership> {
  const { dir, path } = environment;
  const name = `owner-${randomBytes(6).toString('hex')}.sock`;
  for (;;) {
    const recorded = environment.get(KEY);
    const owner = recorded === undefined ? undefined : JSON.parse(recorded) as Owner;
    if (owner !== undefined && await isAlive(path, owner.socket)) {
      throw new Unavailable(`data directory ${dir} is in use by process ${owner.pid} since ${owner.since}; stop that one first, or use another directory`);
    }
    const server = await listen(dir, path, name);
    const mine: Owner = { socket: name, pid: process.pid, since: new Date(now()).toISOString() };
    let taken = false;
    try {
      taken = environment.compareAndSet(KEY, recorded, JSON.stringify(mine));
    } finally {
      if (!taken) await close(server);
    }
    if (!taken) continue; // Another process was faster: look at it.
    if (owner !== undefined && process.platform !== 'win32') rmSync(join(path, owner.socket), { force: true });
    return {
      async release() {
        await close(server);
        if (process.platform !== 'win32') rmSync(join(path, name), { force: true });
      },
    };
  }
}

function isAlive(path: string, socket: string): Promise<boolean> {
  return reach(path, socket, (address) => new Promise((resolve) => {
    const connection = connect(address);
    connection.once('connect', () => { connection.destroy(); resolve(true); });
    // Refused: nobody listens. Not found: it was removed. Anything else may be a living owner that is busy.
    connection.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'); });
  }));
}

function listen(dir: string, path: string, socket: string): Promise<Server> {
  return reach(path, socket, (address) => new Promise<Server>((resolve, reject) => {
    const server = createServer((connection) => { connection.destroy(); });
    server.once('error', (cause) => { reject(new Unavailable(`data directory ${dir} is not writable: ${cause.message}`, { cause })); });
    server.listen(address, () => { server.unref(); resolve(server); });
  }));
}

async function reach<T>(path: string, socket: string, use: (address: string) => Promise<T>): Promise<T> {
  if (process.platform === 'win32') return use(`\\\\.\\pipe\\restic-manager-${socket}`);
  const address = join(path, socket);
  if (Buffer.byteLength(address) <= LONGEST_PATH) return use(address);
  const directory = openSync(path, 'r');
  try {
    return await use(`/proc/self/fd/${directory}/${socket}`);
  } finally {
    closeSync(directory);
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => { server.close(() => { resolve(); }); });
}
