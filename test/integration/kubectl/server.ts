/** A resource API over HTTPS on the file store, and real kubectl pointed at it. For suites that need no agent and no page. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import type { Principal, Role } from '#crds/objectStore.js';
import { createAdmission } from '#apiserver/admission/index.js';
import { authorize } from '#apiserver/auth/index.js';
import { loadCertificate } from '#apiserver/cmd/certificates.js';
import { resourceApi } from '#apiserver/resources/index.js';
import { openFileStore } from '#apiserver/stores/file/index.js';
import type { FileStore } from '#apiserver/stores/file/index.js';
import { onPath, toolsFolder } from '../../../hack/tools/paths.js';

export interface Ran { code: number; stdout: string; stderr: string }
export interface RunOptions { input?: string; env?: Record<string, string>; role?: Role; signal?: AbortSignal; onStdout?: (text: string) => void }

export interface ApiUnderTest {
  store: FileStore;
  dir: string;
  port: number;
  /** PEM. */
  ca: string;
  /** Runs kubectl to its end and demands exit 0; returns its stdout. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  /** As kubectl, whatever the exit code. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** A raw HTTPS request as admin. */
  request(method: string, path: string, options?: { body?: string | Buffer; headers?: Record<string, string>; role?: Role | 'nobody' }): Promise<{ status: number; headers: Headers; text: string }>;
  file(name: string, content: string): Promise<string>;
  close(): Promise<void>;
}

const roles: Role[] = ['admin', 'operator', 'viewer'];
export const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (fields: Record<string, unknown>, message: string) => { console.error(message, fields); } };

/** RM_TEST_KUBECTL, for another minor version; else the fetched one, else the one on PATH. */
export const kubectlPath = (): string => process.env['RM_TEST_KUBECTL'] ?? (existsSync(join(toolsFolder, 'kubectl')) ? join(toolsFolder, 'kubectl') : (onPath('kubectl') ?? 'kubectl'));

/** @param history how many changes a watch may be behind, for suites that want to see 410 */
export async function startApi({ history }: { history?: number } = {}): Promise<ApiUnderTest> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-kubectl-'));
  const certificate = await loadCertificate(dir, { now: Date.now() });
  const store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default', may: (principal, question) => authorize(principal, question).allowed }), secretKey: randomBytes(32), ...(history === undefined ? {} : { history: { changes: history, bytes: 8 * 1024 * 1024 } }) });
  const tokens = new Map<string, Principal>(roles.map((role) => [randomBytes(16).toString('hex'), { name: role === 'admin' ? 'system:admin' : `the-${role}`, role }]));
  const tokenOf = (role: Role): string => [...tokens].find(([, principal]) => principal.role === role)?.[0] ?? '';
  const app = express();
  app.use((req, _res, next) => {
    req.principal = tokens.get((req.headers.authorization ?? '').replace(/^Bearer /, ''));
    next();
  });
  app.use(resourceApi({ store, access: { authenticate: () => Promise.resolve(undefined), authorize }, log: quiet, namespace: 'default' }));
  const server = createServer({ cert: certificate.cert, key: certificate.key }, app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ca = certificate.ca ?? '';
  for (const role of roles) await writeFile(join(dir, `${role}.kubeconfig`), kubeconfig(port, ca, tokenOf(role)), { mode: 0o600 });

  const run: ApiUnderTest['run'] = (args, { input, env, role = 'admin', signal, onStdout } = {}) => new Promise((resolve, reject) => {
    const child = spawn(kubectlPath(), args, { env: { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: join(dir, `${role}.kubeconfig`), ...env }, stdio: 'pipe' });
    const ran: Ran = { code: -1, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => { ran.stdout += chunk.toString(); onStdout?.(ran.stdout); });
    child.stderr.on('data', (chunk: Buffer) => { ran.stderr += chunk.toString(); });
    child.on('error', reject);
    child.on('close', (code) => { resolve({ ...ran, code: code ?? -1 }); });
    signal?.addEventListener('abort', () => child.kill('SIGKILL'));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });

  return {
    store, dir, port, ca, run,
    kubectl: async (args, options) => {
      const { code, stdout, stderr } = await run(args, options);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended ${code}\n${stdout}${stderr}`);
      return stdout;
    },
    request: (method, path, options) => httpsRequest(port, ca, method, path, options?.role === 'nobody' ? undefined : tokenOf(options?.role ?? 'admin'), options),
    file: async (name, content) => {
      const path = join(dir, name);
      await writeFile(path, content);
      return path;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function httpsRequest(port: number, ca: string, method: string, path: string, token: string | undefined, { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {}): Promise<{ status: number; headers: Headers; text: string }> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, method, ca, headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...headers } }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => {
        const shown = new Headers();
        for (const [name, value] of Object.entries(res.headers)) for (const each of [value ?? ''].flat()) shown.append(name, each);
        resolve({ status: res.statusCode ?? 0, headers: shown, text: Buffer.concat(chunks).toString() });
      });
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

function kubeconfig(port: number, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  });
}
