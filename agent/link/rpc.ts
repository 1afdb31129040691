/**
 * Questions of the server over the session (rpc.request -> rpc.result): one handler per method, a minute each, a few at once.
 * An answer goes over the connection that asked; when that is gone, nobody waits for it any more.
 */
import type { RpcRequest, RpcResult, TreeListParams, TreeListResult } from '#crds/wire/agentProtocol.gen.js';
import { TreeListParams as isTreeListParams } from '#crds/wire/agentProtocol.validate.gen.js';
import type { Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import { ResticError } from '../restic/exitCodes.js';

export type RpcHandler = (params: unknown, signal: AbortSignal) => Promise<unknown>;

/** A question that is answered with an error of this code. */
export class RpcRefusal extends Error {
  override name = 'RpcRefusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export const RPC_LIMIT_MS = 60_000;
/** Each may hold a restic; more wait in line. */
const AT_ONCE = 3;
const IN_LINE = 32;
/** An answer must fit into one frame of 1 MiB, also when many of its characters are escaped. */
const ANSWER_CHARACTERS = 400_000;

export class Rpc {
  readonly #handlers: ReadonlyMap<string, RpcHandler>;
  readonly #clock: Clock;
  readonly #log: Log;
  #running = 0;
  readonly #line: (() => void)[] = [];

  constructor(handlers: Record<string, RpcHandler>, clock: Clock, log: Log) {
    this.#handlers = new Map(Object.entries(handlers));
    this.#clock = clock;
    this.#log = log;
  }

  /** Never throws. @param gone aborted when the connection that asks ends */
  async answer({ method, params }: RpcRequest, gone: AbortSignal): Promise<RpcResult> {
    const handler = this.#handlers.get(method);
    if (!handler) return { error: { code: 'unknown_method', message: `this agent does not know the call ${method.slice(0, 64)}; it may be older than its server` } };
    if (this.#line.length >= IN_LINE) return { error: { code: 'busy', message: 'too many calls wait on this host; try again in a moment' } };
    const limit = new AbortController();
    const cancel = this.#clock.setTimer(RPC_LIMIT_MS, () => { limit.abort(); });
    const signal = AbortSignal.any([limit.signal, gone]);
    try {
      await this.#turn(signal);
      try {
        return { result: await handler(params, signal) };
      } finally {
        this.#running--;
        this.#line.shift()?.();
      }
    } catch (error) {
      return { error: limit.signal.aborted ? { code: 'timeout', message: `${method} took longer than ${RPC_LIMIT_MS / 1_000} seconds on this host` } : this.#errorOf(method, error) };
    } finally {
      cancel();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#running >= AT_ONCE) {
      await new Promise<void>((resolve) => {
        this.#line.push(resolve);
        signal.addEventListener('abort', () => {
          const place = this.#line.indexOf(resolve);
          if (place >= 0) this.#line.splice(place, 1); // nobody is woken in vain
          resolve();
        }, { once: true });
      });
      if (signal.aborted) throw new RpcRefusal('gone', 'nobody waits for the answer any more');
    }
    this.#running++;
  }

  #errorOf(method: string, error: unknown): { code: string; message: string } {
    if (error instanceof RpcRefusal) return { code: error.code, message: error.message.slice(0, 4096) };
    if (error instanceof ResticError) return { code: error.reason, message: error.message.slice(0, 4096) };
    this.#log.warn({ method, error: messageOf(error) }, 'a call of the server failed');
    return { code: 'failed', message: messageOf(error).slice(0, 4096) };
  }
}

/** tree.list over whatever lists one directory. The page is cut where it would not fit into a frame. */
export function treeList(list: (params: TreeListParams, signal: AbortSignal) => Promise<TreeListResult>): RpcHandler {
  const valid = isTreeListParams as ((value: unknown) => boolean) & { errors?: { instancePath?: string; message?: string }[] | null };
  return async (params, signal) => {
    if (!valid(params)) {
      const problem = valid.errors?.[0];
      throw new RpcRefusal('invalid_params', `tree.list: params${(problem?.instancePath ?? '').replaceAll('/', '.')} ${problem?.message ?? 'are malformed'}`);
    }
    return fitting(await list(params as TreeListParams, signal));
  };
}

function fitting({ entries, more }: TreeListResult): TreeListResult {
  let characters = 0;
  const kept = entries.findIndex((entry) => (characters += JSON.stringify(entry).length) > ANSWER_CHARACTERS);
  return kept < 0 ? { entries, more } : { entries: entries.slice(0, Math.max(1, kept)), more: true };
}
