/** The reconcilers on the real file store and the real records, with a clock that a test moves; sessions and agents are played by writing what they would observe. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdmission } from '#apiserver/admission/index.js';
import { openRecords, type Records } from '#apiserver/records/index.js';
import { openFileStore, type FileStore } from '#apiserver/stores/file/index.js';
import { gatewayLease } from '#controller/kinds/host/presence.js';
import { startControllers } from '#controller/main.js';
import type { Log } from '#controller/ports.js';
import { FakeClock } from '#controller/runtime/clock.js';
import { createInformers } from '#controller/runtime/informer.js';
import { timestamp } from '#controller/runtime/time.js';
import type { Controllers, Informers } from '#controller/runtime/types.js';
import { newObject, type Kind, type KindMap } from '#crds/kinds.js';
import type { Condition, Stored } from '#crds/meta.js';
import type { ObjectStore, Writer } from '#crds/objectStore.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { expectSoundConditions } from './conditionCheck.js';
import { until } from './until.js';

export const START = '2026-03-02T12:00:00Z';
const person: Writer = { principal: { name: 'alice', role: 'admin' }, door: 'resources', fieldManager: 'kubectl' };
const session: Writer = { principal: { name: 'system:session', role: 'system' }, door: 'session', fieldManager: 'restic-manager-session' };
const GATEWAY = 'gateway-1';

export interface ControllerBed {
  clock: FakeClock;
  store: FileStore;
  records: Records;
  informers: Informers;
  /** Lines of level warn and error. */
  complaints: string[];
  planKey: Uint8Array;
  create<K extends Kind>(...objects: KindMap[K][]): Promise<void>;
  /** As a person with kubectl edit. */
  edit<K extends Kind>(kind: K, name: string, change: (object: KindMap[K]) => void): Promise<void>;
  remove(kind: Kind, name: string): Promise<void>;
  get<K extends Kind>(kind: K, name: string): Promise<Stored<KindMap[K]>>;
  /** Waits until the object is so, then checks its conditions. */
  when<K extends Kind>(kind: K, name: string, so: (object: Stored<KindMap[K]>) => unknown): Promise<Stored<KindMap[K]>>;
  whenGone(kind: Kind, name: string): Promise<void>;
  /** Plays the session of a host: connected, its gateway alive. */
  connect(host: string, agent?: Record<string, unknown>): Promise<void>;
  disconnect(host: string): Promise<void>;
  renewLease(): Promise<void>;
  report(job: string, observed: Partial<ResticJobObserved> & Pick<ResticJobObserved, 'phase'>): Promise<void>;
  /** Plays the agent opening a repository: reports the Init job that waits for it. */
  openRepository(repository: string, repositoryID?: string): Promise<void>;
  /** Waits until nothing is left to do at this time. */
  settle(): Promise<void>;
  /** Moves time, keeping the gateway alive. */
  pass(ms: number): Promise<void>;
  /** Stops the reconcilers and starts new ones, as a restart of the server does. */
  restart(wrap?: (store: ObjectStore) => ObjectStore): Promise<void>;
  close(): Promise<void>;
}

export async function openControllerBed(): Promise<ControllerBed> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-controllers-'));
  const clock = new FakeClock(START);
  const now = (): number => clock.now();
  const complaints: string[] = [];
  const complain = (fields: Record<string, unknown>, message: string): void => { complaints.push(`${message} ${JSON.stringify(fields)}`); };
  const log: Log = { debug() { /* quiet */ }, info() { /* quiet */ }, warn: complain, error: complain };
  const store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: Buffer.alloc(32, 7), now });
  const records = await openRecords({ dir, now });
  const planKey = Buffer.alloc(32, 9);
  let informers: Informers;
  let controllers: Controllers;
  const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

  async function start(wrapped: ObjectStore): Promise<void> {
    informers = createInformers({ store: wrapped, log, clock });
    controllers = startControllers({ store: wrapped, informers, outcomes: records, planKey, clock, log, namespace: 'default', gatewayName: GATEWAY });
    await informers.start();
  }
  async function stop(): Promise<void> {
    await controllers.stop();
    await informers.stop();
  }
  await start(store);

  async function changed(): Promise<string> {
    return (await store.list('Lease', { limit: 1 })).resourceVersion;
  }

  const bed: ControllerBed = {
    clock, store, records, complaints, planKey,
    get informers() { return informers; },
    async create(...objects) { for (const object of objects) await store.create(object.kind as Kind, object, person); },
    async edit(kind, name, change) {
      const copy = structuredClone(await store.get(kind, key(name))) as unknown as KindMap[typeof kind];
      delete (copy.metadata as { resourceVersion?: string }).resourceVersion;
      change(copy);
      await store.update(kind, copy, person);
    },
    async remove(kind, name) { await store.delete(kind, key(name), person); },
    get: (kind, name) => store.get(kind, key(name)),
    async when(kind, name, so) {
      let last: unknown;
      const found = await until(`${kind} ${name}`, async () => {
        const object = await store.get(kind, key(name)).catch(() => undefined);
        last = (object as { status?: unknown } | undefined)?.status;
        return object !== undefined && Boolean(so(object)) && object;
      }, 5000, 5).catch((error: unknown) => { throw new Error(`${String(error)}; ${JSON.stringify(last, undefined, 1)}\n${complaints.join('\n')}`); });
      if ((found as { status?: { conditions?: Condition[] } }).status?.conditions) expectSoundConditions(found);
      return found;
    },
    async whenGone(kind, name) { await until(`${kind} ${name} is gone`, () => store.get(kind, key(name)).then(() => false, () => true), 5000, 5); },
    async connect(host, agent = {}) {
      await bed.renewLease();
      await store.patchStatus('Host', key(host), { agent: { version: '1.0.0', os: 'linux', arch: 'amd64', hostname: host, timeZone: 'UTC', resticVersion: '0.19.1', ...agent }, connection: { gateway: GATEWAY, sessionID: `session-${host}-${String(clock.now())}`, since: timestamp(clock.now()) } }, session);
    },
    async disconnect(host) { await store.patchStatus('Host', key(host), { connection: null, lastSeenTime: timestamp(clock.now()) }, session); },
    async renewLease() {
      const spec = { holderIdentity: GATEWAY, leaseDurationSeconds: 40, renewTime: timestamp(clock.now()) };
      const lease = newObject('Lease', { name: gatewayLease(GATEWAY), namespace: 'default' }, { spec });
      await store.update('Lease', lease, session).catch(() => store.create('Lease', lease, session));
    },
    async report(job, observed) {
      const { metadata, status } = await store.get('ResticJob', key(job));
      const finished = observed.phase === 'Running' ? {} : { completionTime: timestamp(clock.now()) };
      await store.patchStatus('ResticJob', key(job), { observed: { startTime: timestamp(clock.now()), ...finished, ...status?.observed, runID: status?.desiredRun?.id ?? metadata.uid, ...observed, ...(observed.phase === 'Running' ? {} : { completionTime: observed.completionTime ?? timestamp(clock.now()) }) } }, session);
    },
    async openRepository(repository, repositoryID = `${repository}-id`.padEnd(64, '0').replace(/[^0-9a-f]/g, 'a')) {
      const job = await until(`an offered Init of ${repository}`, () => informers.cache.byIndex('ResticJob', 'init', repository).find((candidate) => candidate.status?.phase === 'Offered'), 5000, 5)
        .catch((error: unknown) => { throw new Error(`${String(error)} ${JSON.stringify(informers.cache.byIndex('ResticJob', 'init', repository).map((each) => each.status?.message))}\n${complaints.join('\n')}`); });
      await bed.report(job.metadata.name, { phase: 'Succeeded', reason: 'Initialized', message: 'made', repositoryID });
      await bed.when('Repository', repository, (object) => object.status?.phase === 'Ready');
    },
    async settle() {
      let calm = 0;
      for (let before = await changed(); calm < 4;) {
        await controllers.idle();
        await new Promise((resolve) => { setTimeout(resolve, 5); });
        const after = await changed();
        calm = after === before ? calm + 1 : 0;
        before = after;
      }
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= 3_600_000) {
        clock.advance(Math.min(left, 3_600_000));
        await bed.renewLease();
        await bed.settle();
      }
    },
    async restart(wrap = (same) => same) {
      await stop();
      await start(wrap(store));
    },
    async close() {
      await stop();
      await records.close();
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return bed;
}
