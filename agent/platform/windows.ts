/**
 * Windows. A child that is not detached belongs to the job object of its Node process, which the kernel ends with it: no restic
 * outlives its agent. What that child started itself is outside of the job, hence taskkill's tree. Access is an ACL of SYSTEM,
 * the administrators and the user the agent runs as; what is made in a closed directory inherits it.
 */
import { spawnSync } from 'node:child_process';
import { win32 } from 'node:path';
import { codeOf } from '../log.js';
import type { Platform } from './platform.js';
import { windowsAccess, type RunProgram } from './windowsAccess.js';

export function windows(env: NodeJS.ProcessEnv, run: RunProgram = runProgram, execPath = process.execPath): Platform {
  const root = env['SystemRoot'] ?? 'C:\\Windows';
  /** By full path: a program of that name elsewhere on PATH is not asked. */
  const system = (name: string): string => win32.join(root, 'System32', name);
  const data = win32.join(env['ProgramData'] ?? 'C:\\ProgramData', 'restic-manager');
  return {
    os: 'windows',
    keepsPaths: false,
    stateDir: data,
    configFile: win32.join(data, 'agent.yaml'),
    installRestic: 'install it with: winget install restic.restic, or name the binary in RM_RESTIC',
    interrupts: false,
    stopSignals: ['SIGINT', 'SIGBREAK', 'SIGHUP'], // SIGTERM never comes here; a closed console is SIGHUP, and ten seconds later the end
    groups: false,

    programNames: (name) => (/\.(exe|com)$/i.test(name) ? [name] : [`${name}.exe`]),

    childEnvironment: (own) => Object.fromEntries(['SystemRoot', 'SystemDrive', 'ComSpec', 'PATHEXT', 'USERPROFILE', 'ProgramData', 'TEMP', 'TMP'].flatMap((name): [string, string][] => {
      const value = name === 'SystemRoot' ? root : own[name];
      return value === undefined ? [] : [[name, value]];
    })),

    // labels of a batch file are found only with these line ends; /d: no AutoRun of the registry comes first
    script: (name, body) => ({ file: `${name}.cmd`, content: body.replaceAll(/\r?\n/g, '\r\n'), command: [system('cmd.exe'), '/d', '/c'] }),

    // cmd.exe would read every argument anew, and none of its rules for quotes holds for all of them
    withoutVariables: (_names, command) => command,

    kill(pid) {
      run(system('taskkill.exe'), ['/PID', String(pid), '/T', '/F']);
    },

    isLive(pid) {
      const { stdout } = run(system('tasklist.exe'), ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']);
      return stdout.toLowerCase().startsWith(`"${win32.basename(execPath).toLowerCase()}"`);
    },

    isRunning(pid) {
      try {
        return process.kill(pid, 0);
      } catch (error) {
        return codeOf(error) !== 'ESRCH'; // one that may not be asked is there
      }
    },

    machineId() {
      const { stdout } = run(system('reg.exe'), ['query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid']);
      return /MachineGuid\s+REG_SZ\s+(\S+)/.exec(stdout)?.[1];
    },

    syncDirectory: async () => Promise.resolve(), // NTFS journals names, and no directory can be opened for it

    ...windowsAccess(system, run),
  };
}

const runProgram: RunProgram = (program, args, env, timeout = 10_000) => {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', windowsHide: true, timeout, ...(env ? { env: { ...process.env, ...env } } : {}) }) as { status: number | null; stdout: string | null };
  return { code: status, stdout: stdout ?? '' }; // null when it could not be started
};
