/**
 * A real Kubernetes API: etcd and kube-apiserver as processes of the test, on free ports of the loopback address, in a folder of
 * their own, with the CustomResourceDefinitions installed. No kubelet, no controllers: what is compared is the API.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '#crds/objectStore.js';
import { crds } from '#crds/types/crds.gen.js';
import { loadCertificate } from '#apiserver/cmd/certificates.js';
import { toolPath } from '../../hack/tools/paths.js';
import { clusterRoles } from './clusterRoles.js';
import { until } from './until.js';

export type ClusterRole = Exclude<Role, 'system'>;
/** `warnings`: the texts of Warning headers. */
export interface Reply { status: number; text: string; warnings: string[] }

export interface Cluster {
  dir: string;
  /** https://127.0.0.1:port */
  url: string;
  port: number;
  ca: string;
  /** Of the admin, who is in system:masters; the other roles are bound by RBAC. */
  kubeconfig: string;
  kubeconfigOf(role: ClusterRole): string;
  tokenOf(role: ClusterRole): string;
  etcdPid: number;
  apiserverPid: number;
  request(method: string, path: string, body?: unknown, options?: { role?: ClusterRole; headers?: Record<string, string> }): Promise<Reply>;
  /** Makes etcd forget every version up to now: reading or watching from one of them is answered with 410. */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** False: watches are answered from etcd itself, so that `compact` is felt at once. Default true, as in every real cluster. */
  watchCache?: boolean;
  /** True for measurements; tests do without the waiting. */
  fsync?: boolean;
}

const START_MS = 90_000;
const names: Record<ClusterRole, string> = { admin: 'system:admin', operator: 'the-operator', viewer: 'the-viewer' };
const roles = Object.keys(names) as ClusterRole[];

/** @throws Error with the last lines of the process that did not come up */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  // A port can be taken between choosing and listening: then the whole start is tried again.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (attempt === 3 || !(error instanceof Error) || !error.message.includes('address already in use')) throw error;
    }
  }
}

async function startOnce({ watchCache = true, fsync = false }: ClusterOptions): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-cluster-'));
  const children: Child[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) await child.end();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
    const tokens = new Map(roles.map((role) => [role, randomBytes(16).toString('hex')]));
    const tokenOf = (role: ClusterRole): string => tokens.get(role) ?? '';
    const certificate = await loadCertificate(dir, { now: Date.now() });
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
    const written = async (name: string, content: string): Promise<string> => { await writeFile(join(dir, name), content, { mode: 0o600 }); return join(dir, name); };

    const etcd = child('etcd', dir, [
      '--name', 'test', '--data-dir', join(dir, 'etcd'), '--listen-client-urls', `http://127.0.0.1:${etcdPort}`, '--advertise-client-urls', `http://127.0.0.1:${etcdPort}`,
      '--listen-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-cluster', `test=http://127.0.0.1:${peerPort}`,
      '--log-level', 'warn', ...(fsync ? [] : ['--unsafe-no-fsync']),
    ]);
    children.push(etcd);
    await etcd.ready(async () => (await fetch(`http://127.0.0.1:${etcdPort}/health`)).ok);

    const apiserver = child('kube-apiserver', dir, [
      '--etcd-servers', `http://127.0.0.1:${etcdPort}`, '--bind-address', '127.0.0.1', '--secure-port', String(port), '--endpoint-reconciler-type', 'none',
      '--tls-cert-file', await written('serving.crt', certificate.cert), '--tls-private-key-file', await written('serving.key', certificate.key),
      '--service-cluster-ip-range', '10.0.0.0/24', '--disable-admission-plugins', 'ServiceAccount', '--authorization-mode', 'RBAC',
      '--token-auth-file', await written('tokens.csv', roles.map((role) => `${tokenOf(role)},${names[role]},${role},${role === 'admin' ? 'system:masters' : `restic-manager:${role}`}\n`).join('')),
      '--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-key-file', await written('sa.pub', publicKey), '--service-account-signing-key-file', await written('sa.key', privateKey),
      `--watch-cache=${watchCache}`,
    ]);
    children.push(apiserver);
    const ca = certificate.ca ?? '';
    const ask: Cluster['request'] = (method, path, body, { role = 'admin', headers = {} } = {}) => send({ port, ca, method, path, body, headers: { authorization: `Bearer ${tokenOf(role)}`, ...headers } });
    await apiserver.ready(async () => (await ask('GET', '/readyz')).status === 200);
    await install(ask);
    for (const role of roles) await written(`${role}.kubeconfig`, kubeconfigText(port, ca, tokenOf(role)));
    const kubeconfigOf = (role: ClusterRole): string => join(dir, `${role}.kubeconfig`);
    return {
      dir, url: `https://127.0.0.1:${port}`, port, ca, kubeconfig: kubeconfigOf('admin'), kubeconfigOf, tokenOf, etcdPid: etcd.pid, apiserverPid: apiserver.pid, request: ask, stop,
      compact: () => compact(etcdPort),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Installs the definitions and the roles; resolves when kubectl would find every kind. */
async function install(ask: Cluster['request']): Promise<void> {
  const must = async (path: string, body: unknown): Promise<void> => {
    const { status, text } = await ask('POST', path, body);
    if (status !== 201) throw new Error(`kube-apiserver answers ${status} to POST ${path}: ${text.slice(0, 500)}`);
  };
  for (const definition of Object.values(crds)) await must('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  for (const [path, body] of clusterRoles()) await must(path, body);
  await until('the CustomResourceDefinitions are Established', async () => {
    const { items } = JSON.parse((await ask('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions')).text) as { items: { status?: { conditions?: { type: string; status: string }[] } }[] };
    return items.every(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True'));
  }, START_MS, 50);
  // A kind just established answers 429 until its storage is ready.
  for (const { spec } of Object.values(crds)) {
    await until(`${spec.names.plural} can be listed`, async () => (await ask('GET', `/apis/${spec.group}/v1alpha1/${spec.names.plural}`)).status === 200, START_MS, 50);
  }
  await until('the namespace default is there', async () => (await ask('GET', '/api/v1/namespaces/default')).status === 200, START_MS, 50);
  await until('OpenAPI knows every kind', async () => {
    const { status, text } = await ask('GET', '/openapi/v3/apis/restic-manager.io/v1alpha1');
    return status === 200 && Object.keys(crds).every((kind) => text.includes(`v1alpha1.${kind}"`)) && (await ask('GET', '/openapi/v2')).text.includes('io.restic-manager.v1alpha1.Host');
  }, START_MS, 100);
}

interface Child { pid: number; ready(probe: () => Promise<boolean>): Promise<void>; end(): Promise<void> }

function child(name: 'etcd' | 'kube-apiserver', dir: string, args: readonly string[]): Child {
  const log = join(dir, `${name}.log`);
  const file = openSync(log, 'w', 0o600);
  const process: ChildProcess = spawn(toolPath(name), args, { cwd: dir, stdio: ['ignore', file, file] });
  closeSync(file);
  let ended: string | undefined;
  const exit = new Promise<void>((resolve) => {
    process.on('error', (error) => { ended = error.message; resolve(); });
    process.on('exit', (code, signal) => { ended = `ended with ${signal ?? `exit code ${code ?? '?'}`}`; resolve(); });
  });
  const lastLines = async (): Promise<string> => (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-15).join('\n');
  return {
    pid: process.pid ?? 0,
    async ready(probe) {
      const late = Date.now() + START_MS;
      for (;;) {
        if (ended !== undefined) throw new Error(`${name} ${ended}\n${await lastLines()}`);
        if (await probe().catch(() => false)) return;
        if (Date.now() > late) throw new Error(`${name} is not ready after ${START_MS / 1000} s\n${await lastLines()}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    // SIGKILL: nothing in the folder is kept, and a polite end of kube-apiserver waits for its watchers.
    async end() {
      if (ended === undefined) process.kill('SIGKILL');
      await exit;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => { resolve(typeof address === 'object' && address !== null ? address.port : 0); });
    });
  });
}

function send({ port, ca, method, path, body, headers }: { port: number; ca: string; method: string; path: string; body?: unknown; headers: Record<string, string> }): Promise<Reply> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, method, ca, headers: { accept: 'application/json', ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }), ...headers } }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => { resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString(), warnings: warningsOf(res.headers['warning']) }); });
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(text);
  });
}

/** `299 - "a", 299 - "b"` -> a, b */
export const warningsOf = (header: string | null | undefined): string[] => [...(header ?? '').matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));

/** etcd's own JSON gateway: the newest revision, then compaction up to it. */
async function compact(port: number): Promise<void> {
  const post = async (path: string, body: unknown): Promise<{ header?: { revision?: string } }> => {
    const reply = await fetch(`http://127.0.0.1:${port}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(`etcd answers ${reply.status} to ${path}: ${await reply.text()}`);
    return await reply.json() as { header?: { revision?: string } };
  };
  const { header } = await post('range', { key: Buffer.from('none').toString('base64') });
  await post('compaction', { revision: header?.revision, physical: true });
}

function kubeconfigText(port: number, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  });
}
