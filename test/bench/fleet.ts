/**
 * `npm run bench -- fleet`: one server with thousands of connected agents, its built bundle against light agents that speak the
 * real protocol (test/builders/fleet.ts) in this process. Memory per agent is what a server grows by, whose every host was written
 * before (history for watches, young generation and mapped pages are full then), when they connect; writes are counted by the store itself. The server logs warnings only: this process has no time to read more.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAll } from '../../hack/build.js';
import { LightAgent, makeFleet, untilNothingIsWritten, writeCounter, type WriteCounter } from '../builders/fleet.js';
import { startServer, type TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';
import { Connection } from './connection.js';
import { targetOf } from './engines.js';
import { pause, processorTime, quiet, residentOf } from './processes.js';
import { table } from './report.js';
import { startRun } from './runs.js';

export interface FleetOptions { agents: number; /** Jobs started one after the other. */ runs: number }

export interface FleetFigures {
  /** Bytes. */
  memoryAlone: number; memoryConnected: number;
  /** Share of a core over 30 s in which every agent sends a heartbeat, and what the store wrote meanwhile. */
  idle: number; idleWrites: number;
  firstSeconds: number;
  restart: Storm;
  cut: Storm;
  /** Milliseconds from the server's answer to job.run at the agent, in order. */
  runs: number[];
}

/** Seconds until all were welcomed, and until nothing was left to write; processor time of the server in seconds. */
export interface Storm { welcomed: number; settled: number; processor: number; writesPerHost: number; events: number; phases: string[] }

/** The server collects its garbage when it was idle for a while. */
const CALM_MS = 40_000;
const IDLE_MS = 30_000;
const PATIENCE_MS = 600_000;

export async function benchFleet(options: FleetOptions): Promise<void> {
  await buildAll();
  process.env['RM_TEST_BUNDLE'] = '1';
  const { agents } = options;
  const figures = await measureFleet(options);
  const { memoryAlone, memoryConnected, idle, idleWrites, firstSeconds, restart, cut, runs } = figures;
  const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
  const percentile = (share: number): string => `${(runs[Math.min(runs.length - 1, Math.floor(runs.length * share))] ?? NaN).toFixed(1)} ms`;
  console.log(`\n${table([`${agents} agents`, 'measured', 'goal'], [
    ['memory per agent', `${((memoryConnected - memoryAlone) / agents / 1024).toFixed(1)} KB`, '25 KB'],
    ['memory, no agent / all connected', `${megabytes(memoryAlone)} / ${megabytes(memoryConnected)}`, ''],
    ['processor while idle, heartbeats only', `${(idle * 100).toFixed(1)} % of a core`, '10 %'],
    ['objects written meanwhile', String(idleWrites), 'the Lease: 3'],
    ['run now: accepted to job.run, median', percentile(0.5), ''],
    ['run now: accepted to job.run, 99 of 100', percentile(0.99), '50 ms'],
  ])}`);
  const row = (name: string, { welcomed, settled, processor, writesPerHost, events, phases }: Storm): string[] => [name, `${welcomed.toFixed(1)} s`, `${settled.toFixed(1)} s`, `${processor.toFixed(1)} s`, writesPerHost.toFixed(2), String(events), phases.join(' ')];
  console.log(`\n${table(['all agents', 'welcomed', 'nothing left to write', 'processor', 'writes per host', 'Events', 'phases seen'], [
    row('server killed and started', restart), row('network cut for a moment', cut),
  ])}\n\nthe first connect of all, with a plan for each: ${firstSeconds.toFixed(1)} s; goal of the restart with 10,000 agents: 30 s, one write per host, no Event, Online throughout`);
}

/** @param options.agents at least 2 */
export async function measureFleet({ agents: count, runs }: FleetOptions): Promise<FleetFigures> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-bench-'));
  const hosts = await makeFleet(dir, count);
  let server = await startServer({ dataDir: dir, env: { RM_LOG_LEVEL: 'warn' } });
  const agents = hosts.map((host) => new LightAgent(host));
  let stopBeats = (): void => undefined;
  try {
    let counter = await writeCounter(server);
    const first = stopwatch();
    for (const agent of agents) agent.connect(server.url);
    await allWelcomed(agents);
    await untilNothingIsWritten(counter, 3_000, PATIENCE_MS);
    const firstSeconds = first();

    for (const agent of agents) agent.stop();
    await server.stop();
    const ports = { RM_LISTEN: new URL(server.url).host, RM_TLS_LISTEN: new URL(server.tlsUrl).host, RM_LOG_LEVEL: 'warn' };
    const again = async (): Promise<WriteCounter> => {
      server = await startServer({ dataDir: dir, env: ports });
      return writeCounter(server);
    };
    counter = await again();
    await writeEach(server, hosts.map(({ name }) => name));
    await untilNothingIsWritten(counter, 3_000, PATIENCE_MS);
    await calm(server);
    const memoryAlone = await residentOf(server.pid);
    for (const agent of agents) agent.connect(server.url);
    await allWelcomed(agents);
    stopBeats = beat(agents);
    await untilNothingIsWritten(counter, 3_000, PATIENCE_MS);
    await calm(server);
    const memoryConnected = await residentOf(server.pid);
    const [before, version] = [await processorTime([server.pid]), await counter.version()];
    await pause(IDLE_MS);
    const idle = (await processorTime([server.pid]) - before) / (IDLE_MS / 1_000);
    const idleWrites = await counter.version() - version;
    const started = await runNow(server, agents, runs);
    await untilNothingIsWritten(counter, 3_000, PATIENCE_MS);

    const restart = await storm(agents, counter, () => server.pid, async () => {
      await server.kill();
      return again();
    });
    counter = await writeCounter(server);
    const cut = await storm(agents, counter, () => server.pid, () => {
      for (const agent of agents) agent.cut({ comesBack: true });
      return Promise.resolve(undefined);
    });
    return { memoryAlone, memoryConnected, idle, idleWrites, firstSeconds, restart, cut, runs: started };
  } finally {
    stopBeats();
    for (const agent of agents) agent.stop();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** As much as a connect writes. */
async function writeEach(server: TestServer, names: readonly string[]): Promise<void> {
  const connection = await Connection.open(await targetOf(server));
  for (const round of ['1', '2']) for (const name of names) {
    await connection.request('PATCH', `/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/${name}`, JSON.stringify({ metadata: { annotations: { 'example.org/round': round } } }), 'application/merge-patch+json');
  }
  connection.close();
}

function stopwatch(): () => number {
  const begin = performance.now();
  return () => (performance.now() - begin) / 1_000;
}

const allWelcomed = (agents: readonly LightAgent[]): Promise<unknown> => until('all agents to be welcomed', () => agents.every(({ welcomed }) => welcomed), PATIENCE_MS, 10);

/** Until the server does nothing, and the collector has let go of what the work before left. */
async function calm(server: TestServer): Promise<void> {
  await quiet([server.pid], PATIENCE_MS);
  await pause(CALM_MS);
  await quiet([server.pid], PATIENCE_MS);
}

/** A heartbeat and a ping each 30 s, as agents send them, spread evenly. */
function beat(agents: readonly LightAgent[]): () => void {
  const STEP_MS = 100;
  let next = 0;
  let owed = 0;
  const timer = setInterval(() => {
    for (owed += (agents.length * STEP_MS) / 30_000; owed >= 1; owed--) agents[next++ % agents.length]?.beat();
  }, STEP_MS);
  return () => { clearInterval(timer); };
}

async function storm(agents: readonly LightAgent[], before: WriteCounter, pid: () => number, work: () => Promise<WriteCounter | undefined>): Promise<Storm> {
  const [version, events] = [await before.version(), (await before.list('Event')).length];
  const earlier = { pid: pid(), processor: await processorTime([pid()]) };
  const welcomes = agents.map((agent) => agent.welcomes);
  const watch = stopwatch();
  const counter = await work() ?? before;
  const phases = new Set<string>();
  const watching = await counter.watch('Host', await counter.version(), ({ status }) => { phases.add(status?.phase ?? ''); });
  await until('all agents to be back', () => agents.every((agent, index) => agent.welcomed && agent.welcomes > (welcomes[index] ?? 0)), PATIENCE_MS, 10);
  const welcomed = watch();
  const CALM = 2_000;
  const end = await untilNothingIsWritten(counter, CALM, PATIENCE_MS);
  const settled = watch() - CALM / 1_000;
  watching.close();
  return { welcomed, settled, processor: await processorTime([pid()]) - (pid() === earlier.pid ? earlier.processor : 0), writesPerHost: (end - version) / agents.length, events: (await counter.list('Event')).length - events, phases: [...phases] };
}

/** Jobs of different hosts, one after the other. */
async function runNow(server: TestServer, agents: readonly LightAgent[], count: number): Promise<number[]> {
  const connection = await Connection.open(await targetOf(server));
  const took: number[] = [];
  for (let index = 0; index < count; index++) {
    const agent = agents[(index * 7919) % agents.length];
    if (!agent) continue;
    const { identity, accepted, received } = await startRun(connection, agent, `now-${index}`);
    took.push(Math.max(0, received - accepted));
    const time = new Date().toISOString();
    agent.report('job.finished', { identity, phase: 'Succeeded', reason: 'Completed', message: 'done', startTime: time, completionTime: time, attempts: 1, exitCode: 0 });
  }
  connection.close();
  return took.sort((a, b) => a - b);
}
