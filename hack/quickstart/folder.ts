/** One folder per run under .quickstart; what runs that are over left behind is removed. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inRoot } from '../lib/root.js';

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export async function freshFolder(): Promise<string> {
  const base = inRoot('.quickstart');
  await mkdir(base, { recursive: true, mode: 0o700 });
  for (const name of await readdir(base)) {
    const pid = Number(await readFile(join(base, name, 'pid'), 'utf8').catch(() => ''));
    if (!pid || !alive(pid)) await rm(join(base, name), { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(base, 'run-'));
  await writeFile(join(folder, 'pid'), `${process.pid}\n`);
  return folder;
}
