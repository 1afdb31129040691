/** A server with agents, sources and repositories on disk, and an administrator who talks to it over HTTP. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { toolPath } from '../../hack/tools/paths.js';
import { API_VERSION, resources, type Kind, type KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { startAgent, type StartAgentOptions, type TestAgent } from './agent.js';
import { startServer, type TestServer } from './server.js';
import { until } from './until.js';

export const PASSWORD = 'correct horse battery staple';

export interface World {
  dir: string;
  server: TestServer;
  agents: TestAgent[];
  /** A JSON call with admin rights. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  get<K extends Kind>(kind: K, name: string): Promise<Stored<KindMap[K]> | undefined>;
  list<K extends Kind>(kind: K): Promise<Stored<KindMap[K]>[]>;
  /** POSTs an object to the resource API. @throws Error with the Status message */
  create<K extends Kind>(kind: K, name: string, rest: object, labels?: Record<string, string>): Promise<Stored<KindMap[K]>>;
  /** Merge patch. */
  patch(kind: Kind, name: string, patch: object, subresource?: 'status'): Promise<{ status: number; body: Record<string, unknown> }>;
  agent(name: string, options?: Partial<StartAgentOptions>): Promise<TestAgent>;
  /** Stops the server hard or softly and starts it again on the same data and port. */
  killServer(): Promise<void>;
  startServerAgain(): Promise<void>;
  /** Files to back up: `bytes` of noise, besides a few small ones. */
  source(name: string, bytes?: number): Promise<string>;
  /** Its directory. */
  repositoryUrl(name: string): string;
  /** Mints a token as an operator would. */
  mintToken(hostname: string, paths: string[], repository?: string): Promise<string>;
  /** Waits until the host is online and its repository can take backups. */
  ready(host: string, timeoutMs?: number): Promise<void>;
  /** Runs the group now; resolves with the job's name. */
  runNow(host: string, group?: string): Promise<string>;
  /** Waits for the end of a job. */
  ended(job: string, timeoutMs?: number): Promise<Stored<KindMap['ResticJob']>>;
  /** Each version of an object from now on, its current one first, until `signal`. */
  watch<K extends Kind>(kind: K, name: string, signal: AbortSignal): AsyncIterable<Stored<KindMap[K]>>;
  /** Watches a job from before it exists: no polling between its end and this client. */
  watchEnd(job: string): { opened: Promise<void>; ended: Promise<{ phase: string; message: string }> };
  /** Lines of a job's log, from the ndjson route. */
  logOf(job: string): Promise<{ seq: number; ts: string; stream: string; payload: string }[]>;
  /** A browser socket with admin rights. */
  socket(path: string): { messages: Record<string, unknown>[]; ws: WebSocket };
  /** restic by hand, on a repository of this world. */
  restic(repository: string, ...args: string[]): { status: number | null; stdout: string; stderr: string };
  close(): Promise<void>;
}

export interface WorldOptions {
  env?: Record<string, string>;
  /** How its server is started each time; default: startServer. */
  start?: typeof startServer;
  /** The address under which agents find the repository in this directory; default: the directory. */
  storageUrl?: (path: string) => string;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const { start = startServer, storageUrl = (path) => path } = options;
  const dir = await mkdtemp(join(tmpdir(), 'rm-world-'));
  const dataDir = join(dir, 'data');
  await mkdir(dataDir);
  let server = await start({ dataDir, env: options.env ?? {} });
  const token = (): string => tokenCache;
  let tokenCache = await adminTokenOf(server.kubeconfig);
  const agents: TestAgent[] = [];

  const pathOf = (kind: Kind, name?: string, subresource?: string): string => {
    const { group, version, plural } = resources[kind];
    return `${group === '' ? '/api' : `/apis/${group}`}/${version}/namespaces/default/${plural}${name === undefined ? '' : `/${name}`}${subresource === undefined ? '' : `/${subresource}`}`;
  };
  async function request(method: string, path: string, body?: unknown, type = 'application/json'): Promise<{ status: number; text: string }> {
    // A test that waits for a program stands still for longer than the server keeps an idle connection.
    const response = await fetch(`${server.url}${path}`, { method, headers: { authorization: `Bearer ${token()}`, connection: 'close', ...(body === undefined ? {} : { 'content-type': type }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    return { status: response.status, text: await response.text() };
  }
  async function call(method: string, path: string, body?: unknown, type?: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const { status, text } = await request(method, path, body, type);
    return { status, body: text === '' ? {} : JSON.parse(text) as Record<string, unknown> };
  }

  const openWatch = async (kind: Kind, name: string, signal?: AbortSignal): Promise<Response> =>
    fetch(`${server.url}${pathOf(kind)}?watch=true&fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`, { headers: { authorization: `Bearer ${token()}` }, ...(signal ? { signal } : {}) });

  const world: World = {
    dir, agents,
    get server() { return server; },
    call: (method, path, body) => call(method, path, body),
    async get(kind, name) {
      const { status, body } = await call('GET', pathOf(kind, name));
      return status === 404 ? undefined : body as never;
    },
    async list(kind) {
      const { body } = await call('GET', pathOf(kind));
      return body['items'] as never;
    },
    async create(kind, name, rest, labels) {
      const { group, version } = resources[kind];
      const { status, body } = await call('POST', pathOf(kind), { apiVersion: group === '' ? version : API_VERSION, kind, metadata: { name, namespace: 'default', ...(labels ? { labels } : {}) }, ...rest });
      if (status !== 201) throw new Error(`create ${kind} ${name}: ${String(status)} ${String(body['message'])}`);
      return body as never;
    },
    patch: (kind, name, patch, subresource) => call('PATCH', pathOf(kind, name, subresource), patch, 'application/merge-patch+json'),
    async agent(name, agentOptions = {}) {
      const stateDir = agentOptions.stateDir ?? join(dir, `agent-${name}`);
      await mkdir(stateDir, { recursive: true, mode: 0o700 });
      const agent = startAgent({ server: server.url, stateDir, ...agentOptions, env: { RM_HOSTNAME: name, HOME: dir, ...agentOptions.env } });
      agents.push(agent);
      return agent;
    },
    killServer: () => server.kill(),
    async startServerAgain() {
      const ports = { RM_LISTEN: new URL(server.url).host, RM_TLS_LISTEN: new URL(server.tlsUrl).host };
      server = await start({ dataDir, env: { ...options.env, ...ports } });
      tokenCache = await adminTokenOf(server.kubeconfig);
    },
    async source(name, bytes = 64 * 1024) {
      const path = join(dir, `source-${name}`);
      await mkdir(join(path, 'deep', 'er'), { recursive: true });
      await writeFile(join(path, 'hello.txt'), `hello from ${name}\n`);
      await writeFile(join(path, 'deep', 'er', 'naïve name.txt'), 'x');
      await writeFile(join(path, 'noise.bin'), randomBytes(bytes));
      return path;
    },
    repositoryUrl: (name) => join(dir, `repo-${name}`),
    async mintToken(hostname, paths, repository = hostname) {
      const { status, body } = await call('POST', '/api/enrollment-tokens', { hostname, repo_url: storageUrl(world.repositoryUrl(repository)), repo_password: PASSWORD, initial_paths: paths });
      if (status !== 200) throw new Error(`enrollment-tokens: ${String(status)} ${JSON.stringify(body)}`);
      return body['token'] as string;
    },
    async ready(host, timeoutMs = 30_000) {
      const describe = async (error: unknown): Promise<never> => {
        throw new Error(`${String(error)}\nhost ${JSON.stringify((await world.get('Host', host))?.status)}\nrepository ${JSON.stringify((await world.get('Repository', host))?.status)}\njobs ${JSON.stringify((await world.list('ResticJob')).map(({ metadata, status }) => [metadata.name, status]))}\nagent ${agents.at(-1)?.log().slice(-3000) ?? ''}\nserver ${server.log().slice(-3000)}`);
      };
      await until(`host ${host} to be ready`, async () => {
        const conditions = (await world.get('Host', host))?.status?.conditions ?? [];
        return ['Online', 'RepositoryReady', 'Synced'].every((type) => conditions.some((each) => each.type === type && each.status === 'True'));
      }, timeoutMs, 50).catch(describe);
    },
    async runNow(host, group) {
      const groups = (await call('GET', `/api/hosts/${host}/source-groups`)).body['items'] as { id: string; name: string }[];
      const id = groups.find(({ name }) => group === undefined || name === group)?.id;
      const { status, body } = await call('POST', `/api/hosts/${host}/source-groups/${id ?? 'none'}/run`);
      if (status !== 202) throw new Error(`run: ${String(status)} ${JSON.stringify(body)}`);
      const job = (await call('GET', `/api/jobs/${body['job_id'] as string}`)).body;
      return job['name'] as string;
    },
    ended: (job, timeoutMs = 60_000) => until(`job ${job} to end`, async () => {
      const found = await world.get('ResticJob', job);
      return ['Succeeded', 'Failed', 'Cancelled'].includes(found?.status?.phase ?? '') && found;
    }, timeoutMs, 50).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${JSON.stringify((await world.get('ResticJob', job))?.status)}\nagent ${agents.at(-1)?.log().slice(-3000) ?? ''}\nserver ${server.log().slice(-2000)}`);
    }),
    watch: (kind, name, signal) => versions(openWatch(kind, name, signal)),
    watchEnd(job) {
      const reply = openWatch('ResticJob', job);
      const read = async (): Promise<{ phase: string; message: string }> => {
        for await (const { status } of versions<'ResticJob'>(reply)) if (['Succeeded', 'Failed', 'Cancelled'].includes(status?.phase ?? '')) return { phase: status?.phase ?? '', message: status?.message ?? '' };
        throw new Error(`the watch of job ${job} ended before the job`);
      };
      return { opened: reply.then(() => undefined), ended: read() };
    },
    async logOf(job) {
      const { text } = await request('GET', `/api/jobs/${job}/log.ndjson`);
      return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as never);
    },
    socket(path) {
      const messages: Record<string, unknown>[] = [];
      const ws = new WebSocket(`${server.url.replace(/^http/, 'ws')}${path}`, { headers: { authorization: `Bearer ${token()}` } });
      ws.on('message', (data) => { messages.push(JSON.parse((data as Buffer).toString('utf8')) as Record<string, unknown>); });
      ws.on('error', () => undefined);
      return { messages, ws };
    },
    restic(repository, ...args) {
      const { status, stdout, stderr } = spawnSync(toolPath('restic'), ['-r', world.repositoryUrl(repository), ...args], { env: { PATH: process.env['PATH'] ?? '', HOME: dir, RESTIC_PASSWORD: PASSWORD }, encoding: 'utf8' });
      return { status, stdout, stderr };
    },
    async close() {
      await Promise.all(agents.map((agent) => agent.kill()));
      await server.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 10 }); // what a killed agent left may still write
    },
  };
  return world;
}

async function* versions<K extends Kind>(reply: Promise<Response>): AsyncGenerator<Stored<KindMap[K]>> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of (await reply).body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) yield (JSON.parse(line) as { object: Stored<KindMap[K]> }).object;
  }
}

/** The administrator's token, as the server wrote it for kubectl. @param kubeconfig path */
export async function adminTokenOf(kubeconfig: string): Promise<string> {
  const token = /token: "?([^"\s]+)"?/.exec(await readFile(kubeconfig, 'utf8'))?.[1];
  if (token === undefined) throw new Error(`no token in ${kubeconfig}`);
  return token;
}

/** A program to name in RM_RESTIC that is restic, and keeps what each call printed in `dir`: N.argv, N.out, N.err. */
export async function teeRestic(dir: string, { restic = toolPath('restic'), chatter = 0, burst = 1 }: { restic?: string; /** Lines a backup says besides, `burst` of them each 20 ms. */ chatter?: number; burst?: number } = {}): Promise<string> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, 'restic');
  await writeFile(path, `#!/bin/bash
n=$(mktemp -u ${dir}/call-XXXXXXXX)
printf '%s\\n' "$@" > $n.argv
exec > >(trap '' INT; exec tee $n.out) 2> >(trap '' INT; exec tee $n.err >&2)
case " $* " in *" backup "*)
  if [ ${String(chatter)} -gt 0 ]; then ( for i in $(seq 1 ${String(chatter)}); do echo "note $i: schöne Grüße, \\"quoted\\" \\\\ and  two spaces "; [ $((i % ${String(burst)})) = 0 ] && sleep 0.02; done ) & fi
esac
exec ${restic} "$@"
`, { mode: 0o755 });
  return path;
}
