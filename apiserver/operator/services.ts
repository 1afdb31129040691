/** What the operator API is made of; wired once in cmd/. */
import type { ObjectStore } from '#crds/objectStore.js';
import type { Clock, Log } from '#controller/ports.js';
import type { Informers } from '#controller/runtime/types.js';
import type { Range } from '../auth/clientAddress.js';
import type { Identity } from '../auth/identity.js';
import type { Manifests } from '../manifests/index.js';
import type { Records } from '../records/records.js';
import type { HostCall } from '../sessions/index.js';
import type { Limits } from './limits.js';
import type { Trees } from './trees.js';
import type { Turns } from './turns.js';

export interface OperatorOptions {
  store: ObjectStore;
  informers: Informers;
  records: Records;
  /** Asks the agent of a host. */
  askHost: HostCall;
  identity: Identity;
  namespace: string;
  clock: Clock;
  log: Log;
  /** Secure flag of the cookies. */
  cookieSecure: boolean;
  /** Where people reach the server; compared with Origin. Known for good once the listeners are open. */
  baseUrl: () => string;
  trustedProxy: readonly Range[];
  /** SPKI pin of our own CA, base64; absent with an own certificate. */
  certPin?: string;
  /** Absent: there is no /metrics. */
  metrics?: { token?: string; ranges?: readonly Range[] };
  /** Absent: there is no manifest directory. */
  manifests?: Manifests;
}

export interface Services extends OperatorOptions {
  limits: Limits;
  turns: Turns;
  trees: Trees;
}
