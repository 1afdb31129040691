/**
 * Windows. A child that is not detached belongs to the job object of its Node process, which the kernel ends with it: no restic
 * outlives its agent. What that child started itself is outside of the job, hence taskkill's tree. Access is an ACL of SYSTEM,
 * the administrators and the user the agent runs as; what is made in a closed directory inherits it.
 */
import { spawnSync } from 'node:child_process';
import { win32 } from 'node:path';
import type { Platform } from './platform.js';

/** Runs a program of the system to its end; `code` is null when it could not be started. */
export type RunProgram = (program: string, args: readonly string[], env?: Record<string, string>) => { code: number | null; stdout: string };

/** SYSTEM and the administrators, by security identifier: their names are translated. */
const SYSTEM = 'S-1-5-18';
const ADMINISTRATORS = 'S-1-5-32-544';
/** As SDDL abbreviates whom a closed directory may name: those two, the owner and whoever creates a file in it. */
const trusted = new Set(['SY', 'BA', 'CO', 'OW', SYSTEM, ADMINISTRATORS]);

/** @see https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-definition-language */
export function windows(env: NodeJS.ProcessEnv, run: RunProgram = runProgram, execPath = process.execPath): Platform {
  const root = env['SystemRoot'] ?? 'C:\\Windows';
  /** By full path: a program of that name elsewhere on PATH is not asked. */
  const system = (name: string): string => win32.join(root, 'System32', name);
  const data = win32.join(env['ProgramData'] ?? 'C:\\ProgramData', 'restic-manager');
  const here: Platform = {
    os: 'windows',
    stateDir: data,
    configFile: win32.join(data, 'agent.yaml'),
    installRestic: 'install it with: winget install restic.restic, or name the binary in RM_RESTIC',
    interrupts: false,
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

    machineId() {
      const { stdout } = run(system('reg.exe'), ['query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid']);
      return /MachineGuid\s+REG_SZ\s+(\S+)/.exec(stdout)?.[1];
    },

    syncDirectory: async () => Promise.resolve(), // NTFS journals names, and no directory can be opened for it

    async closeToOthers(path) {
      const { code } = run(system('icacls.exe'), [path, '/inheritance:r', '/grant:r', ...[SYSTEM, ADMINISTRATORS].map((sid) => `*${sid}:(OI)(CI)F`)]);
      if (code !== 0) throw new Error(`${path} could not be closed to other users: icacls exited with ${code ?? 'nothing'}`);
      return Promise.resolve();
    },

    // what bounds the agent lies in its own directory, where others have no right at all
    changeProblem: async (path) => here.privacyProblem(path, 'file'),

    async privacyProblem(path, kind) {
      const command = '(Get-Acl -LiteralPath $env:ACL_PATH).Sddl; [Security.Principal.WindowsIdentity]::GetCurrent().User.Value';
      const { code, stdout } = run(win32.join(root, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe'), ['-NoProfile', '-NonInteractive', '-Command', command], { ACL_PATH: path });
      const [sddl = '', own = ''] = stdout.split(/\r?\n/).map((line) => line.trim());
      const mend = `run icacls "${path}" /inheritance:r /grant:r ${[SYSTEM, ADMINISTRATORS].map((sid) => `*${sid}:${kind === 'file' ? '' : '(OI)(CI)'}F`).join(' ')}`;
      const others = code === 0 ? strangersIn(sddl, own) : undefined;
      if (others === undefined) return Promise.resolve(`who may read ${path} cannot be told: Get-Acl failed; it holds secrets: ${mend}`);
      return Promise.resolve(others.length === 0 ? undefined : `${path} is open to ${others.join(', ')}, but it holds secrets: ${mend}`);
    },
  };
  return here;
}

/** Owner and everybody granted anything, but for SYSTEM, the administrators and `own`. No list at all means everybody. Undefined when it is not understood. */
export function strangersIn(sddl: string, own: string): string[] | undefined {
  const [, owner, flags = '', entries = ''] = /^O:(S-[\d-]+|[A-Z]{2})(?:G:(?:S-[\d-]+|[A-Z]{2}))?D:([A-Z_]*)((?:\([^()]*\))*)(?:S:.*)?$/.exec(sddl) ?? [];
  if (owner === undefined) return undefined;
  if (flags.includes('NO_ACCESS_CONTROL')) return ['everybody'];
  const granted = [...entries.matchAll(/\((\w+);[^()]*;([^;()]*)\)/g)].filter(([, type = '']) => !type.endsWith('D')).map(([, , who = '']) => who);
  return [...new Set([owner, ...granted])].filter((who) => !trusted.has(who) && who !== own);
}

const runProgram: RunProgram = (program, args, env) => {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', windowsHide: true, timeout: 10_000, ...(env ? { env: { ...process.env, ...env } } : {}) });
  return { code: status, stdout };
};
