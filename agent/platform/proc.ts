/** What the kernel tells of processes in /proc. Where there is none (Windows), nothing is known of any. */
import { readdirSync, readFileSync } from 'node:fs';

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
