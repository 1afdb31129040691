/**
 * A real standalone server as a child process on free ports and a temporary data directory: from the sources, or from the
 * built bundle (`bundle`, RM_TEST_BUNDLE=1). What it prints is kept, so that a failing test can show it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface TestServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** `https://127.0.0.1:PORT`, with the certificate of the server's own CA. */
  tlsUrl: string;
  dataDir: string;
  /** Path of admin.kubeconfig. */
  kubeconfig: string;
  /** Absent once a first user exists. */
  bootstrapToken: string | undefined;
  pid: number;
  /** Everything printed so far, stdout and stderr. */
  log(): string;
  /** SIGTERM and wait. With a data directory of its own making, that goes too. */
  stop(): Promise<void>;
  /** SIGKILL and wait; the data directory stays. */
  kill(): Promise<void>;
}

export interface StartServerOptions {
  env?: Record<string, string>;
  /** Default: a new temporary one. Given: it stays after stop(). */
  dataDir?: string;
  /** Program that runs the server instead of being it, e.g. ['strace', '-f']. */
  wrapper?: string[];
  /** The built bundle, whatever RM_TEST_BUNDLE says. */
  bundle?: boolean;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 20_000;

/** Command and arguments of the server program, without its subcommand. */
export function serverCommand(bundle = process.env['RM_TEST_BUNDLE'] === '1'): [string, ...string[]] {
  if (bundle) return [process.execPath, join(root, 'dist/restic-manager.js')];
  const tsx = createRequire(import.meta.url).resolve('tsx');
  return [process.execPath, '--import', pathToFileURL(tsx).href, '--conditions=source', join(root, 'apiserver/cmd/main.ts')];
}

/** The environment of the server: this one's without any RM_*, and what is given. */
export function serverEnv(dataDir: string, env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RM_') && name !== 'NODE_OPTIONS'));
  return { ...inherited, RM_DATA_DIR: dataDir, RM_LISTEN: '127.0.0.1:0', RM_TLS_LISTEN: '127.0.0.1:0', RM_COOKIE_SECURE: 'false', RM_CONFIG: '/dev/null', ...env };
}

/** Resolves when the server says that it listens. @throws Error with all it printed when it ends before that */
export async function startServer({ env = {}, dataDir: given, wrapper = [], bundle }: StartServerOptions = {}): Promise<TestServer> {
  const dataDir = given ?? await mkdtemp(join(tmpdir(), 'rm-server-'));
  const [program = '', ...args] = [...wrapper, ...serverCommand(bundle), 'server'];
  const child = spawn(program, args, { cwd: root, env: serverEnv(dataDir, env), stdio: ['ignore', 'pipe', 'pipe'] });
  // A test that dies takes its server along.
  const orphaned = (): void => { child.kill('SIGKILL'); };
  process.once('exit', orphaned);
  child.once('exit', () => { process.off('exit', orphaned); });
  let printed = '';
  const removeIfOurs = async (): Promise<void> => { if (given === undefined) await rm(dataDir, { recursive: true, force: true }); };
  const [, http = '', https = ''] = await listening(child, (text) => (printed += text)).catch(async (error: unknown) => {
    child.kill('SIGKILL');
    await removeIfOurs();
    throw error;
  });
  return {
    url: http, tlsUrl: https, dataDir,
    kubeconfig: join(dataDir, 'admin.kubeconfig'),
    bootstrapToken: /^bootstrap token: (\S+) /m.exec(printed)?.[1],
    pid: child.pid ?? 0,
    log: () => printed,
    async stop() {
      await end(child, 'SIGTERM');
      await removeIfOurs();
    },
    kill: () => end(child, 'SIGKILL'),
  };
}

/** Runs the server expecting that it refuses to start. @returns exit code and what it printed */
export async function startServerRefused({ env = {}, dataDir }: { env?: Record<string, string>; dataDir: string }): Promise<{ code: number | null; stderr: string; stdout: string }> {
  const [program, ...args] = serverCommand();
  const child = spawn(program, [...args, 'server'], { cwd: root, env: serverEnv(dataDir, env), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
  const timer = setTimeout(() => { child.kill('SIGKILL'); }, START_WITHIN_MS);
  const [code] = await once(child, 'close') as [number | null];
  clearTimeout(timer);
  return { code, stderr, stdout };
}

function listening(child: ChildProcess, keep: (text: string) => string): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error(`the server did not listen within ${String(START_WITHIN_MS)} ms:\n${keep('')}`)); }, START_WITHIN_MS);
    const read = (chunk: Buffer): void => {
      const found = /^listening on (http:\/\/\S+) (https:\/\/\S+)$/m.exec(keep(chunk.toString()));
      if (!found) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the server ended at its start (${signal ?? `code ${String(code)}`}):\n${keep('')}`));
    });
  });
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => { child.kill('SIGKILL'); }, STOP_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
