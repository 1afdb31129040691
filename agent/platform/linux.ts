/** Linux, and the other systems of its kind: modes and owners, process groups, an interpreter named by the first line. */
import { readFileSync } from 'node:fs';
import { chmod, open, stat } from 'node:fs/promises';
import type { Platform } from './platform.js';
import { processStartTime } from './proc.js';

export const linux: Platform = {
  os: 'linux',
  stateDir: '/var/lib/restic-manager',
  configFile: '/etc/restic-manager/agent.yaml',
  installRestic: "install it with the system's package manager (apt install restic, dnf install restic, apk add restic), or name the binary in RM_RESTIC",
  interrupts: true,
  groups: true,

  programNames: (name) => [name],
  childEnvironment: () => ({}),
  script: (name, body) => ({ file: name, content: body, command: interpreterOf(body) }),

  withoutVariables: (names, command) => ['/bin/sh', '-c', `unset ${names.join(' ')}; exec "$@"`, 'sh', ...command],

  kill(pid, signal) {
    try {
      process.kill(-pid, signal);
    } catch {
      // it ended in between
    }
  },

  isLive: (pid, startTime) => startTime !== undefined && processStartTime(pid) === startTime,

  machineId() {
    for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
      try {
        const id = readFileSync(path, 'utf8').trim();
        if (id !== '') return id;
      } catch {
        // try the next
      }
    }
    return undefined;
  },

  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },

  closeToOthers: async (path) => chmod(path, 0o700),

  async changeProblem(path, { mode, uid }) {
    const own = process.getuid?.() ?? 0;
    if (uid !== 0 && uid !== own) return Promise.resolve(`${path} belongs to uid ${uid}, who may change it: run chown ${own} ${path}`);
    return Promise.resolve((mode & 0o022) === 0 ? undefined : `${path} has mode 0${(mode & 0o777).toString(8)}, so others may change it: run chmod go-w ${path}`);
  },

  async privacyProblem(path, kind) {
    const { mode, uid } = await stat(path);
    if ((mode & 0o077) !== 0) return `${path} has mode 0${(mode & 0o777).toString(8)}, but it holds secrets: run chmod ${kind === 'file' ? '0600' : '0700'} ${path}`;
    const own = process.getuid?.();
    return own !== undefined && uid !== own ? `${path} belongs to uid ${uid}, but this agent runs as uid ${own}: run chown ${own} ${path}` : undefined;
  },
};

/** As the kernel reads it: the interpreter, and all that follows as one argument. Without a first line of that kind: the shell. */
export function interpreterOf(body: string): string[] {
  const [, program, argument] = /^#![ \t]*(\S+)(?:[ \t]+(\S.*?))?[ \t\r]*(?:\n|$)/.exec(body) ?? [];
  if (program === undefined) return ['/bin/sh'];
  return argument === undefined ? [program] : [program, argument];
}
