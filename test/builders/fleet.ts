/**
 * Many hosts and the agents of them, light enough for thousands in one process: each is a socket that speaks the real
 * protocol, takes its plan, and comes back as agents do. Nothing is run; what a test wants reported it sends itself.
 */
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { backoffMs, reconnect } from '#agent/link/backoff.js';
import { createAdmission } from '#apiserver/admission/index.js';
import { createIdentity } from '#apiserver/auth/index.js';
import { loadSecretKey } from '#apiserver/cmd/secretKey.js';
import { openFileStore } from '#apiserver/stores/file/index.js';
import { systemClock } from '#controller/runtime/clock.js';
import { resources, type Kind, type KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Hello, JobRun } from '#crds/wire/agentProtocol.gen.js';
import type { AgentFrames, ServerFrame, SpooledType } from '#crds/wire/frames.js';
import { aGroup, aHost, aRepository, aRepositorySecret, aSchedule } from './objects.js';
import { newAgentKey, signedHello } from './scriptedAgent.js';
import type { TestServer } from './server.js';
import { asAdmin, quiet } from './sessionBed.js';
import { adminTokenOf } from './world.js';
import { until } from './until.js';

/** What every host of a fleet shares. The first host is the runner of the repository. */
export const FLEET = { group: 'etc', schedule: 'daily', repository: 'fleet' } as const;

export interface FleetHost { name: string; bearer: string }

/** Makes `count` hosts with bearers, and what they share, in the data directory of a server that does not run. */
export async function makeFleet(dataDir: string, count: number, cron = '0 2 * * *'): Promise<FleetHost[]> {
  const secretKey = await loadSecretKey(join(dataDir, 'secret.key'), join(dataDir, 'objects'));
  const store = await openFileStore({ dir: dataDir, admission: createAdmission({ namespace: 'default' }), secretKey });
  try {
    const identity = await createIdentity({ store, namespace: 'default', clock: systemClock, log: quiet });
    const nameOf = (index: number): string => `host-${String(index).padStart(6, '0')}`;
    await store.create('Secret', aRepositorySecret(`repo-${FLEET.repository}`), asAdmin);
    await store.create('Repository', aRepository(FLEET.repository, { runner: { hostRef: { name: nameOf(0) } } }), asAdmin);
    await store.create('SourceGroup', aGroup(FLEET.group, { hostSelector: { matchLabels: { fleet: 'yes' } } }), asAdmin);
    await store.create('Schedule', aSchedule(FLEET.schedule, [FLEET.group], { schedule: cron }), asAdmin);
    const made = await Promise.all(Array.from({ length: count }, async (_, index): Promise<FleetHost> => {
      const host = await store.create('Host', aHost(nameOf(index), { repositoryRef: { name: FLEET.repository } }, { labels: { fleet: 'yes' } }), asAdmin);
      return { name: host.metadata.name, bearer: await identity.issueBearer(host) };
    }));
    await identity.close();
    return made;
  } finally {
    await store.close();
  }
}

const key = newAgentKey();

/** One agent. It dials again after every loss, after the time a real one would wait. */
export class LightAgent {
  readonly host: FleetHost;
  #url = '';
  #ws: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #epoch: string | undefined;
  #applied: { revision: string; generation: number } | undefined;
  #spool = { sent: 0, acked: 0 };
  #onAcknowledged = (): void => undefined;
  /** Since the last dial. */
  welcomed = false;
  /** How often it was welcomed. */
  welcomes = 0;
  /** Close codes, in order. */
  readonly closes: number[] = [];
  onRun: (run: JobRun) => void = () => undefined;

  constructor(host: FleetHost) {
    this.host = host;
  }

  get acked(): number {
    return this.#spool.acked;
  }

  /** Dials and keeps dialling. */
  connect(url: string): void {
    this.#url = url.replace(/^http/, 'ws');
    this.#dial();
  }

  /** The socket goes without a word; the agent dials again, or not. */
  cut({ comesBack }: { comesBack: boolean }): void {
    if (!comesBack) this.#url = '';
    this.#ws?.terminate();
  }

  stop(): void {
    this.#url = '';
    clearTimeout(this.#timer);
    this.#ws?.terminate();
  }

  /** Resolves when the server has read all that was sent before. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#ws?.once('pong', () => { resolve(); });
      this.#ws?.ping();
    });
  }

  /** What a real one sends each 30 s. */
  beat(): void {
    if (!this.welcomed) return;
    this.send('heartbeat', { clock: new Date().toISOString() });
    this.#ws?.ping();
  }

  send<T extends keyof AgentFrames>(type: T, payload: AgentFrames[T]): void {
    this.#ws?.send(JSON.stringify({ type, payload }));
  }

  /** A frame of the spool; only while connected. */
  report<T extends SpooledType>(type: T, payload: AgentFrames[T]): void {
    this.#ws?.send(this.spooled(type, payload));
  }

  /** The text of the spool's next frame, which must be sent next. */
  spooled<T extends SpooledType>(type: T, payload: AgentFrames[T]): string {
    return JSON.stringify({ type, seq: ++this.#spool.sent, payload });
  }

  /** Sends texts as an agent sends its spool. */
  async pump(frames: readonly string[]): Promise<void> {
    if (this.#ws) await pump(this.#ws, frames);
  }

  /** Resolves when the server has all that was reported. */
  async allAcknowledged(): Promise<void> {
    if (this.#spool.acked < this.#spool.sent) await new Promise<void>((resolve) => { this.#onAcknowledged = resolve; });
  }

  #dial(): void {
    this.welcomed = false;
    const ws = new WebSocket(`${this.#url}/ws/agent`, { headers: { authorization: `Bearer ${this.host.bearer}` }, perMessageDeflate: false });
    this.#ws = ws;
    ws.on('open', () => { ws.send(JSON.stringify({ type: 'hello', payload: this.#hello() })); });
    ws.on('message', (data) => { this.#take(JSON.parse((data as Buffer).toString('utf8')) as ServerFrame); });
    ws.on('error', () => undefined);
    ws.on('close', (code) => {
      this.welcomed = false;
      this.closes.push(code);
      if (this.#url !== '') this.#timer = setTimeout(() => { this.#dial(); }, backoffMs(reconnect, this.#attempt++, Math.random()));
    });
  }

  #hello(): Hello {
    const { name: hostname } = this.host;
    return signedHello(key, {
      hostname, resticVersion: '0.19.1', capabilities: ['group-by', 'retry-lock'], spool: { first: this.#spool.acked + 1, last: this.#spool.sent, id: hostname },
      ...(this.#epoch === undefined ? {} : { storeEpoch: this.#epoch }), ...(this.#applied ? { appliedRevision: this.#applied.revision, appliedGeneration: this.#applied.generation } : {}),
    });
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#epoch = frame.payload.storeEpoch;
        this.#attempt = 0;
        this.welcomed = true;
        this.welcomes += 1;
        return;
      case 'plan.set':
        this.#applied = { revision: frame.payload.revision, generation: frame.payload.generation };
        this.send('plan.applied', this.#applied);
        return;
      case 'ack':
        this.#spool.acked = Math.max(this.#spool.acked, frame.payload.seq);
        if (this.#spool.acked === this.#spool.sent) this.#onAcknowledged();
        return;
      case 'job.run': {
        const { identity } = frame.payload;
        if (identity.type !== 'Init') { this.onRun(frame.payload); return; }
        this.report('job.finished', { identity, phase: 'Succeeded', reason: 'Initialized', message: 'made', startTime: new Date().toISOString(), completionTime: new Date().toISOString(), attempts: 1, repositoryID: 'f'.repeat(64) });
        return;
      }
      default:
    }
  }
}

/** The next frame when the kernel has the last, as an agent's pump does. */
export async function pump(ws: WebSocket, frames: readonly string[]): Promise<void> {
  for (const frame of frames) await new Promise<void>((resolve) => { ws.send(frame, () => { resolve(); }); });
}

/** What the store of a running server was made to write: the sum, and every change of a kind as a watch shows it. */
export interface WriteCounter {
  /** The store's resourceVersion: one more for each object written or removed. */
  version(): Promise<number>;
  list<K extends Kind>(kind: K): Promise<Stored<KindMap[K]>[]>;
  /** Every object of a kind that is written from `since` on. */
  watch(kind: Kind, since: number, onObject: (object: { metadata: { name: string }; status?: { phase?: string } }) => void): Promise<{ close(): void }>;
}

export async function writeCounter({ url, kubeconfig }: TestServer): Promise<WriteCounter> {
  const headers = { authorization: `Bearer ${await adminTokenOf(kubeconfig)}` };
  const pathOf = (kind: Kind): string => {
    const { group, version, plural } = resources[kind];
    return `${url}${group === '' ? '/api' : `/apis/${group}`}/${version}/namespaces/default/${plural}`;
  };
  const list = async <K extends Kind>(kind: K, query = ''): Promise<{ metadata: { resourceVersion: string }; items: Stored<KindMap[K]>[] }> => {
    const response = await fetch(`${pathOf(kind)}?${query}`, { headers });
    return await response.json() as never;
  };
  return {
    version: async () => Number((await list('Lease', 'limit=1')).metadata.resourceVersion),
    list: async (kind) => (await list(kind)).items,
    async watch(kind, since, onObject) {
      const abort = new AbortController();
      const response = await fetch(`${pathOf(kind)}?watch=true&resourceVersion=${since}`, { headers, signal: abort.signal });
      const read = async (): Promise<void> => {
        let text = '';
        const decoder = new TextDecoder();
        for await (const chunk of response.body ?? []) {
          const lines = (text + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
          text = lines.pop() ?? '';
          for (const line of lines) onObject((JSON.parse(line) as { object: never }).object);
        }
      };
      read().catch(() => undefined);
      return { close: () => { abort.abort(); } };
    },
  };
}

/** Resolves when `quietMs` went by in which nothing but the gateway's Lease was written. */
export async function untilNothingIsWritten(counter: WriteCounter, quietMs = 1_500, timeoutMs = 60_000): Promise<number> {
  let [last, since] = [await counter.version(), Date.now()];
  await until('the store to be left alone', async () => {
    const now = await counter.version();
    // The Lease is one write in ten seconds.
    if (now > last + 1) [last, since] = [now, Date.now()];
    return Date.now() - since >= quietMs;
  }, timeoutMs, 100);
  return counter.version();
}

