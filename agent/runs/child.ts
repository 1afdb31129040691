/**
 * One child process. It leads a process group of its own, so that a Ctrl-C at the agent's terminal does not reach it and a
 * SIGKILL reaches all it started; where setpriv is present the kernel kills it when the agent dies.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

export interface ChildExit {
  /** null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildProcess {
  pid: number;
  /** Tells this process from a later one with the same pid. Undefined where the system has no /proc. */
  startTime: string | undefined;
  /** Resolves when the process ended and both streams are drained; rejects when it could not be started. */
  exited: Promise<ChildExit>;
  /** To the whole group. Harmless once it ended. */
  kill(signal: 'SIGINT' | 'SIGKILL'): void;
}

export interface ChildOptions {
  env: Record<string, string>;
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
}

/** How long streams may stay open after the process ended: something it left behind holds them. */
const DRAIN_MS = 2_000;

export function startChild(command: string, args: readonly string[], options: ChildOptions): ChildProcess {
  const guard = findProgram('setpriv');
  const [program, argv] = guard ? [guard, ['--pdeathsig', 'KILL', '--', command, ...args]] : [command, [...args]];
  const child = spawn(program, argv, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: process.platform !== 'win32', windowsHide: true });
  child.stdout.on('data', options.onStdout);
  child.stderr.on('data', options.onStderr);
  const exited = new Promise<ChildExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      const late = setTimeout(() => { child.stdout.destroy(); child.stderr.destroy(); }, DRAIN_MS);
      child.once('close', () => { clearTimeout(late); });
    });
    child.once('close', (code, signal) => { resolve({ code, signal }); });
  });
  exited.catch(() => undefined); // its user awaits it later; a failed start must not count as unhandled until then
  const pid = child.pid ?? 0;
  return {
    pid,
    startTime: processStartTime(pid),
    exited,
    kill(signal) {
      if (pid > 0 && child.exitCode === null && child.signalCode === null) killGroup(pid, signal);
    },
  };
}

/** Signals a process group, or the process alone where there are no groups. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // it ended in between
  }
}

/** Clock ticks since boot at which the process started (field 22 of /proc/PID/stat), or undefined when no such process runs: one that waits to be reaped does not. */
export function processStartTime(pid: number): string | undefined {
  const { state, startTime } = processFacts(pid);
  return state === 'Z' ? undefined : startTime;
}

/** Is its number free again? Not while it waits to be reaped. */
export function isReaped(pid: number, startTime: string): boolean {
  return processFacts(pid).startTime !== startTime;
}

function processFacts(pid: number): { state?: string; startTime?: string } {
  if (pid <= 0) return {};
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startTime: fields[19] };
  } catch {
    return {};
  }
}

/** Full path of a program, as PATH names it, or undefined. An absolute or relative path is taken as it is. */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  const candidates = isAbsolute(name) || name.includes('/') || name.includes('\\')
    ? [name]
    : path.split(delimiter).filter((directory) => directory !== '').flatMap((directory) => (process.platform === 'win32' ? [join(directory, `${name}.exe`)] : [join(directory, name)]));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
