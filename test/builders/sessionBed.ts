/** The real file store, records, caches, identity and sessions in one process on a free port, for tests with scripted agents and raw sockets. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdmission } from '#apiserver/admission/index.js';
import { createIdentity, type Identity } from '#apiserver/auth/index.js';
import type { Access } from '#apiserver/auth/types.js';
import { keepGatewayLease } from '#apiserver/cmd/gatewayLease.js';
import { createBus, type Bus } from '#apiserver/live/bus.js';
import { createLive, type Live } from '#apiserver/live/index.js';
import { openRecords, type Records } from '#apiserver/records/index.js';
import { createSessions, type Sessions } from '#apiserver/sessions/index.js';
import { openFileStore, type FileStore } from '#apiserver/stores/file/index.js';
import type { Clock, Log } from '#controller/ports.js';
import { startControllers } from '#controller/main.js';
import { systemClock } from '#controller/runtime/clock.js';
import { createInformers } from '#controller/runtime/informer.js';
import type { Informers } from '#controller/runtime/types.js';
import { newObject, type Host, type ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Writer } from '#crds/objectStore.js';

export const quiet: Log = { debug() { /* quiet */ }, info() { /* quiet */ }, warn() { /* quiet */ }, error() { /* quiet */ } };
export const asAdmin: Writer = { principal: { name: 'test', role: 'admin' }, door: 'resources', fieldManager: 'test' };
export const asController: Writer = { principal: { name: 'system:controller', role: 'system' }, door: 'controller', fieldManager: 'controller' };

export const GATEWAY = 'gateway-1';

export interface SessionBed {
  dir: string;
  store: FileStore;
  records: Records;
  informers: Informers;
  bus: Bus;
  identity: Identity;
  sessions: Sessions;
  live: Live;
  port: number;
  /** Makes a Host and a bearer for it. */
  enrolledHost(name: string, spec?: Host['spec']): Promise<{ host: Stored<Host>; bearer: string }>;
  job(name: string): Promise<Stored<ResticJob>>;
  /** Like a restart of the server: everything but the disk is new. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface BedOptions {
  clock?: Clock;
  log?: Log;
  /** With the reconcilers and the gateway's Lease: then hosts come online and jobs are offered. */
  controllers?: boolean;
  maxBuffered?: number;
  /** Who a browser is, when it is not to be a matter of passwords. */
  access?: (identity: Identity) => Access;
}

export async function openSessionBed(options: BedOptions = {}): Promise<SessionBed> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-bed-'));
  const secretKey = randomBytes(32);
  const clock = options.clock ?? systemClock;
  const log = options.log ?? quiet;
  let server: Server;
  let extra: { stop(): Promise<void> } | undefined;

  async function start(): Promise<Pick<SessionBed, 'store' | 'records' | 'informers' | 'bus' | 'identity' | 'sessions' | 'live' | 'port'>> {
    const store = await openFileStore({ dir, admission: createAdmission(), secretKey, log });
    const records = await openRecords({ dir, log });
    const identity = await createIdentity({ store, namespace: 'default', clock: systemClock, log });
    const informers = createInformers({ store, log, clock });
    await informers.start();
    if (options.controllers) {
      const lease = await keepGatewayLease({ store, namespace: 'default', gatewayName: GATEWAY, clock, log });
      const controllers = startControllers({ store, informers, outcomes: records, planKey: identity.planKey, clock, log, namespace: 'default', gatewayName: GATEWAY });
      extra = { async stop() { lease.stop(); await controllers.stop(); } };
    }
    const bus = createBus();
    const sessions = createSessions({ store, informers, records, bus, identity, planKey: identity.planKey, epoch: store.epoch, gatewayName: GATEWAY, namespace: 'default', signingKey: identity.signingKey, clock, log });
    const live = createLive({ informers, records, bus, access: options.access?.(identity) ?? identity, log, ...(options.maxBuffered === undefined ? {} : { maxBuffered: options.maxBuffered }) });
    server = createServer((_request, response) => { response.writeHead(404).end(); });
    server.on('upgrade', (request, socket, head) => {
      if (request.url?.startsWith('/ws/')) sessions.handleUpgrade(request, socket, head);
      else live.handleUpgrade(request, socket, head);
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return { store, records, informers, bus, identity, sessions, live, port: (server.address() as AddressInfo).port };
  }
  async function stop(): Promise<void> {
    await bed.sessions.close();
    await bed.live.close();
    await new Promise((resolve) => { server.close(resolve); });
    await extra?.stop();
    await bed.informers.stop();
    await bed.identity.close();
    await bed.records.close();
    await bed.store.close();
  }

  const bed: SessionBed = {
    dir,
    ...await start(),
    async enrolledHost(name, spec = {}) {
      const host = await bed.store.create('Host', newObject('Host', { name }, { spec }), asAdmin);
      return { host, bearer: await bed.identity.issueBearer(host) };
    },
    job: (name) => bed.store.get('ResticJob', { namespace: 'default', name }),
    async restart() {
      await stop();
      Object.assign(bed, await start());
    },
    async close() {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return bed;
}
