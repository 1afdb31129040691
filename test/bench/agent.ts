/**
 * `npm run bench -- agent`: what a backup costs more through this product than by a restic started by hand, in pairs on one
 * machine in one run. Server and agent are the built bundles, the repositories are directories, both sides read the same
 * files. The order within a pair alternates; nothing else of the product runs while a restic is measured. Printed are medians,
 * and medians of the ratios pair by pair.
 */
import { randomFillSync } from 'node:crypto';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAll } from '../../hack/build.js';
import { openWorld, PASSWORD, type World } from '../builders/world.js';
import type { TestAgent } from '../builders/agent.js';
import { pause, processorTime, quiet } from './processes.js';
import { median, table } from './report.js';
import { runRestic, timedRestic, type Call, type TimedRestic } from './timedRestic.js';

export interface AgentOptions { files: number; megabytes: number; /** Pairs of first backups. */ firsts: number; /** Pairs of backups of unchanged files. */ unchanged: number }

/** Milliseconds; `wall` is what a person waits: from the moment the server took the job until its end shows in the API. */
interface Run { wall: number; restic: number; asked: number; trigger: number; visible: number; /** Processor time of server and agent. */ processor: number; calls: Call[] }
interface Pair { product: Run; bare: number; bareRestic: number }

const HOST = 'bench';

export async function benchAgent(options: AgentOptions): Promise<void> {
  await buildAll();
  process.env['RM_TEST_BUNDLE'] = '1';
  const world = await openWorld();
  try {
    const source = join(world.dir, 'files');
    await fill(source, options);
    console.log(`${options.files} files, ${options.megabytes} MB; ${options.firsts} pairs of first backups, ${options.unchanged} of unchanged ones`);
    const restic = await timedRestic(join(world.dir, 'restic'));
    const first = await pairs(options.firsts, async (index) => {
      const side = await openSide(world, restic, source, `${HOST}-${index}`);
      const pair = await inTurn(index, side);
      if (index < options.firsts - 1) await side.close();
      return { pair, side };
    });
    const last = first.at(-1)?.side;
    if (!last) throw new Error('--firsts must be at least 1');
    await inTurn(0, last); // the first unchanged one still reads what the first backup left in no cache
    const unchanged = await pairs(options.unchanged, async (index) => ({ pair: await inTurn(index, last) }));
    report(first.map(({ pair }) => pair), unchanged.map(({ pair }) => pair));
  } finally {
    await world.close();
  }
}

async function pairs<T>(count: number, one: (index: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let index = 0; index < count; index++) all.push(await one(index));
  return all;
}

/** One host with its repository, and the same for a restic by hand. */
interface Side { product(): Promise<Run>; bare(): Promise<{ wall: number; restic: number }>; close(): Promise<void> }

async function inTurn(index: number, side: Side): Promise<Pair> {
  const early = index % 2 === 1 ? await side.bare() : undefined;
  const product = await side.product();
  const { wall, restic } = early ?? await side.bare();
  return { product, bare: wall, bareRestic: restic };
}

async function openSide(world: World, restic: TimedRestic, source: string, name: string): Promise<Side> {
  const agent = await world.agent(name, { token: await world.mintToken(name, [source]), restic: restic.path });
  await world.ready(name);
  const group = (await world.list('SourceGroup')).find(({ spec }) => spec.hostRef?.name === name)?.metadata.name ?? '';
  const repository = join(world.dir, `bare-${name}`);
  const env = { RESTIC_PASSWORD: PASSWORD, RESTIC_REPOSITORY: repository, RESTIC_CACHE_DIR: join(world.dir, `cache-${name}`) };
  // restic fits the cost of its key derivation to the machine's load at init: only a copy of the same repository costs the same.
  await cp(world.repositoryUrl(name), repository, { recursive: true });
  let serial = 0;
  const settle = (): Promise<void> => settled(world, agent, restic);
  await settle();
  return {
    async product() {
      await settle();
      restic.forget();
      const run = await backup(world, restic, agent, { name: `${name}-${++serial}`, host: name, group });
      await settle();
      return run;
    },
    async bare() {
      await settle();
      return runRestic(restic, ['backup', source], env);
    },
    async close() {
      await agent.stop();
      for (const path of [repository, world.repositoryUrl(name), join(world.dir, `cache-${name}`)]) await rm(path, { recursive: true, force: true });
    },
  };
}

/** What follows a backup (the list of snapshots) is no part of it: the next measurement waits for its end. */
async function settled(world: World, agent: TestAgent, restic: TimedRestic): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    await pause(500);
    if (await quiet([world.server.pid, agent.pid]) && await restic.idle()) return;
  }
}

async function backup(world: World, restic: TimedRestic, agent: TestAgent, { name, host, group }: { name: string; host: string; group: string }): Promise<Run> {
  const end = world.watchEnd(name);
  await end.opened;
  const pids = [world.server.pid, agent.pid];
  const before = await processorTime(pids);
  const asked = now();
  await world.create('ResticJob', name, { spec: { hostRef: { name: host }, type: 'Backup', sourceGroupRef: { name: group } } });
  const accepted = now();
  const { phase, message } = await end.ended;
  const visible = now();
  const processor = (await processorTime(pids) - before) * 1_000;
  if (phase !== 'Succeeded') throw new Error(`job ${name} ended ${phase}: ${message}`);
  await pause(1_000);
  const calls = await restic.calls();
  const own = calls.find(({ command }) => command === 'backup');
  if (!own) throw new Error(`job ${name} ran no restic backup: ${calls.map(({ command }) => command).join(', ')}`);
  return { wall: visible - accepted, restic: own.end - own.begin, asked: own.begin - asked, trigger: own.begin - accepted, visible: visible - own.end, processor, calls: calls.filter(({ begin }) => begin <= own.end) };
}

/** Milliseconds since 1970, on the clock that restic's wrapper reads. */
const now = (): number => performance.timeOrigin + performance.now();

async function fill(dir: string, { files, megabytes }: AgentOptions): Promise<void> {
  const size = Math.floor((megabytes * 1024 * 1024) / files);
  const content = Buffer.allocUnsafe(size);
  for (let index = 0; index < files; index++) {
    const folder = join(dir, `d${Math.floor(index / 100)}`);
    if (index % 100 === 0) await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `f${index}`), randomFillSync(content));
  }
}

function report(first: readonly Pair[], unchanged: readonly Pair[]): void {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  /** The least of each side is what the machine's other work disturbed least. */
  const row = (name: string, all: readonly Pair[], goal: string): string[] => {
    const [bare, own] = [all.map((pair) => pair.bare), all.map(({ product }) => product.wall)];
    const [bareRestic, ownRestic] = [all.map((pair) => pair.bareRestic), all.map(({ product }) => product.restic)];
    const ratio = (of: (pair: Pair) => number): string => `${median(all.map(of)).toFixed(3)}x`;
    return [name, ms(median(bare)), ms(median(own)), ratio((pair) => pair.product.wall / pair.bare), goal, `${(Math.min(...own) / Math.min(...bare)).toFixed(3)}x`,
      ms(median(bareRestic)), ms(median(ownRestic)), ratio((pair) => pair.product.restic / pair.bareRestic)];
  };
  console.log(`\n${table(['backup', 'bare', 'product', 'ratio', 'goal', 'least/least', 'bare restic', 'its restic', 'ratio'], [row('first', first, '1.02x'), row('unchanged', unchanged, '1.05x')])}\n`);
  const runs = [...first, ...unchanged].map(({ product }) => product);
  const line = (name: string, of: (run: Run) => number, goal: string): string[] => {
    const values = runs.map(of).sort((a, b) => a - b);
    return [name, ms(values[0] ?? NaN), ms(median(values)), ms(values[Math.floor(values.length * 0.9)] ?? NaN), ms(values.at(-1) ?? NaN), goal];
  };
  console.log(table(['', 'least', 'median', '9 of 10', 'most', 'goal'], [
    line('job accepted to restic\'s start', ({ trigger }) => trigger, '30 ms'), line('request sent to restic\'s start', ({ asked }) => asked, ''),
    line('restic\'s end to Succeeded visible', ({ visible }) => visible, '20 ms'),
    line('processor time of server and agent', ({ processor }) => processor, ''),
  ]));
  const others = runs.flatMap(({ calls }) => calls.filter(({ command }) => command !== 'backup').map(({ command }) => command));
  console.log(`\nrestic processes before and during ${runs.length} backups, besides the backup itself: ${others.length === 0 ? 'none' : others.join(', ')} (goal: none)`);
}
