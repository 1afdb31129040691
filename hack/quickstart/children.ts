/** The programs a quickstart keeps running: started with an environment of their own, logged to files, ended together. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

export interface Child { name: string; log: string; process: ChildProcess; /** Everything said on stdout so far. */ said(): string }

/** Nothing of the caller's RM_* settings may reach the demo. */
export function ownEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RM_') && !name.startsWith('RESTIC_'))), ...extra };
}

export class Children {
  readonly #all: Child[] = [];
  #ending = false;
  /** Called when one ends although nobody asked it to. */
  readonly #onLost: (why: string) => void;
  constructor(onLost: (why: string) => void) {
    this.#onLost = onLost;
  }

  start(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv, log: string): Child {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const file = createWriteStream(log, { mode: 0o600 });
    let said = '';
    let last = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; file.write(text); });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { last = (last + text).slice(-2000); file.write(text); });
    child.on('error', (error) => { if (!this.#ending) this.#onLost(`${name} cannot be started: ${error.message}`); });
    child.on('exit', (code, signal) => { if (!this.#ending) this.#onLost(`${name} ended by itself (${signal ?? `status ${code ?? 0}`}), see ${log}\n${(last || said.slice(-2000)).trimEnd()}`); });
    const entry = { name, log, process: child, said: () => said };
    this.#all.push(entry);
    return entry;
  }

  /** SIGTERM, agent before server; what is still there after 15 s is killed with its own children. */
  async end(): Promise<void> {
    this.#ending = true;
    for (const { process: child } of this.#all.toReversed()) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
      child.kill('SIGTERM');
      const timer = new AbortController();
      await Promise.race([gone, wait(15_000, undefined, { signal: timer.signal }).then(() => child.kill('SIGKILL'), () => undefined)]);
      timer.abort();
      try { process.kill(-child.pid, 'SIGKILL'); } catch { /* nothing left */ }
    }
  }
}
