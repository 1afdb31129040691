/** One agent per state directory: two would answer each other's jobs and tear the spool. The owner is told by pid and start time. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../log.js';
import { platform } from '../platform/here.js';
import { processStartTime } from '../platform/proc.js';

export class StateInUse extends Error {
  override name = 'StateInUse';
}

/** Held by this process: the file cannot tell two agents of one process apart. */
const held = new Set<string>();

/** @throws StateInUse naming the process. Returns what releases it. */
export async function lockState(dir: string): Promise<() => Promise<void>> {
  const path = join(dir, 'agent.lock');
  if (held.has(path)) throw new StateInUse(`another agent of this process uses ${dir}`);
  const own = `${process.pid} ${processStartTime(process.pid) ?? ''}`;
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, own, { mode: 0o600 });
  try {
    for (let tries = 0; ; tries++) {
      try {
        await link(temporary, path); // fails when it is there: no two win
        break;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST' || tries > 5) throw error;
      }
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (holder !== '' && isLive(holder)) throw new StateInUse(`another agent (pid ${holder.split(' ')[0] ?? ''}) uses ${dir}; stop it first, or set RM_STATE_DIR`);
      await rm(path, { force: true });
    }
  } finally {
    await rm(temporary, { force: true });
  }
  held.add(path);
  return async () => {
    held.delete(path);
    await rm(path, { force: true });
  };
}

function isLive(holder: string): boolean {
  const [pid = '', startTime = ''] = holder.split(' ');
  if (Number(pid) === process.pid) return false;
  return platform.isLive(Number(pid), startTime === '' ? undefined : startTime);
}
