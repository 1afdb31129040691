/**
 * Questions to an agent over its session (rpc.request, rpc.result), paired by id. Answers are memory only: nothing durable
 * hangs on them, and a question ends with its connection.
 */
import { randomUUID } from 'node:crypto';
import type { RpcResult, TreeListParams, TreeListResult } from '#crds/wire/agentProtocol.gen.js';
import * as generated from '#crds/wire/agentProtocol.validate.gen.js';
import type { Clock } from '#controller/ports.js';
import type { Link } from './link.js';

/** The methods agents know; see RpcRequest in the protocol's schema. */
export interface RpcMethods {
  'tree.list': { params: TreeListParams; result: TreeListResult };
  'locks.refresh': { params: Record<string, never>; result: unknown };
  'snapshots.refresh': { params: Record<string, never>; result: unknown };
}

export interface RpcOptions {
  /** Default 60,000. */
  timeoutMs?: number;
}

/**
 * code: host_offline (not connected, or gone before it answered), timeout, busy (too many questions of this host are open),
 * invalid_result, unknown_method, or whatever the agent says.
 */
export class RpcError extends Error {
  override name = 'RpcError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type RpcCall = <M extends keyof RpcMethods>(method: M, params: RpcMethods[M]['params'], options?: RpcOptions) => Promise<RpcMethods[M]['result']>;

export interface RpcClient {
  call: RpcCall;
  /** An answer with no open question is dropped: it came too late. */
  answer(id: string | undefined, result: RpcResult): void;
}

const TIMEOUT_MS = 60_000;
/** Questions of one host that may be open. */
const MOST_OPEN = 8;
const resultDefinitions: { [M in keyof RpcMethods]?: string } = { 'tree.list': 'TreeListResult' };
const validators = generated as unknown as Record<string, ((value: unknown) => boolean) | undefined>;

export function createRpcClient(link: Link, hostName: string, clock: Clock): RpcClient {
  const open = new Map<string, (outcome: RpcResult | RpcError) => void>();
  link.onClose(() => {
    for (const settle of [...open.values()]) settle(new RpcError('host_offline', `host ${hostName} went away before it answered`));
  });
  return {
    call: (method, params, { timeoutMs = TIMEOUT_MS } = {}) => new Promise((resolve, reject) => {
      if (!link.isOpen()) { reject(offline(hostName)); return; }
      if (open.size >= MOST_OPEN) { reject(new RpcError('busy', `host ${hostName} has ${MOST_OPEN} questions to answer already; try again in a moment`)); return; }
      const id = randomUUID();
      const cancel = clock.setTimer(timeoutMs, () => { settle(new RpcError('timeout', `host ${hostName} did not answer ${method} within ${Math.round(timeoutMs / 1000)} s`)); });
      const settle = (outcome: RpcResult | RpcError): void => {
        cancel();
        open.delete(id);
        const definition = resultDefinitions[method];
        if (outcome instanceof RpcError) reject(outcome);
        else if (outcome.error) reject(new RpcError(outcome.error.code, outcome.error.message));
        else if (definition !== undefined && !validators[definition]?.(outcome.result)) reject(new RpcError('invalid_result', `host ${hostName} answered ${method} with what is no ${definition}`));
        else resolve(outcome.result as RpcMethods[typeof method]['result']);
      };
      open.set(id, settle);
      link.send('rpc.request', { method, params }, id);
    }),
    answer(id, result) {
      if (id !== undefined) open.get(id)?.(result);
    },
  };
}

export function offline(hostName: string): RpcError {
  return new RpcError('host_offline', `host ${hostName} is not connected`);
}
