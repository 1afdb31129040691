/** The two engines side by side: the standalone server's resource API and a real kube-apiserver, asked in the same way. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster, warningsOf, type ClusterRole, type Reply } from '../builders/cluster.js';
import { startApi } from '../integration/kubectl/server.js';
import { toolPath } from '../../hack/tools/paths.js';

export type Kubectl = 'kubectl' | 'kubectl-1.31';
export interface Ran { code: number; stdout: string; stderr: string }
export interface RunOptions { input?: string; env?: Record<string, string>; role?: ClusterRole }
export type Answer = Reply;

export interface Engine {
  name: 'standalone' | 'cluster';
  url: string;
  ca: string;
  kubeconfigOf(role: ClusterRole): string;
  /** Runs kubectl to its end in the shared folder, where both engines find the same files under the same names. */
  run(kubectl: Kubectl, args: readonly string[], options?: RunOptions): Promise<Ran>;
  request(method: string, path: string, body?: unknown, options?: { role?: ClusterRole; headers?: Record<string, string> }): Promise<Answer>;
}

export interface Engines {
  both: readonly [standalone: Engine, cluster: Engine];
  /** Writes into the shared folder. */
  file(name: string, content: string): Promise<void>;
  /** Only with `short`: every version up to now is too old to watch or to page from, on both. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

const RUN_MS = 60_000;
/** Changes the standalone engine keeps when it is to forget soon. */
const HISTORY = 200;

/** @param short both forget soon: `forget` then makes every version up to now too old */
export async function startEngines({ short = false }: { short?: boolean } = {}): Promise<Engines> {
  let turns = 0;
  const shared = await mkdtemp(join(tmpdir(), 'rm-engines-'));
  const cluster = await startCluster({ watchCache: !short });
  const api = await startApi(short ? { history: HISTORY } : {}).catch(async (error: unknown) => { await cluster.stop(); throw error; });
  const engine = (parts: Omit<Engine, 'run'>): Engine => ({ ...parts, run: (kubectl, args, given) => runKubectl(kubectl, args, shared, join(shared, `home-${parts.name}-${kubectl}`), parts.kubeconfigOf(given?.role ?? 'admin'), given) });
  return {
    both: [
      engine({
        name: 'standalone', url: `https://127.0.0.1:${api.port}`, ca: api.ca, kubeconfigOf: (role) => join(api.dir, `${role}.kubeconfig`),
        request: async (method, path, body, { role, headers } = {}) => withWarnings(await api.request(method, path, { ...(role ? { role } : {}), ...(body === undefined ? {} : { body: JSON.stringify(body) }), headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers } })),
      }),
      engine({ name: 'cluster', url: cluster.url, ca: cluster.ca, kubeconfigOf: cluster.kubeconfigOf, request: cluster.request }),
    ],
    file: (name, content) => writeFile(join(shared, name), content),
    async forget() {
      const hosts = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
      await api.request('POST', hosts, { body: JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'churn' }, spec: {} }), headers: { 'content-type': 'application/json' } });
      for (let turn = 0; turn < HISTORY + 50; turn += 1) await api.store.patchMeta('Host', { namespace: 'default', name: 'churn' }, { annotations: { turn: String((turns += 1)) } }, { principal: { name: 'system:test', role: 'system' }, door: 'system', fieldManager: 'test' });
      await cluster.request('POST', hosts, { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'churn' }, spec: {} });
      await cluster.compact();
    },
    async stop() {
      await Promise.all([api.close(), cluster.stop()]);
      await rm(shared, { recursive: true, force: true });
    },
  };
}

const withWarnings = ({ status, text, headers }: { status: number; text: string; headers: Headers }): Reply => ({ status, text, warnings: warningsOf(headers.get('warning')) });

async function runKubectl(kubectl: Kubectl, args: readonly string[], cwd: string, home: string, kubeconfig: string, { input, env }: RunOptions = {}): Promise<Ran> {
  await mkdir(home, { recursive: true });
  return new Promise((resolve, reject) => {
    const child = spawn(toolPath(kubectl), args, { cwd, env: { PATH: process.env['PATH'], HOME: home, KUBECONFIG: kubeconfig, ...env }, stdio: 'pipe', timeout: RUN_MS, killSignal: 'SIGKILL' });
    const ran: Ran = { code: -1, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => { ran.stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { ran.stderr += text; });
    child.on('error', reject);
    child.on('close', (code) => { resolve({ ...ran, code: code ?? -1 }); });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}
