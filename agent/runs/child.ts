/**
 * One child process. It leads a process group of its own, so that a Ctrl-C at the agent's terminal does not reach it and a
 * SIGKILL reaches all it started; where setpriv is present the kernel kills it when the agent dies.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
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

/** Processes of the sessions and groups that these leaders began, whether the leaders live or not. Without /proc: none. */
function membersOf(leaders: ReadonlySet<number>): ProcessFacts[] {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return pids.map((pid) => processFacts(Number(pid))).filter(({ group, session }) => leaders.has(group ?? 0) || leaders.has(session ?? 0));
}

/** Processor time these process groups and sessions have used, ms: user and system, of the processes that live. */
export function cpuTimeOf(leaders: ReadonlySet<number>): number {
  return membersOf(leaders).reduce((sum, { ticks = 0 }) => sum + ticks, 0) * MS_PER_TICK;
}

/** Does its leader being gone leave others of its group behind? They have no other owner than the one who began the group. */
export function isGroupWithoutLeader(pid: number): boolean {
  return processFacts(pid).startTime === undefined && membersOf(new Set([pid])).some(({ state }) => state !== 'Z');
}

interface ProcessFacts { state?: string; startTime?: string; group?: number; session?: number; ticks?: number }

/** The kernel counts in 1/100 s towards user space, on every architecture we run on. */
const MS_PER_TICK = 10;

function processFacts(pid: number): ProcessFacts {
  if (pid <= 0) return {};
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startTime: fields[19], group: Number(fields[2]), session: Number(fields[3]), ticks: Number(fields[11]) + Number(fields[12]) };
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
