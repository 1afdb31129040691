/** Linux, and the other systems of its kind: modes and owners, process groups, an interpreter named by the first line. */
import { readFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Found, Kept, Platform } from './platform.js';
import { processStartTime } from './proc.js';

export const linux: Platform = {
  os: 'linux',
  keepsPaths: true,
  stateDir: '/var/lib/restic-manager',
  configFile: '/etc/restic-manager/agent.yaml',
  installRestic: "install it with the system's package manager (apt install restic, dnf install restic, apk add restic), or name the binary in RM_RESTIC",
  interrupts: true,
  stopSignals: ['SIGTERM', 'SIGINT'],
  groups: true,

  programNames: (name) => [name],
  childEnvironment: () => ({}),
  script: (name, body) => ({ file: name, content: body, command: interpreterOf(body) }),

  withoutVariables: (names, command) => ['/bin/sh', '-c', `unset ${names.join(' ')}; command -v "$1" > /dev/null || { echo "$1: not found" >&2; exit 127; }; exec "$@"`, 'sh', ...command],

  kill(pid, signal) {
    try {
      process.kill(-pid, signal);
    } catch {
      // it ended in between
    }
  },

  isRunning: (pid) => processStartTime(pid) !== undefined,
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

  closeToOthers: async () => Promise.resolve(), // its mode did, in the same moment

  async changeProblem(path, found) {
    const { foreign, writable } = changers(found);
    if (foreign) return Promise.resolve(`${path} belongs to uid ${found.uid}, who may change it: run chown ${ownUid() ?? 0} ${path}`);
    return Promise.resolve(writable ? `${path} has mode ${octal(found)}, so others may change it: run chmod go-w ${path}` : undefined);
  },

  // who may add a name to a directory may also take one away
  async wayProblem(steps) {
    for (const { path, found } of steps) {
      const { foreign, writable } = changers(found);
      if (foreign) return Promise.resolve({ path, why: `belongs to uid ${found.uid}` });
      if (writable) return Promise.resolve({ path, why: `may be written by others (mode ${octal(found)})` });
    }
    return Promise.resolve(undefined);
  },

  async privacyProblem(kept) {
    for (const one of kept) {
      const why = readers(one, one.found ?? await stat(one.path));
      if (why !== undefined) return { path: one.path, why };
    }
    return undefined;
  },
};

function ownUid(): number | undefined {
  return process.getuid?.();
}

function octal({ mode }: Found): string {
  return `0${(mode & 0o777).toString(8)}`;
}

function changers({ mode, uid }: Found): { foreign: boolean; writable: boolean } {
  return { foreign: uid !== 0 && uid !== (ownUid() ?? 0), writable: (mode & 0o022) !== 0 };
}

function readers({ path, kind, administrators, holds = 'it holds secrets', called = path }: Kept, found: Found): string | undefined {
  if ((found.mode & 0o077) !== 0) return `has mode ${octal(found)}, but ${holds}: run chmod ${kind === 'file' ? '0600' : '0700'} ${called}`;
  const own = ownUid();
  if (own === undefined || found.uid === own || (administrators && found.uid === 0)) return undefined;
  return `belongs to uid ${found.uid}, but this agent runs as uid ${own}: run chown ${own} ${called}`;
}

/** As the kernel reads it: the interpreter, and all that follows as one argument. Without a first line of that kind: the shell. */
export function interpreterOf(body: string): string[] {
  const [, program, argument] = /^#![ \t]*(\S+)(?:[ \t]+(\S.*?))?[ \t\r]*(?:\n|$)/.exec(body) ?? [];
  if (program === undefined) return ['/bin/sh'];
  return argument === undefined ? [program] : [program, argument];
}
