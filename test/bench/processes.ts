/** What the kernel says of processes: memory and processor time. */
import { readdir, readFile } from 'node:fs/promises';

async function statusField(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

/** Resident memory in bytes. */
export const residentOf = (pid: number): Promise<number> => statusField(pid, 'VmRSS');
/** The most it ever was. */
export const peakOf = (pid: number): Promise<number> => statusField(pid, 'VmHWM');

/** Processor time used so far, in seconds; the kernel counts in hundredths. */
export async function processorTime(pids: readonly number[]): Promise<number> {
  let ticks = 0;
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}

/** Processor time used so far by the threads that are there, in milliseconds, as the scheduler counts it. */
export async function exactProcessorTime(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0'); // one that ended meanwhile
    nanoseconds += Number(text.split(' ')[0]);
  }
  return nanoseconds / 1e6;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Resolves when the processes use little more than a tenth of a core, or after `patienceMs`. @returns whether they became quiet */
export async function quiet(pids: readonly number[], patienceMs = 15_000): Promise<boolean> {
  const end = Date.now() + patienceMs;
  let last = await processorTime(pids);
  while (Date.now() < end) {
    await pause(200);
    const now = await processorTime(pids);
    if (now - last <= 0.03) return true;
    last = now;
  }
  return false;
}
