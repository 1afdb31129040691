/**
 * `npm run bench -- logs`: log lines of many jobs at once, from sockets of agents into records, until the server has acknowledged
 * them as durable; then every line is read back and compared. In turns with it the same frames go to a server that only
 * echoes them. Frames are sent as an agent sends its spool: the next when the kernel has the last. An agent gathers lines for
 * 100 ms: 20 in a frame is a restic that says 200 lines a second.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { textOf, type LogLine } from '#crds/wire/logLines.js';
import { buildAll } from '../../hack/build.js';
import { LightAgent, makeFleet, pump, untilNothingIsWritten, writeCounter } from '../builders/fleet.js';
import { startServer, type TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';
import { adminTokenOf } from '../builders/world.js';
import { Connection } from './connection.js';
import { bareEcho, targetOf } from './engines.js';
import { processorTime } from './processes.js';
import { median, megabytes, table } from './report.js';
import { startRun } from './runs.js';

export interface LogsOptions { lines: number; jobs: number; /** Lines of one frame. */ batch: number; /** Turns of product and echo. */ turns: number }

const PATIENCE_MS = 600_000;

interface Job { agent: LightAgent; name: string; identity: JobIdentity; lines: number; echo: WebSocket; echoed: number }
interface Turn { seconds: number; processor: number }

export async function benchLogs(options: LogsOptions): Promise<void> {
  await buildAll();
  process.env['RM_TEST_BUNDLE'] = '1';
  const { jobs: count, batch, turns } = options;
  const perTurn = Math.max(batch, Math.ceil(options.lines / count / turns));
  const dir = await mkdtemp(join(tmpdir(), 'rm-bench-'));
  const hosts = await makeFleet(dir, count);
  const server = await startServer({ dataDir: dir, env: { RM_LOG_LEVEL: 'warn' } });
  const echo = await bareEcho();
  const jobs: Job[] = [];
  try {
    const agents = hosts.map((host) => new LightAgent(host));
    for (const agent of agents) agent.connect(server.url);
    await until('the agents to be welcomed', () => agents.every(({ welcomed }) => welcomed), PATIENCE_MS);
    await untilNothingIsWritten(await writeCounter(server), 2_000, PATIENCE_MS);
    jobs.push(...await Promise.all(agents.map((agent, index) => begin(server, agent, `log-${index}`, echo.target.port))));
    const product: Turn[] = [];
    const bare: Turn[] = [];
    let bytes = 0;
    for (let turn = 0; turn < turns; turn++) {
      const frames = jobs.map((job) => framesOf(job, perTurn, batch));
      bytes += frames.flat().reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
      const order = [
        async (): Promise<void> => { product.push(await timed(server.pid, () => throughServer(jobs, frames))); },
        async (): Promise<void> => { bare.push(await timed(echo.pids[0] ?? 0, () => throughEcho(jobs, frames))); },
      ];
      for (const take of turn % 2 === 0 ? order : order.reverse()) await take();
    }
    const total = perTurn * turns * count;
    const wrong = await readBack(server, jobs);
    const rate = (turns: readonly Turn[]): string => `${Math.round(median(turns.map(({ seconds }) => (perTurn * count) / seconds))).toLocaleString('en')} lines/s`;
    const cost = (turns: readonly Turn[]): string => `${((turns.reduce((sum, { processor }) => sum + processor, 0) / total) * 1e6).toFixed(1)} µs`;
    console.log(`\n${total} lines of ${count} jobs, ${batch} in a frame, ${megabytes(bytes)} MB\n\n${table(['', 'throughput', 'processor time per line'], [
      ['into records, acknowledged', rate(product), cost(product)], ['echoed', rate(bare), cost(bare)],
    ])}\n\nratio ${median(product.map(({ seconds }, index) => (bare[index]?.seconds ?? NaN) / seconds)).toFixed(2)}, median of ${turns} (goal: 0.5); read back: ${wrong.length === 0 ? 'every line once and as it was sent' : wrong.slice(0, 5).join('; ')}`);
  } finally {
    for (const { agent, echo: socket } of jobs) { agent.stop(); socket.terminate(); }
    await echo.stop();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function begin(server: TestServer, agent: LightAgent, name: string, echoPort: number): Promise<Job> {
  const connection = await Connection.open(await targetOf(server));
  const { identity } = await startRun(connection, agent, name);
  connection.close();
  agent.report('job.started', { identity, startTime: new Date().toISOString(), attempts: 1 });
  const echo = new WebSocket(`ws://127.0.0.1:${echoPort}/`, { perMessageDeflate: false });
  await new Promise((resolve) => { echo.once('open', resolve); });
  const job: Job = { agent, name, identity, lines: 0, echo, echoed: 0 };
  echo.on('message', () => { job.echoed += 1; });
  return job;
}

/** The line of this number: what restic says of a file; some names are not ASCII, some need escaping. */
function lineOf(job: string, seq: number): LogLine {
  const name = seq % 1000 === 0 ? 'Übersicht "neu"' : seq % 1000 === 500 ? 'back\\slash' : 'report';
  return { seq, ts: new Date(1_767_225_600_000 + seq).toISOString(), stream: 'stdout', payload: `new       /srv/${job}/projects/${name}-${seq}.txt, saved in 0.0${seq % 100}s (${seq % 977}.345 KiB added)` };
}

function framesOf(job: Job, count: number, batch: number): string[] {
  const frames: string[] = [];
  for (const end = job.lines + count; job.lines < end;) {
    const firstSeq = job.lines + 1;
    job.lines = Math.min(end, job.lines + batch);
    const lines = Array.from({ length: job.lines - firstSeq + 1 }, (_, index) => textOf(lineOf(job.name, firstSeq + index)));
    frames.push(job.agent.spooled('job.log', { job: job.name, runID: job.identity.runID, firstSeq, lines }));
  }
  return frames;
}

async function timed(pid: number, work: () => Promise<void>): Promise<Turn> {
  const [processor, begin] = [await processorTime([pid]), performance.now()];
  await work();
  const seconds = (performance.now() - begin) / 1_000;
  return { seconds, processor: await processorTime([pid]) - processor };
}

async function throughServer(jobs: readonly Job[], frames: readonly string[][]): Promise<void> {
  await Promise.all(jobs.map(async ({ agent }, index) => {
    await agent.pump(frames[index] ?? []);
    await agent.allAcknowledged();
  }));
}

async function throughEcho(jobs: readonly Job[], frames: readonly string[][]): Promise<void> {
  await Promise.all(jobs.map((job, index) => new Promise<void>((resolve) => {
    const wanted = job.echoed + (frames[index]?.length ?? 0);
    const look = (): void => {
      if (job.echoed < wanted) return;
      job.echo.off('message', look);
      resolve();
    };
    job.echo.on('message', look);
    void pump(job.echo, frames[index] ?? []);
  })));
}

/** @returns what is not as it was sent */
async function readBack({ url, kubeconfig }: TestServer, jobs: readonly Job[]): Promise<string[]> {
  const headers = { authorization: `Bearer ${await adminTokenOf(kubeconfig)}` };
  const wrong: string[] = [];
  for (const { name, lines } of jobs) {
    const got = (await (await fetch(`${url}/api/jobs/${name}/log.ndjson`, { headers })).text()).trimEnd().split('\n');
    if (got.length !== lines) wrong.push(`${name} has ${got.length} lines, sent were ${lines}`);
    got.forEach((line, index) => { if (line !== JSON.stringify(lineOf(name, index + 1))) wrong.push(`${name} line ${index + 1}: ${line.slice(0, 120)}`); });
  }
  return wrong;
}
