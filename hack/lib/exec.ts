/** Runs other programs: output captured or shown, a bound on time, and an error that carries the last lines of what went wrong. */
import { spawn } from 'node:child_process';
import { root } from './root.js';

export interface RunOptions {
  cwd?: string; env?: NodeJS.ProcessEnv;
  /** Text for standard input; without it the child has none. */
  input?: string;
  /** Show the output while it runs (it is captured too). */
  show?: boolean;
  /** Resolve on a non-zero status instead of throwing. */
  mayFail?: boolean;
  timeoutMs?: number;
}
export interface RunResult { code: number; stdout: string; stderr: string }

export class CommandFailed extends Error {
  readonly result: RunResult;
  constructor(message: string, result: RunResult) {
    super(message);
    this.name = 'CommandFailed';
    this.result = result;
  }
}

const tail = (text: string, lines = 40): string => text.trimEnd().split('\n').slice(-lines).join('\n');

/** Code is the exit status; 127 when the program could not be started, 124 when it was ended by the time limit. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd ?? root, env: options.env ?? process.env, stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    const result: RunResult = { code: 0, stdout: '', stderr: '' };
    let timedOut = false;
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => { timedOut = true; child.kill('SIGKILL'); }, options.timeoutMs);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => { result.stdout += text; if (options.show) process.stdout.write(text); });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { result.stderr += text; if (options.show) process.stderr.write(text); });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
    const settle = (code: number, why: string): void => {
      clearTimeout(timer);
      result.code = code;
      if (code === 0 || options.mayFail) { resolve(result); return; }
      const said = options.show ? '' : `\n${tail(result.stderr || result.stdout)}`;
      reject(new CommandFailed(`${command} ${args.slice(0, 3).join(' ')}: ${why}${said}`, result));
    };
    child.on('error', (error) => { result.stderr += error.message; settle(127, error.message); });
    child.on('close', (code, signal) => {
      if (timedOut) settle(124, `no end after ${Math.round((options.timeoutMs ?? 0) / 1000)} s`);
      else settle(code ?? 1, signal ? `ended by ${signal}` : `exit ${code ?? 1}`);
    });
  });
}
