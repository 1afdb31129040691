/**
 * `npm run bench -- footprint`: what agent and server cost while nothing happens. Both are the built bundles; the agent belongs to
 * the server, has a plan and a ready repository. A window begins when the collector has let go of what the start left, and
 * bare Node, which does nothing at all, is measured beside them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAll } from '../../hack/build.js';
import { openWorld } from '../builders/world.js';
import { exactProcessorTime, pause, processorTime, quiet, residentOf } from './processes.js';
import { median, megabytes, table } from './report.js';
import { startOnce } from './start.js';

export interface FootprintOptions { /** Windows of 30 s. */ windows: number; /** Cold starts. */ times: number }

const WINDOW_MS = 30_000;
/** V8 gives back what a start left in a few collections, the last of them about this long after it. */
const CALM_MS = 30_000;
const HOST = 'idle';

/** Seconds as the kernel counts them (hundredths) and, from its scheduler, milliseconds. */
interface Window { counted: number; exact: number }
interface Cost { memory: number; windows: Window[] }

export async function benchFootprint({ windows, times }: FootprintOptions): Promise<void> {
  await buildAll();
  process.env['RM_TEST_BUNDLE'] = '1';
  const answers = await coldStarts(times);
  const world = await openWorld();
  const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 2 ** 30)'], { stdio: 'ignore' });
  try {
    const agent = await world.agent(HOST, { token: await world.mintToken(HOST, [await world.source(HOST)]) });
    await world.ready(HOST);
    await quiet([world.server.pid, agent.pid]);
    await pause(CALM_MS);
    const names = ['server', 'agent', 'bare Node'] as const;
    const costs = await Promise.all([world.server.pid, agent.pid, bare.pid ?? 0].map((pid) => idle(pid, windows)));
    const goals = { 'server': ['110 MB', '0 or nearly'], 'agent': ['70 MB', '0.00 s'], 'bare Node': ['', ''] };
    const row = (name: typeof names[number], { memory, windows: all }: Cost): string[] => {
      const [memoryGoal = '', processorGoal = ''] = goals[name];
      return [name, `${megabytes(memory)} MB`, memoryGoal, all.map(({ counted }) => counted.toFixed(2)).join(' '), `${median(all.map(({ exact }) => exact)).toFixed(1)} ms`, processorGoal];
    };
    console.log(`\n${table(['idle', 'memory', 'goal', 'processor time in 30 s, each window', 'median, exact', 'goal'], names.flatMap((name, index) => (costs[index] ? [row(name, costs[index])] : [])))}`);
    console.log(`\nserver, start to first answer with an existing store: ${median(answers).toFixed(0)} ms, median of ${times} (goal: 400 ms)`);
    console.log('peers, as measured for the goals: Go servers 24-28 MiB and 33 ms, 89-171 MiB after some logins');
  } finally {
    bare.kill();
    await once(bare, 'exit');
    await world.close();
  }
}

async function coldStarts(times: number): Promise<number[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rm-bench-'));
  try {
    await startOnce(dataDir, 1);
    const all: number[] = [];
    for (let time = 0; time < times; time++) all.push((await startOnce(dataDir, 0)).answerMs);
    return all;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function idle(pid: number, count: number): Promise<Cost> {
  const windows: Window[] = [];
  for (let window = 0; window < count; window++) {
    const [counted, exact] = [await processorTime([pid]), await exactProcessorTime(pid)];
    await pause(WINDOW_MS);
    windows.push({ counted: await processorTime([pid]) - counted, exact: await exactProcessorTime(pid) - exact });
  }
  return { memory: await residentOf(pid), windows };
}
