/**
 * Is there a network to catch up over? After a boot or a wake-up it comes up late, and a backup begun before that fails for
 * nothing. "Reachable" is what can be known from here: the repository's host takes a TCP connection, or else the link to the
 * server is online; a local repository needs none, and one without an address of its own (rclone, b2, ...) is judged by the
 * link alone. Asked before catch-ups only, and never for ever: what a backup lacks then, its own failure says better.
 */
import { connect } from 'node:net';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';

/** A catch-up waits no longer than this. */
export const NETWORK_WAIT_MS = 10 * 60_000;
const TRY_EVERY_MS = 10_000;
const CONNECT_MS = 5_000;

export interface Address { host: string; port: number }

export interface NetworkOptions {
  clock: Clock;
  log: Log;
  /** The repository's, of the plan. */
  url(): string | undefined;
  /** Is the link to the server online? */
  linked(): boolean;
  /** To be asked again: it is open now, or it is time to try again. */
  onChange(): void;
  /** Resolves when the address takes a connection. @throws why it does not */
  reach?(address: Address): Promise<void>;
}

interface Waking { since: number; asked: number; open: boolean; trying: boolean }

export class Network {
  readonly #options: Required<NetworkOptions>;
  /** The waking that is asked about, when it was first, and what is known. */
  #waking: Waking | undefined;
  #why: string | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: NetworkOptions) {
    this.#options = { reach, ...options };
  }

  /** What holds catch-ups back now, for people. */
  get why(): string | undefined {
    return this.#why;
  }

  /** May what was missed begin? @param awakeSince names the waking: once open, it is not asked about again */
  isOpen(awakeSince: number): boolean {
    const address = endpointOf(this.#options.url() ?? '');
    if (address === 'local') return true;
    const now = this.#options.clock.now();
    if (this.#waking?.since !== awakeSince) this.#waking = { since: awakeSince, asked: now, open: false, trying: false };
    const waking = this.#waking;
    if (waking.open) return true;
    if (now - waking.asked >= NETWORK_WAIT_MS) {
      this.#options.log.warn({ reason: this.#why }, 'the network is not reachable: what was missed waited long enough for it and begins all the same');
      this.#open(waking);
      return true;
    }
    if (!waking.trying) void this.#try(waking, address);
    return false;
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#waking = undefined;
  }

  async #try(waking: Waking, address: Address | undefined): Promise<void> {
    const { clock, log, linked, onChange } = this.#options;
    waking.trying = true;
    const problem = address === undefined ? 'the repository has no address to try' : await this.#options.reach(address).then(() => undefined, (error: unknown) => `${address.host}:${address.port} does not answer: ${messageOf(error)}`);
    if (waking !== this.#waking) return; // it slept again
    if (problem === undefined || linked()) {
      this.#open(waking);
      onChange();
      return;
    }
    if (this.#why === undefined) log.info({ reason: problem }, 'what was missed waits for the network');
    this.#why = `${problem}, and the server is not connected; until ${timestamp(waking.asked + NETWORK_WAIT_MS)} at most`;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.setTimer(TRY_EVERY_MS, () => {
      waking.trying = false;
      onChange();
    });
  }

  #open(waking: Waking): void {
    if (this.#why !== undefined) this.#options.log.info({}, 'what was missed waits for the network no longer');
    this.#why = undefined;
    waking.open = true;
  }
}

/** Where a repository of this URL answers; `local` needs no network, undefined: it does not say. */
export function endpointOf(url: string): Address | 'local' | undefined {
  const [, scheme = '', rest = ''] = /^(rest|s3|sftp|rclone|b2|azure|gs|swift|local):(.*)$/s.exec(url) ?? [];
  if (scheme === '' || scheme === 'local') return 'local';
  if (scheme === 'sftp') {
    const [, host, port] = /^\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(rest) ?? /^(?:[^@:/]*@)?(\[[^\]]+\]|[^:/]+):/.exec(rest) ?? [];
    return host === undefined ? undefined : { host: bare(host), port: Number(port ?? 22) };
  }
  if (scheme !== 'rest' && scheme !== 's3') return undefined;
  try {
    const { protocol, hostname, port } = new URL(/^https?:/.test(rest) ? rest : `https://${rest.replace(/^\/\//, '')}`);
    return hostname === '' ? undefined : { host: bare(hostname), port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port) };
  } catch {
    return undefined;
  }
}

/** An IPv6 address without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

async function reach({ host, port }: Address): Promise<void> {
  const socket = connect({ host, port, timeout: CONNECT_MS });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('timeout', () => { reject(new Error(`no connection within ${CONNECT_MS / 1_000} s`)); });
      socket.once('error', reject);
    });
  } finally {
    socket.destroy();
  }
}
