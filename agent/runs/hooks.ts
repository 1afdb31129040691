/**
 * Scripts around a backup (pre, post). The body comes from a Secret, so it must not show in `ps`: it is a 0700 file of a
 * private directory for as long as it runs, read by the interpreter its first line names (Windows: a batch file). A script that
 * is executed itself would fail where the state is mounted noexec. One of the host's owner (policy.hooks: directory) is run
 * where it is.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { messageOf } from '../log.js';
import type { Script } from '../policy/scripts.js';
import { LineSplitter } from '../restic/lines.js';
import { platform } from '../platform/here.js';
import { startChild, type ChildProcess } from './child.js';

export type HookPhase = 'pre' | 'post';
/** RM_JOB_STATUS: how the backup stands when the script runs. */
export type HookJobStatus = 'running' | 'succeeded' | 'partial' | 'failed' | 'cancelled';

export interface HookOptions {
  phase: HookPhase;
  script: Script;
  /** agent.yaml's `environment`. */
  environment: Readonly<Record<string, string>>;
  timeoutSeconds: number;
  /** Name of the ResticJob. */
  job: string;
  status: HookJobStatus;
  /** Private directory for the script, below the agent's state. */
  directory: string;
  clock: Clock;
  /** Ends the script: for pre, when the job is stopped. */
  signal?: AbortSignal;
  onChild?(child: ChildProcess): void;
  onLine(stream: 'stdout' | 'stderr', line: string): void;
}

export type HookResult = { ok: true } | { ok: false; message: string };

const GRACE_MS = 5_000;

/** Runs the script to its end. Never throws: what keeps it from running is a failure of the script. */
export async function runHook(options: HookOptions): Promise<HookResult> {
  const { phase, script: { body, path }, directory, job, status } = options;
  let own: string | undefined;
  try {
    const { file, content, command } = platform.script(phase, body);
    let script = path;
    if (script === undefined) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      own = await mkdtemp(join(directory, 'run-'));
      script = join(own, file);
      await writeFile(script, content, { mode: 0o700 });
    }
    const [program = '', ...args] = [...command, script];
    const out = new LineSplitter((line) => { options.onLine('stdout', `hook(${phase}): ${line}`); });
    const err = new LineSplitter((line) => { options.onLine('stderr', `hook(${phase}): ${line}`); });
    const child = startChild(program, args, {
      env: { ...hookEnvironment(process.env), ...options.environment, RM_JOB_ID: job, RM_HOOK_PHASE: phase, RM_JOB_STATUS: status },
      onStdout: (chunk) => { out.write(chunk); },
      onStderr: (chunk) => { err.write(chunk); },
    });
    options.onChild?.(child);
    const result = await ended(child, options);
    out.end();
    err.end();
    return result;
  } catch (error) {
    return { ok: false, message: `the ${phase} hook could not be run: ${messageOf(error)}` };
  } finally {
    if (own !== undefined) await rm(own, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function ended(child: ChildProcess, { phase, timeoutSeconds, clock, signal }: HookOptions): Promise<HookResult> {
  let why: string | undefined;
  let cancelKill: () => void = () => undefined;
  const end = (reason: string): void => {
    if (why !== undefined) return;
    why = reason;
    child.kill('SIGTERM');
    cancelKill = clock.setTimer(GRACE_MS, () => { child.kill('SIGKILL'); });
  };
  const cancelLimit = clock.setTimer(timeoutSeconds * 1_000, () => { end(`the ${phase} hook ran longer than ${timeoutSeconds} ${timeoutSeconds === 1 ? 'second' : 'seconds'} and was ended; raise hooks.timeoutSeconds if it needs more`); });
  const onAbort = (): void => { end(`the ${phase} hook was ended because the job was stopped`); };
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    const { code, signal: by } = await child.exited;
    if (why !== undefined) {
      platform.kill(child.pid, 'SIGKILL'); // what it started and did not take along
      return { ok: false, message: why };
    }
    if (code === 0) return { ok: true };
    return { ok: false, message: by === null ? `the ${phase} hook exited with ${code ?? 'no code'}` : `the ${phase} hook was killed by ${by}` };
  } finally {
    cancelLimit();
    cancelKill();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The agent's environment, without what is the agent's own: its settings and tokens. Repository secrets are never in it. */
export function hookEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !/^(RM_|RESTIC_)/i.test(entry[0])));
}
