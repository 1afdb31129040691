/**
 * A route says who may call it, what it takes and what it gives; its handler parses nothing and checks no role. The tables
 * feed the router and the policy matrix test.
 */
import type { EnrollmentRequest, Host, ResticJob, Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Principal } from '#crds/objectStore.js';
import type { Objects } from './objects.js';
import type { Services } from './services.js';
import type { Shape } from './shapes.js';

/** `public`, or verb and resource of the role table, e.g. `list schedules`, `create resticjobs`, `get resticjobs/log`. */
export type Permission = 'public' | `${string} ${string}`;

/** What a handler gets. Members named after a path parameter are looked up before it runs: 404 when they are not there. */
export interface Call<Body, Query = unknown> {
  body: Body;
  /** Checked texts; `{}` without any. */
  query: Query;
  services: Services;
  /** Reads and writes in the caller's name. Not for public routes. */
  objects: Objects;
  /** Throws on public routes. */
  principal: Principal;
  host: Stored<Host>;
  group: Stored<SourceGroup>;
  schedule: Stored<Schedule>;
  job: Stored<ResticJob>;
  /** Full or short id of a snapshot. */
  snapshot: string;
  pending: Stored<EnrollmentRequest>;
  sourceIP: string;
  /** The request came through our own TLS, not a proxy's. */
  ownTls: boolean;
  cookies: { session: string | undefined; device: string | undefined };
  setCookie(value: string): void;
}

export interface RouteOptions<Body, Reply, Query = unknown> {
  may: Permission;
  body?: Shape<Body>;
  /** Absent: the query is not looked at. */
  query?: Shape<Query>;
  reply?: Shape<Reply>;
  /** Of a success; default 200. 204 sends no body. */
  status?: number;
  /** Also takes an HTML form, which is answered with 303 to this path. */
  form?: string;
  /** Where an HTML form that failed is led, e.g. `/login`; `?failed=<code>` says why. Absent: it gets the JSON reply. */
  formFailed?: string;
}

/** A reply that is not JSON, sent piece by piece. */
export class TextReply {
  readonly contentType: string;
  readonly fileName: string;
  readonly pieces: Iterable<string>;
  constructor(contentType: string, fileName: string, pieces: Iterable<string>) {
    this.contentType = contentType;
    this.fileName = fileName;
    this.pieces = pieces;
  }
}

export interface Route {
  options: RouteOptions<unknown, unknown>;
  handle(call: Call<unknown>): unknown;
}

/** `METHOD /path/with/:parameters` -> route. */
export type RouteTable = Record<string, Route>;

export function route<Body = undefined, Reply = unknown, Query = unknown>(options: RouteOptions<Body, Reply, Query>, handle: (call: Call<Body, Query>) => Reply | TextReply | Promise<Reply | TextReply>): Route {
  return { options: options as RouteOptions<unknown, unknown>, handle: handle as (call: Call<unknown>) => unknown };
}
