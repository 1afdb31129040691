/** Windows as its agent meets it: its programs are recorded, and Get-Acl answers with the access list given for each path. */
import { win32 } from 'node:path';
import type { Platform } from '#agent/platform/platform.js';
import { windows } from '#agent/platform/windows.js';

/** The user the agent runs as. */
export const ownUser = 'S-1-5-21-1-2-3-1001';
/** SYSTEM and the administrators alone. */
export const closedList = 'O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)';

export interface WindowsHost extends Platform {
  /** Access list by path; what is not named is closed. */
  lists: Record<string, string>;
  /** Paths of each question, in their order. */
  asked: string[][];
  /** Program of System32 and arguments of everything else. */
  ran: string[][];
  /** Of everything else. */
  answer: { code: number | null; stdout: string };
}

export function windowsHost(env: NodeJS.ProcessEnv = {}): WindowsHost {
  const told: Omit<WindowsHost, keyof Platform> = { lists: {}, asked: [], ran: [], answer: { code: 0, stdout: '' } };
  const platform = windows(env, (program, args, given) => {
    const paths = given?.['ACL_PATHS']?.split('\n');
    if (!paths) {
      told.ran.push([win32.relative('C:\\Windows\\System32', program), ...args]);
      return told.answer;
    }
    told.asked.push(paths);
    return { code: 0, stdout: [...paths.map((path) => told.lists[path] ?? closedList), ownUser, ''].join('\r\n') };
  }, 'C:\\Program Files\\restic-manager\\restic-manager-agent.exe');
  return Object.assign(told, platform);
}
