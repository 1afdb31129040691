/** The two small documents of the agent: who it is (credentials.json) and what it remembers of its server (state.json). */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Low } from 'lowdb';
import type { Log } from '../log.js';
import { openJson } from './jsonFile.js';
import { newKey, type AgentKey } from './keys.js';

/** `<state dir>/credentials.json`, 0600. */
export interface Credentials {
  server?: string;
  hostID?: string;
  hostName?: string;
  bearer?: string;
  key?: AgentKey;
  /** The server's Ed25519 key, base64, first seen: only it can revoke this host. */
  serverPublicKey?: string;
  /** SPKI SHA-256 pins, hex. */
  pins?: string[];
}

/** What the runner knows of its repository; times are RFC 3339. */
export interface RepositoryFacts {
  /** When its size was last known. */
  lastStats?: string;
  /** When its size was last asked for. */
  lastStatsTried?: string;
  /** When the snapshots of all its hosts were last reported whole. */
  lastWhole?: string;
  /** Digest of the list it last reported of each other host there, so that only what changed is reported again. */
  others?: Record<string, string>;
  deletionProtection?: 'Enforced' | 'NotEnforced' | 'Unknown';
  /** Locks were reported, and are to be looked at again. */
  locksShown?: boolean;
}

/** `<state dir>/state.json`. */
export interface AgentState {
  /** Of the server, as last seen in welcome. */
  storeEpoch?: string;
  /** By repository id. */
  repositories?: Record<string, RepositoryFacts>;
  /** The announcement this agent waits on. */
  pendingID?: string;
}

export class Identity {
  readonly #dir: string;
  readonly #file: Low<Credentials>;

  private constructor(dir: string, file: Low<Credentials>) {
    this.#dir = dir;
    this.#file = file;
  }

  /** Reads credentials.json; a new agent gets its key here. @throws NotPrivate */
  static async open(dir: string, log: Log): Promise<Identity> {
    const identity = new Identity(dir, await openJson<Credentials>(join(dir, 'credentials.json'), {}, log));
    if (!identity.#file.data.key) await identity.update({ key: newKey() });
    return identity;
  }

  get credentials(): Readonly<Credentials> {
    return this.#file.data;
  }

  get key(): AgentKey {
    return (this.#file.data.key ??= newKey());
  }

  async update(change: Partial<Credentials>): Promise<void> {
    this.#file.data = { ...this.#file.data, ...change };
    await this.#file.write();
  }

  /** After a revocation: nothing that identified this host stays. */
  async wipe(): Promise<void> {
    this.#file.data = {};
    await rm(join(this.#dir, 'credentials.json'), { force: true });
  }
}

export async function openState(dir: string, log: Log): Promise<Low<AgentState>> {
  return openJson<AgentState>(join(dir, 'state.json'), {}, log);
}
