/**
 * `npm run bench -- api`: the resource API over HTTPS against kube-apiserver + etcd on the same machine in the same run. Each
 * operation is cut into slices; every slice runs on each server in turn, so that whatever else the machine does meets all of
 * them alike. Printed are the medians of the slices and the median of the ratios slice by slice.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fetchTools } from '../../hack/tools/fetch.js';
import { buildAll } from '../../hack/build.js';
import { messageOf } from '../../hack/lib/step.js';
import type { Order, Outcome, Work } from './client.js';
import { apiAlone, bareNode, kubernetes, wholeServer, type Engine } from './engines.js';
import { quiet } from './processes.js';
import { median, megabytes, table } from './report.js';

export interface ApiOptions { hosts: number; clients: number; slices: number; watchers: number; whole: boolean }

interface Operation {
  name: string;
  /** What one slice is, by its number. */
  work: (slice: number) => Work;
  slices: number;
  /** Rates: more is better. Times: of one list, less is better. */
  measure: 'rate' | 'time';
}

const GROUPS = 100;

function operations({ hosts, slices, watchers }: ApiOptions): Operation[] {
  const part = (slice: number): { from: number; to: number } => ({ from: Math.floor((slice * hosts) / slices), to: Math.floor(((slice + 1) * hosts) / slices) });
  const changes = Math.min(hosts, 400);
  const list = (query: string, pages: boolean, expect: number): (() => Work) => () => ({ do: 'list', query, pages, times: 3, expect });
  return [
    { name: 'create', work: (slice) => ({ do: 'create', ...part(slice), round: 0 }), slices, measure: 'rate' },
    { name: 'get', work: (slice) => ({ do: 'get', ...part(slice), round: 0 }), slices, measure: 'rate' },
    { name: 'status patch', work: (slice) => ({ do: 'patch', ...part(slice), round: 1 }), slices, measure: 'rate' },
    { name: 'list, all', work: list('', false, hosts), slices: 5, measure: 'time' },
    { name: 'list, pages of 500', work: list('limit=500', true, hosts), slices: 5, measure: 'time' },
    { name: 'list, by label', work: list('labelSelector=group%3Dg7', false, Math.ceil((hosts - 7) / GROUPS)), slices: 5, measure: 'time' },
    { name: `fan-out to ${watchers}`, work: (slice) => ({ do: 'fanOut', watchers, from: 0, to: changes, round: 2 + slice }), slices: 5, measure: 'rate' },
    { name: 'delete', work: (slice) => ({ do: 'delete', ...part(slice), round: 0 }), slices, measure: 'rate' },
  ];
}

/** In turn, beginning with another one each time. */
const turned = <T>(all: readonly T[], by: number): T[] => [...all.slice(by % all.length), ...all.slice(0, by % all.length)];

export async function benchApi(options: ApiOptions): Promise<void> {
  await fetchTools(['etcd', 'kube-apiserver']);
  if (options.whole) { await buildAll(); process.env['RM_TEST_BUNDLE'] = '1'; }
  const engines: Engine[] = [];
  const client = startClient();
  try {
    for (const start of [kubernetes, apiAlone, ...(options.whole ? [wholeServer] : []), bareNode]) engines.push(await start());
    console.log(`${options.hosts} Hosts, ${options.clients} clients, ${options.slices} slices; ${engines.map(({ name }) => name).join(' | ')}`);
    const rows: string[][] = [];
    const gained = new Map<Engine, number[]>();
    const memory = new Map<string, Map<Engine, Record<string, number>>>();
    const remember = async (when: string): Promise<void> => { memory.set(when, new Map(await Promise.all(engines.map(async (engine): Promise<[Engine, Record<string, number>]> => [engine, await engine.memory()])))); };
    await remember('memory, empty');
    for (const operation of operations(options)) {
      const values = await measure(operation, engines, client, options.clients);
      rows.push(row(operation, engines, values, gained));
      console.log(rows.at(-1)?.map((cell) => cell.trim()).join('   '));
      if (operation.name === 'create') await remember('memory, created');
      if (operation.name.startsWith('fan-out')) await remember('memory, updated');
    }
    for (const [when, of] of memory) rows.push(memoryRow(when, engines, of));
    rows.push(['geometric mean', '', ...engines.slice(1).flatMap((engine) => ['', `${geometric(gained.get(engine) ?? []).toFixed(2)}x`])]);
    console.log(`\n${table(['', ...engines.flatMap(({ name }, index) => (index === 0 ? [name] : [name, 'ratio']))], rows)}\n`);
    console.log('Ratio: how many times better than kube-apiserver + etcd, median over the slices; memory: share of theirs (in brackets: of kube-apiserver alone).');
    console.log('Bare Node HTTPS: the same requests answered with bytes like ours from a Map, without a store, checks or identity: the most that can be had here.');
    if (options.whole) console.log('The whole server answers each new Host with a status of its own (conditions and their owners): its objects are larger and every create is two writes.');
  } finally {
    client.stop();
    for (const engine of engines) await engine.stop();
  }
}

async function measure(operation: Operation, engines: readonly Engine[], client: Client, clients: number): Promise<Map<Engine, number[]>> {
  const values = new Map<Engine, number[]>(engines.map((engine) => [engine, []]));
  for (let slice = 0; slice < operation.slices; slice++) {
    for (const engine of turned(engines, slice)) {
      // What the others still do of their last slice must not fall into this one's time.
      await quiet(engines.flatMap(({ pids }) => pids), 5_000);
      const { count, seconds } = await client.run({ target: engine.target, clients, work: operation.work(slice) }).catch((error: unknown) => { throw new Error(`${engine.name}, ${operation.name}: ${messageOf(error)}`); });
      values.get(engine)?.push(operation.measure === 'rate' ? count / seconds : seconds * 1000);
    }
  }
  return values;
}

function row({ name, measure: what }: Operation, engines: readonly Engine[], values: ReadonlyMap<Engine, number[]>, gained: Map<Engine, number[]>): string[] {
  const shown = (value: number): string => (what === 'rate' ? `${Math.round(value)}/s` : `${value.toFixed(1)} ms`);
  const [first, ...ours] = engines;
  const base = (first && values.get(first)) ?? [];
  return [name, shown(median(base)), ...ours.flatMap((engine) => {
    const own = values.get(engine) ?? [];
    const ratio = median(own.map((value, index) => (what === 'rate' ? value / (base[index] ?? NaN) : (base[index] ?? NaN) / value)));
    gained.set(engine, [...(gained.get(engine) ?? []), ratio]);
    return [shown(median(own)), `${ratio.toFixed(2)}x`];
  })];
}

function memoryRow(when: string, engines: readonly Engine[], of: ReadonlyMap<Engine, Record<string, number>>): string[] {
  const sum = (engine: Engine | undefined): number => Object.values((engine && of.get(engine)) ?? {}).reduce((total, bytes) => total + bytes, 0);
  const [first, ...ours] = engines;
  const alone = (first && of.get(first)?.['kube-apiserver']) ?? NaN;
  const parts = Object.values((first && of.get(first)) ?? {}).map(megabytes).join(' + ');
  return [when, `${parts} MB`, ...ours.flatMap((engine) => [`${megabytes(sum(engine))} MB`, `1/${(sum(first) / sum(engine)).toFixed(1)} (1/${(alone / sum(engine)).toFixed(1)})`])];
}

const geometric = (values: readonly number[]): number => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

interface Client { run(order: Order): Promise<Outcome>; stop(): void }

function startClient(): Client {
  const child: ChildProcess = fork(new URL('./client.ts', import.meta.url), { stdio: 'inherit', execArgv: process.execArgv });
  let waiting: { resolve: (outcome: Outcome) => void; reject: (error: Error) => void } | undefined;
  child.on('message', ({ outcome, error }: { outcome?: Outcome; error?: string }) => {
    if (outcome) waiting?.resolve(outcome);
    else waiting?.reject(new Error(error ?? 'the client gave no answer'));
  });
  child.on('exit', () => waiting?.reject(new Error('the client ended')));
  return {
    run: (order) => new Promise((resolve, reject) => { waiting = { resolve, reject }; child.send(order); }),
    stop() { if (child.connected) child.disconnect(); },
  };
}
