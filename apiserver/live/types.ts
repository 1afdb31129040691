/** What the browser channels need and offer. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Log } from '#controller/ports.js';
import type { Informers } from '#controller/runtime/types.js';
import type { Access } from '../auth/types.js';
import type { Manifests } from '../manifests/index.js';
import type { Records } from '../records/records.js';
import type { Bus } from './bus.js';

export interface LiveOptions {
  informers: Informers;
  records: Records;
  bus: Bus;
  access: Access;
  log: Log;
  /** Absent: there is no manifest directory. */
  manifests?: Pick<Manifests, 'status' | 'onChange'>;
  /** Default: the system's. */
  clock?: Clock;
  /** Default `default`. */
  namespace?: string;
  /** Proof that our own page asks; default apiserver/auth's rule without base URL and proxies. */
  sameOrigin?: (request: IncomingMessage) => boolean;
  /** Unsent bytes after which a tab counts as too slow. */
  maxBuffered?: number;
}

export interface LiveContext extends LiveOptions {
  clock: Clock;
  namespace: string;
}

export interface Live {
  /** For `/api/live` and `/api/jobs/{id}/stream`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  stats(): { tabs: number; watches: number };
  close(): Promise<void>;
}
