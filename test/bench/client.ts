/**
 * The one client program of `bench api`, a process of its own: told over IPC which server to load and with what, it answers
 * how long that took. It knows nothing of which server it talks to.
 */
import { performance } from 'node:perf_hooks';
import { Connection, type Target } from './connection.js';

/** Hosts are numbered; `from` (included) to `to` (excluded). */
export type Work =
  | { do: 'create' | 'get' | 'patch' | 'delete'; from: number; to: number; round: number }
  | { do: 'list'; query: string; pages: boolean; times: number; expect: number }
  | { do: 'fanOut'; watchers: number; from: number; to: number; round: number };

export interface Order { target: Target; clients: number; work: Work }

export interface Outcome {
  /** Requests, events or lists done. */
  count: number;
  /** Of the whole; for lists the median of one. */
  seconds: number;
  bytes: number;
}

const hosts = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
const nameOf = (index: number): string => `bench-${String(index).padStart(6, '0')}`;

export const GROUPS = 100;

function bodyOf(index: number): string {
  return JSON.stringify({
    apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host',
    metadata: { name: nameOf(index), labels: { env: index % 3 === 0 ? 'prod' : 'test', group: `g${index % GROUPS}`, site: `site-${index % 7}` }, annotations: { 'example.org/owner': `team-${index % 11}` } },
    spec: { displayName: `Bench machine ${index}`, presence: 'AlwaysOn', bandwidth: { uploadKiBps: 10_000 + index } },
  });
}

function patchOf(index: number, round: number): string {
  const time = new Date(Date.UTC(2026, 0, 1) + round * 3_600_000 + index).toISOString().replace(/\.\d+Z$/, 'Z');
  return JSON.stringify({ status: { lastSeenTime: time, agent: { version: `0.1.${round}`, os: 'linux', arch: 'amd64', hostname: nameOf(index), resticVersion: '0.18.0' } } });
}

/** Every worker takes the next number until none is left. */
async function each(connections: readonly Connection[], from: number, to: number, act: (connection: Connection, index: number) => Promise<number>): Promise<number> {
  let next = from;
  let bytes = 0;
  await Promise.all(connections.map(async (connection) => {
    while (next < to) bytes += await act(connection, next++);
  }));
  return bytes;
}

async function asked(connection: Connection, expect: number, method: string, path: string, body?: string, type?: string): Promise<number> {
  const { status, bytes } = await connection.request(method, path, body, type);
  if (status !== expect) throw new Error(`${method} ${path} was answered with ${status}, not ${expect}`);
  return bytes;
}

const MERGE_PATCH = 'application/merge-patch+json';
const acts: Record<'create' | 'get' | 'patch' | 'delete', (connection: Connection, index: number, round: number) => Promise<number>> = {
  create: (connection, index) => asked(connection, 201, 'POST', hosts, bodyOf(index)),
  get: (connection, index) => asked(connection, 200, 'GET', `${hosts}/${nameOf(index)}`),
  patch: (connection, index, round) => asked(connection, 200, 'PATCH', `${hosts}/${nameOf(index)}/status`, patchOf(index, round), MERGE_PATCH),
  delete: (connection, index) => asked(connection, 200, 'DELETE', `${hosts}/${nameOf(index)}`),
};

async function carryOut({ target, clients, work }: Order): Promise<Outcome> {
  const open = (count: number): Promise<Connection[]> => Promise.all(Array.from({ length: count }, () => Connection.open(target)));
  const connections = await open(work.do === 'list' ? 1 : clients);
  try {
    if (work.do === 'list') return await lists(connections, work);
    if (work.do === 'fanOut') return await fanOut(connections, await open(work.watchers), work);
    const begin = performance.now();
    const bytes = await each(connections, work.from, work.to, (connection, index) => acts[work.do](connection, index, work.round));
    return { count: work.to - work.from, seconds: (performance.now() - begin) / 1000, bytes };
  } finally {
    for (const connection of connections) connection.close();
  }
}

async function lists([connection]: Connection[], { query, pages, times, expect }: Work & { do: 'list' }): Promise<Outcome> {
  if (!connection) throw new Error('no connection');
  const all: number[] = [];
  let bytes = 0;
  for (let time = 0; time < times; time++) {
    const begin = performance.now();
    let next = '';
    let texts: string[] = [];
    bytes = 0;
    do {
      const reply = await connection.request('GET', `${hosts}?${query}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`, undefined, undefined, true);
      if (reply.status !== 200) throw new Error(`list ?${query} was answered with ${reply.status}: ${reply.text.slice(0, 300)}`);
      bytes += reply.bytes;
      next = pages ? (metadataOf(reply.text, 'continue') ?? '') : '';
      texts.push(reply.text);
    } while (next !== '');
    all.push(performance.now() - begin);
    if (time === 0) {
      const found = texts.reduce((sum, text) => sum + (JSON.parse(text) as { items: unknown[] }).items.length, 0);
      if (found !== expect) throw new Error(`list ?${query} has ${found} items, not ${expect}`);
    }
    texts = [];
  }
  return { count: times, seconds: (all.sort((a, b) => a - b)[all.length >> 1] ?? 0) / 1000, bytes };
}

/** A member of a list's own metadata, which stand before its items or after them. */
function metadataOf(text: string, member: 'continue' | 'resourceVersion'): string | undefined {
  const own = text.lastIndexOf('"metadata":{') > text.indexOf('"items":[') && text.trimEnd().endsWith('}}') ? text.slice(text.lastIndexOf('"metadata":{')) : text.slice(0, text.indexOf('"items":['));
  return new RegExp(`"${member}":"([^"]*)"`).exec(own)?.[1];
}

/** From the first change until every watcher was told of every change. */
async function fanOut(writers: Connection[], watchers: Connection[], { from, to, round }: Work & { do: 'fanOut' }): Promise<Outcome> {
  try {
    const first = await writers[0]?.request('GET', `${hosts}?limit=1`, undefined, undefined, true);
    const version = metadataOf(first?.text ?? '', 'resourceVersion');
    if (version === undefined) throw new Error('the list has no resourceVersion');
    let left = watchers.length * (to - from);
    const total = left;
    let finish: () => void = () => undefined;
    let fail: (error: Error) => void = () => undefined;
    const told = new Promise<void>((resolve, reject) => { finish = resolve; fail = reject; });
    told.catch(() => undefined);
    const timer = setTimeout(() => { fail(new Error(`${left} of ${total} events did not come`)); }, 120_000);
    // A server that writes on its own account adds events: counted until the number is reached all the same.
    const replies = await Promise.all(watchers.map((watcher) => {
      let own = to - from;
      return watcher.watch(`${hosts}?watch=1&resourceVersion=${version}`, (lines) => {
        const counted = Math.min(own, lines);
        own -= counted;
        left -= counted;
        if (left === 0) finish();
      });
    }));
    if (replies.some(({ status }) => status !== 200)) throw new Error('a watch was refused');
    const begin = performance.now();
    await each(writers, from, to, (connection, index) => acts.patch(connection, index, round));
    await told;
    clearTimeout(timer);
    return { count: total, seconds: (performance.now() - begin) / 1000, bytes: 0 };
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

if (process.send !== undefined) {
  process.on('message', (order: Order) => {
    carryOut(order).then((outcome) => process.send?.({ outcome }), (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }));
  });
  process.on('disconnect', () => { process.exit(0); });
}
