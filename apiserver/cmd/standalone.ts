/**
 * The standalone server: one process, one data directory. This file wires rooms together and decides nothing.
 * Order of start: directory and keys, store, identity, sessions, listeners, controllers; the stop is the reverse. The caches
 * fill meanwhile: the resource API answers without them, all else waits until they are whole.
 */
import { constants, existsSync } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemClock } from '#controller/runtime/clock.js';
import { createInformers } from '#controller/runtime/informer.js';
import { startControllers } from '#controller/main.js';
import type { Informers } from '#controller/runtime/types.js';
import { createRecorder } from '#controller/runtime/recorder.js';
import { version } from '#crds/version.js';
import { createAdmission } from '../admission/index.js';
import { authorize, createIdentity } from '../auth/index.js';
import { isSameOrigin } from '../auth/sameOrigin.js';
import { createBus } from '../live/bus.js';
import { createLive } from '../live/index.js';
import { manifestWriter } from '../manifests/apply.js';
import { createManifests } from '../manifests/index.js';
import { operatorApi } from '../operator/index.js';
import { openRecords } from '../records/index.js';
import { resourceHandler } from '../resources/index.js';
import { createSessions } from '../sessions/index.js';
import { openFileStore } from '../stores/file/index.js';
import { writeAtomic } from './atomicFile.js';
import { collectWhenIdle } from './collectGarbage.js';
import { fingerprintOfCertificate, loadCertificate } from './certificates.js';
import type { ServerConfig } from './config.js';
import { keepGatewayLease } from './gatewayLease.js';
import { createHttpApp } from './httpApp.js';
import { openInstance } from './instance.js';
import { kubeconfigText } from './kubeconfig.js';
import { openListeners, type Listeners } from './listeners.js';
import type { ServerLog } from './log.js';
import { findPageDirectory } from './pages.js';
import { loadSecretKey } from './secretKey.js';
import { routeUpgrades } from './upgrades.js';

export interface Standalone {
  /** Ends everything in order; resolves when the store has let the directory go. */
  stop(): Promise<void>;
}

/** Requests get this long to end; watches and sockets are cut after it. */
const GRACE_MS = 2_000;
const SWEEP_RECORDS_MS = 3_600_000;

/** @param print one plain line on stdout. @throws Error with one clear line; whatever was opened is closed again */
export async function startStandalone(config: ServerConfig, log: ServerLog, print: (line: string) => void): Promise<Standalone> {
  const stops: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse()) await step();
  };
  try {
    await start(config, log, print, (step) => { stops.push(step); });
  } catch (error) {
    await stop().catch((cause: unknown) => { log.error({ error: String(cause) }, 'the start failed, and so did taking it back'); });
    throw error;
  }
  return { stop };
}

async function start(config: ServerConfig, log: ServerLog, print: (line: string) => void, onStop: (step: () => void | Promise<void>) => void): Promise<void> {
  const { dataDir, namespace, trustedProxy } = config;
  const clock = systemClock;
  const now = (): number => clock.now();
  await prepareDirectory(dataDir);
  const secretKey = await loadSecretKey(config.secretKeyFile, join(dataDir, 'objects'));
  const admission = createAdmission({ namespace, may: (principal, question) => authorize(principal, question).allowed });
  const store = await openFileStore({ dir: dataDir, admission, secretKey, log, now });
  onStop(() => store.close());
  const records = await openRecords({ dir: dataDir, log, now });
  onStop(() => records.close());
  const instance = await openInstance(join(dataDir, 'instance.json'), (message) => { log.warn({}, message); });
  const certificate = await loadCertificate(dataDir, { now: now(), ...(config.tls ? { own: config.tls } : {}), names: certificateNames(config) });

  const identity = await createIdentity({ store, namespace, clock, log });
  onStop(() => identity.close());
  // Whoever waits for the caches waits for `fill` too: they begin when all that comes before is done, or it would be held up by them.
  let fill = (): void => undefined;
  const filling = new Promise<void>((resolve) => { fill = resolve; });
  const caches = createInformers({ store, log, clock });
  const informers: Informers = { ...caches, start: () => filling.then(() => caches.start()) };
  onStop(() => informers.stop());
  const gatewayName = instance.data.instanceId;
  const lease = await keepGatewayLease({ store, namespace, gatewayName, clock, log });
  onStop(() => { lease.stop(); });
  const manifests = config.manifestsDir === undefined ? undefined : createManifests({
    directory: config.manifestsDir, store, cache: informers.cache, records, namespace, clock, log,
    recorder: createRecorder({ store, cache: informers.cache, clock, log, namespace, instance: gatewayName, writer: manifestWriter }),
  });
  let stopping = false;
  onStop(() => { stopping = true; return manifests?.stop(); });

  const bus = createBus();
  const sessions = createSessions({ store, informers, records, bus, identity, planKey: identity.planKey, epoch: store.epoch, gatewayName, namespace, signingKey: identity.signingKey, clock, log, ...(certificate.caPin === undefined ? {} : { certPinSha256: certificate.caPin }) });
  let baseUrl = config.baseUrl ?? `http://localhost:${String(config.listen.port)}`;
  const sameOrigin = (request: Parameters<typeof isSameOrigin>[0]): boolean => isSameOrigin(request, { baseUrl, trusted: trustedProxy });
  const live = createLive({ informers, records, bus, access: identity, log, clock, namespace, sameOrigin, ...(manifests ? { manifests } : {}) });
  const network: { listeners?: Listeners } = {};
  // Sockets end with their rooms, and the listeners wait for them: together, or each would wait for the other.
  onStop(async () => { await Promise.all([network.listeners?.close(GRACE_MS), live.close(), sessions.close()]); });

  const operator = operatorApi({
    store, informers, records, askHost: sessions.call, identity, namespace, clock, log, cookieSecure: config.cookieSecure, trustedProxy, baseUrl: () => baseUrl,
    ...(certificate.caPin === undefined ? {} : { certPin: certificate.caPin }), ...(config.metrics ? { metrics: config.metrics } : {}), ...(manifests ? { manifests } : {}),
  });
  const app = createHttpApp({ access: identity, resources: resourceHandler({ store, access: identity, log, namespace }), operator, informers, pageDirectory: findPageDirectory(), sameOrigin, log });
  const onUpgrade = routeUpgrades({ agents: (...parts) => { sessions.handleUpgrade(...parts); }, browsers: (...parts) => { live.handleUpgrade(...parts); }, isSameOrigin: sameOrigin, informers });
  const listeners = await openListeners(app, { http: config.listen, https: config.tlsListen, certificate, onUpgrade });
  network.listeners = listeners;
  // Together: a listener is closed only when its sockets are, and those belong to sessions and live.
  onStop(async () => { await Promise.all([listeners.close(GRACE_MS), sessions.close(), live.close()]); });
  baseUrl = config.baseUrl ?? `http://localhost:${String(listeners.httpPort)}`;

  await writeAtomic(join(dataDir, 'admin.kubeconfig'), kubeconfigText({ address: listeners.https, certificate, namespace, token: await identity.adminToken() }));
  const listening = `listening on http://${listeners.http} https://${listeners.https}`;
  await instance.save({ lastStart: new Date(now()).toISOString(), listening, ...(certificate.ca === undefined ? { caFingerprint: undefined } : { caFingerprint: fingerprintOfCertificate(certificate.ca) }) });
  onStop(sweepRecords((time) => records.sweep(time), now, log));
  log.info({ version, config: config.shown, dataDir, namespace }, 'server started');
  const token = await identity.bootstrapToken();
  if (token !== undefined) print(`bootstrap token: ${token} (${baseUrl}/bootstrap?token=${token})`);
  print(listening);
  fill();
  const controllers = startControllers({ store, informers, outcomes: records, planKey: identity.planKey, clock, log, namespace, gatewayName });
  onStop(() => controllers.stop());
  controllers.idle().then(() => { onStop(collectWhenIdle()); }, (error: unknown) => { log.warn({ error: String(error) }, 'the first look at everything failed'); });
  void informers.start().then(async () => {
    if (stopping) return;
    manifests?.start();
    await store.forgetPages();
  }).catch((error: unknown) => { log.warn({ error: String(error) }, 'the pages read at the start could not be let go'); });
}

/** @throws Error naming RM_DATA_DIR */
async function prepareDirectory(dataDir: string): Promise<void> {
  try {
    await makeDirectory(dataDir);
    await access(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`RM_DATA_DIR: ${dataDir} is not writable: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Step by step, because the recursive call never returns where nothing can be made (/proc). */
async function makeDirectory(path: string): Promise<void> {
  const made = await mkdir(path, { mode: 0o700 }).then(() => true, (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return true;
    if (error.code === 'ENOENT' && !existsSync(dirname(path))) return false;
    throw error;
  });
  if (made) return;
  await makeDirectory(dirname(path));
  await mkdir(path, { mode: 0o700 });
}

/** Names besides this machine's own that clients may use: that of RM_BASE_URL, and the address listened on. */
function certificateNames({ baseUrl, tlsListen: { host } }: ServerConfig): string[] {
  const names = baseUrl === undefined ? [] : [new URL(baseUrl).hostname.replaceAll(/[[\]]/g, '')];
  return host === undefined || host === '0.0.0.0' || host === '::' ? names : [...names, host];
}

function sweepRecords(sweep: (now: number) => Promise<number>, now: () => number, log: ServerLog): () => void {
  const timer = setInterval(() => {
    sweep(now()).catch((error: unknown) => { log.warn({ error: String(error) }, 'old records could not be removed'); });
  }, SWEEP_RECORDS_MS);
  timer.unref();
  return () => { clearInterval(timer); };
}
