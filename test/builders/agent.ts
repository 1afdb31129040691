/** A real agent as a child process, from the sources or (`bundle`, RM_TEST_BUNDLE=1) the built bundle. Its state directory outlives it, so that it can be started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toolPath } from '../../hack/tools/paths.js';
import { until } from './until.js';

export interface TestAgent {
  pid: number;
  stateDir: string;
  /** Everything printed so far, stdout and stderr. */
  log(): string;
  /** Resolves with its exit code, null when a signal ended it. */
  exited: Promise<number | null>;
  /** SIGTERM and wait. */
  stop(): Promise<number | null>;
  /** SIGKILL and wait. */
  kill(): Promise<void>;
  /** Waits for a text in what it prints. */
  says(text: string | RegExp, timeoutMs?: number): Promise<void>;
}

export interface StartAgentOptions {
  /** Base URL of the server. */
  server: string;
  /** One-shot enrolment token; without it (and without credentials in stateDir) the agent announces itself. */
  token?: string;
  stateDir: string;
  /** Default: the newest restic of the fetched tools. */
  restic?: string;
  env?: Record<string, string>;
  /** Program that runs the agent and becomes it, e.g. ['ip', 'netns', 'exec', NAME]. */
  wrapper?: string[];
  /** The built bundle, whatever RM_TEST_BUNDLE says. */
  bundle?: boolean;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Command and arguments of the agent program, without its subcommand. */
export function agentCommand(bundle = process.env['RM_TEST_BUNDLE'] === '1'): [string, ...string[]] {
  if (bundle) return [process.execPath, join(root, 'dist/restic-manager-agent.js')];
  const tsx = createRequire(import.meta.url).resolve('tsx');
  return [process.execPath, '--import', pathToFileURL(tsx).href, '--conditions=source', join(root, 'agent/main.ts')];
}

export function startAgent({ server, token, stateDir, restic = toolPath('restic'), env = {}, wrapper = [], bundle }: StartAgentOptions): TestAgent {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RM_') && !name.startsWith('RESTIC_') && name !== 'NODE_OPTIONS'));
  const [program = '', ...args] = [...wrapper, ...agentCommand(bundle), 'run'];
  const child: ChildProcess = spawn(program, args, {
    cwd: dirname(stateDir),
    env: { ...inherited, RM_STATE_DIR: stateDir, RM_SERVER: server, RM_RESTIC: restic, ...(token === undefined ? {} : { RM_TOKEN: token }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => { printed += chunk.toString(); });
  child.stderr?.on('data', (chunk: Buffer) => { printed += chunk.toString(); });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  exited.catch(() => undefined);
  const signal = async (name: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
    const timer = setTimeout(() => { child.kill('SIGKILL'); }, 90_000);
    const code = await exited;
    clearTimeout(timer);
    return code;
  };
  return {
    pid: child.pid ?? 0,
    stateDir,
    log: () => printed,
    exited,
    stop: () => signal('SIGTERM'),
    async kill() { await signal('SIGKILL'); },
    async says(text, timeoutMs = 20_000) {
      await until(`agent to say ${String(text)}`, () => (typeof text === 'string' ? printed.includes(text) : text.test(printed)), timeoutMs).catch((error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : String(error)}\n${printed.slice(-4000)}`);
      });
    },
  };
}
