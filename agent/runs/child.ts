/**
 * One child process. It leads a process group of its own, so that a Ctrl-C at the agent's terminal does not reach it and a
 * SIGKILL reaches all it started; where setpriv is present the kernel kills it when the agent dies.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { platform } from '../platform/here.js';
import { processStartTime } from '../platform/proc.js';

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
  /** To all it started too. Harmless once it ended. */
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void;
}

/** How gently a program runs beside the others of its host. */
export interface Resources {
  /** 0 to 19. */
  nice?: number;
  ioNice?: 'BestEffort' | 'Idle';
}

export interface ChildOptions {
  env: Record<string, string>;
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
  resources?: Resources;
}

/** How long streams may stay open after the process ended: something it left behind holds them. */
const DRAIN_MS = 2_000;

export function startChild(command: string, args: readonly string[], options: ChildOptions): ChildProcess {
  const [program = command, ...argv] = [...deathGuard(), ...gently(options.resources).prefix, command, ...args];
  const child = spawn(program, argv, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: platform.groups, windowsHide: true });
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
      if (pid > 0 && child.exitCode === null && child.signalCode === null) platform.kill(pid, signal);
    },
  };
}

/** Outermost, so that it holds through every exec behind it. */
function deathGuard(): string[] {
  const setpriv = findProgram('setpriv');
  return setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
}

/** The words before a command that make it give way, and which of the two programs this host lacks. */
export function gently({ nice, ioNice }: Resources = {}): { prefix: string[]; missing: string[] } {
  const prefix: string[] = [];
  const missing: string[] = [];
  const through = (name: string, args: string[]): void => {
    const program = findProgram(name);
    if (program) prefix.push(program, ...args);
    else missing.push(name);
  };
  if (nice !== undefined && nice > 0) through('nice', ['-n', String(nice)]);
  if (ioNice !== undefined) through('ionice', ioNice === 'Idle' ? ['-c', '3'] : ['-c', '2', '-n', '7']);
  return { prefix, missing };
}

/** Full path of a program, as PATH names it, or undefined. An absolute or relative path is taken as it is. */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  const candidates = isAbsolute(name) || name.includes('/') || name.includes('\\')
    ? [name]
    : path.split(delimiter).filter((directory) => directory !== '').flatMap((directory) => platform.programNames(name).map((file) => join(directory, file)));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
