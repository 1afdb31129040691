/**
 * The servers that are measured, each started empty, with what a client needs to reach it and the processes it consists of.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { load } from 'js-yaml';
import { bundleOptions } from '../../hack/bundles.js';
import { inRoot } from '../../hack/lib/root.js';
import { startCluster } from '../builders/cluster.js';
import { startServer, type TestServer } from '../builders/server.js';
import type { Target } from './connection.js';
import { residentOf } from './processes.js';

export interface Engine {
  name: string;
  target: Target;
  pids: readonly number[];
  /** Bytes of memory of each of its processes, by name. */
  memory(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** etcd flushes to disk as it does in service. */
export async function kubernetes(): Promise<Engine> {
  const cluster = await startCluster({ fsync: true });
  return {
    name: 'kube-apiserver + etcd', target: { port: cluster.port, ca: cluster.ca, token: cluster.tokenOf('admin') }, pids: [cluster.apiserverPid, cluster.etcdPid],
    memory: async () => ({ 'kube-apiserver': await residentOf(cluster.apiserverPid), etcd: await residentOf(cluster.etcdPid) }),
    stop: () => cluster.stop(),
  };
}

/** The resource API alone, as kube-apiserver is without its controllers. */
export const apiAlone = (): Promise<Engine> => program('apiServer', 'restic-manager, API alone');

/** What Node can do at most with the same requests. */
export const bareNode = (): Promise<Engine> => program('bareServer', 'bare Node HTTPS');

/** A WebSocket server that does nothing but echo. */
export const bareEcho = (): Promise<Engine> => program('echoServer', 'bare ws echo');

async function program(file: 'apiServer' | 'bareServer' | 'echoServer', name: string): Promise<Engine> {
  const outfile = `dist/bench/${file}.js`;
  await build(bundleOptions({ name: 'bench server', entry: `test/bench/${file}.ts`, outfile }, { version: '0.0.0-bench', commit: 'bench' }));
  const dir = await mkdtemp(join(tmpdir(), 'rm-bench-'));
  const child = spawn(process.execPath, [inRoot(outfile)], { env: { ...process.env, RM_DATA_DIR: join(dir, 'data') }, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) { child.kill('SIGKILL'); await once(child, 'exit'); }
    await rm(dir, { recursive: true, force: true });
  };
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit').then(() => { throw new Error('the bench server ended at its start'); })]) as [string];
  const pid = child.pid ?? 0;
  return { name, target: JSON.parse(line[0]) as Target, pids: [pid], memory: async () => ({ [name]: await residentOf(pid) }), stop };
}

/** The whole product, as people run it: every write also passes its controllers. */
export async function wholeServer(): Promise<Engine> {
  const server = await startServer();
  return { name: 'restic-manager, whole server', target: await targetOf(server), pids: [server.pid], memory: async () => ({ 'restic-manager': await residentOf(server.pid) }), stop: () => server.stop() };
}

export async function targetOf(server: TestServer): Promise<Target> {
  const config = load(await readFile(server.kubeconfig, 'utf8')) as { clusters: { cluster: { 'certificate-authority-data': string } }[]; users: { user: { token: string } }[] };
  return {
    port: Number(new URL(server.tlsUrl).port), token: config.users[0]?.user.token ?? '',
    ca: Buffer.from(config.clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64').toString(),
  };
}
