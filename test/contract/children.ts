/** Starts storeChild.ts, plain or under strace, and reads what it says. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./storeChild.ts', import.meta.url));
const node = [process.execPath, '--conditions=source', '--import=tsx', program];

export interface StoreChild {
  process: ChildProcess;
  lines: string[];
  /** The first line that matches; waits for it. @throws when the process ends without it */
  line(pattern: RegExp): Promise<string>;
  ended: Promise<number | null>;
}

export function startChild(args: string[], { prefix = [], env = {} }: { prefix?: string[]; env?: Record<string, string> } = {}): StoreChild {
  const [command = '', ...rest] = [...prefix, ...node, ...args];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const lines: string[] = [];
  let buffer = '';
  let errors = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (buffer + text).split('\n');
    buffer = parts.pop() ?? '';
    lines.push(...parts);
    for (const wake of [...waiting]) wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { errors += text; });
  const ended = once(child, 'close').then(([code]) => { for (const wake of [...waiting]) wake(); return code as number | null; });
  let over = false;
  void ended.then(() => { over = true; });
  return {
    process: child,
    lines,
    ended,
    async line(pattern) {
      for (let from = 0; ;) {
        for (; from < lines.length; from += 1) {
          const found = lines[from];
          if (found !== undefined && pattern.test(found)) return found;
        }
        if (over) throw new Error(`it ended without ${pattern}: ${lines.slice(-5).join(' | ')} ${errors.slice(-500)}`);
        await new Promise<void>((resolve) => {
          const wake = (): void => { waiting.delete(wake); resolve(); };
          waiting.add(wake);
          void ended.then(wake);
        });
      }
    },
  };
}

/** Why a test cannot run here, or undefined. */
export function missing(...needs: ('strace' | 'root')[]): string | undefined {
  if (needs.includes('root') && process.getuid?.() !== 0) return 'root, to mount a small file system';
  if (needs.includes('strace') && spawnSync('strace', ['-V']).status !== 0) return 'strace';
  return undefined;
}
