/** What sessions need and offer. Everything durable goes through the store or records; a session keeps nothing that a reconnect could not rebuild. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Host, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { ObjectStore, Writer } from '#crds/objectStore.js';
import type { Clock, Log } from '#controller/ports.js';
import type { Informers, Recorder } from '#controller/runtime/types.js';
import type { Identity, SigningKey } from '../auth/identity.js';
import type { Bus } from '../live/bus.js';
import type { Records } from '../records/records.js';
import type { Pacer } from './pace.js';
import type { RpcMethods, RpcOptions } from './rpc.js';

export type StoredHost = Stored<Host>;
export type StoredJob = Stored<ResticJob>;

/** What sessions ask of apiserver/auth. */
export type BearerAuthority = Pick<Identity, 'agentByBearer' | 'issueBearer'>;

export interface SessionsOptions {
  store: ObjectStore;
  informers: Informers;
  records: Records;
  bus: Bus;
  identity: BearerAuthority;
  /** Key of plan revisions (HMAC-SHA256). */
  planKey: Uint8Array;
  /** Random id made with the data directory: tells agents that the server's state is another one. */
  epoch: string;
  /** Written into Host.status.connection; its Lease says that this gateway lives. */
  gatewayName: string;
  namespace: string;
  /** Signs `revoked`; agents pin its public half. */
  signingKey: SigningKey;
  clock: Clock;
  log: Log;
  /** Default: one of its own. */
  recorder?: Recorder;
  /** SPKI pins (base64) that agents are to accept from now on. */
  nextPins?: readonly string[];
}

export interface SessionContext extends SessionsOptions {
  recorder: Recorder;
  /** Bounds status writes after a restart. */
  pace: Pacer;
  writer: (hostName: string) => Writer;
  /** Jobs whose object went while this process looked on: run id -> host name. Proves whose a late report is. */
  goneJobs: Map<string, string>;
}

/** Asks the agent of a host. @throws RpcError; code host_offline when it is not connected here */
export type HostCall = <M extends keyof RpcMethods>(hostName: string, method: M, params: RpcMethods[M]['params'], options?: RpcOptions) => Promise<RpcMethods[M]['result']>;

export interface Sessions {
  call: HostCall;
  /** For `/ws/agent` and `/ws/agent/pending`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Number of hosts connected to this process. */
  onlineHosts(): number;
  /** Counters for metrics. */
  stats(): { sessions: number; pending: number; malformedFrames: number };
  /** Closes every socket (1001) and waits for what is being written. Writes no disconnect: a restart must not show hosts going away. */
  close(): Promise<void>;
}
