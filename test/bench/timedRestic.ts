/** A program to name in RM_RESTIC that is restic, and writes down when each call began and ended. Bare restic is run through it as well. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from '../../hack/tools/paths.js';

/** Times in milliseconds since 1970. `command` is restic's. */
export interface Call { command: string; begin: number; end: number }

export interface TimedRestic {
  path: string;
  /** Of all ended calls since `forget`, in the order they began. */
  calls(): Promise<Call[]>;
  /** No call is under way. */
  idle(): Promise<boolean>;
  forget(): void;
}

/** @param dir where it may live */
export async function timedRestic(dir: string, restic: string = toolPath('restic')): Promise<TimedRestic> {
  await mkdir(dir, { recursive: true });
  const [path, log] = [join(dir, 'restic'), join(dir, 'calls')];
  await writeFile(log, '');
  // One write a line, appended: calls at the same time do not mix. bash's clock needs no process of its own.
  await writeFile(path, `#!/bin/bash\necho "begin $$ $EPOCHREALTIME $1" >> ${log}\n${restic} "$@"\ncode=$?\necho "end $$ $EPOCHREALTIME" >> ${log}\nexit $code\n`, { mode: 0o755 });
  let from = 0;
  const lines = async (): Promise<string[][]> => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '').map((line) => line.split(' '));
  const under = async (): Promise<{ all: Call[]; open: number }> => {
    const open = new Map<string, Call>();
    const all: Call[] = [];
    for (const [what, pid = '', time, command = ''] of await lines()) {
      const at = Number(time) * 1000;
      if (what === 'begin') open.set(pid, { command, begin: at, end: NaN });
      const call = open.get(pid);
      if (what === 'end' && call) { call.end = at; all.push(call); open.delete(pid); }
    }
    return { all: all.filter(({ begin }) => begin >= from).sort((a, b) => a.begin - b.begin), open: open.size };
  };
  return { path, calls: async () => (await under()).all, idle: async () => (await under()).open === 0, forget() { from = Date.now(); } };
}

/** By hand. @returns milliseconds until it was gone, and of restic alone. @throws Error with what it printed when it failed */
export async function runRestic({ path, calls }: TimedRestic, args: string[], env: Record<string, string>): Promise<{ wall: number; restic: number }> {
  const begin = performance.now();
  const child = spawn(path, args, { env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => { printed += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { printed += chunk.toString(); });
  const [code] = await once(child, 'exit') as [number | null];
  const wall = performance.now() - begin;
  if (code !== 0) throw new Error(`restic ${args.join(' ')}: ${printed}`);
  const last = (await calls()).at(-1);
  return { wall, restic: last ? last.end - last.begin : NaN };
}
