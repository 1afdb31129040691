/**
 * What the restic on this host can do, found out by asking it: its version line and the help texts of `backup`, which also
 * lists the global flags, and `restore`. Probed once per binary (path, size, time of change); features are never guessed from the version.
 */
import { stat } from 'node:fs/promises';
import { platform } from '../platform/here.js';
import { findProgram, startChild } from '../runs/child.js';
import { bareEnvironment } from './env.js';
import { ResticError } from './exitCodes.js';

export type Capability = 'group-by' | 'retry-lock' | 'skip-if-unchanged' | 'stdin-from-command' | 'exit-codes' | 'compression' | 'pack-size' | 'restore-overwrite';

export interface ResticProgram {
  path: string;
  version: string;
  capabilities: readonly Capability[];
}

const flagOf: readonly [Capability, RegExp][] = [
  ['group-by', /--group-by\b/],
  ['retry-lock', /--retry-lock\b/],
  ['skip-if-unchanged', /--skip-if-unchanged\b/],
  ['stdin-from-command', /--stdin-from-command\b/],
  ['exit-codes', /Exit status is 10\b/],
  ['compression', /--compression\b/],
  ['pack-size', /--pack-size\b/],
  ['restore-overwrite', /--overwrite behavior\b/],
];

/** Finds and asks the restic of this host; remembers the answer while the file stays the same. */
export class ResticProbe {
  readonly #name: string;
  #key = '';
  #known: ResticProgram | undefined;

  /** @param name what RM_RESTIC says, or `restic` */
  constructor(name: string) {
    this.#name = name;
  }

  /** @throws ResticError ResticMissing, with the way to install it, when there is none or it does not answer. */
  async program(): Promise<ResticProgram> {
    const path = findProgram(this.#name);
    if (!path) throw new ResticError('ResticMissing', `${this.#name === 'restic' ? 'restic is not installed on this host' : `there is no program ${this.#name} on this host (RM_RESTIC)`}; ${platform.installRestic}`);
    const { size, mtimeMs, ino } = await stat(path);
    const key = `${path}/${size}/${mtimeMs}/${ino}`;
    if (key !== this.#key || !this.#known) {
      this.#known = await ask(path);
      this.#key = key;
    }
    return this.#known;
  }

  /** Like program(), but undefined when there is none. */
  async find(): Promise<ResticProgram | undefined> {
    return this.program().catch(() => undefined);
  }
}

async function ask(path: string): Promise<ResticProgram> {
  const [banner, ...helps] = await Promise.all([outputOf(path, ['version']), outputOf(path, ['backup', '--help']), outputOf(path, ['restore', '--help'])]);
  const help = helps.join('\n');
  const version = /^restic ([0-9][^\s]*)/m.exec(banner)?.[1];
  if (!version) throw new ResticError('ResticMissing', `${path} does not answer as restic does: "${banner.slice(0, 80).trim()}"; ${platform.installRestic}`);
  return { path, version, capabilities: flagOf.filter(([, flag]) => flag.test(help)).map(([capability]) => capability) };
}

async function outputOf(path: string, args: string[]): Promise<string> {
  const chunks: Buffer[] = [];
  const child = startChild(path, args, { env: bareEnvironment(), onStdout: (chunk) => chunks.push(chunk), onStderr: () => undefined });
  const limit = setTimeout(() => { child.kill('SIGKILL'); }, 10_000);
  try {
    await child.exited;
  } catch (error) {
    throw new ResticError('ResticMissing', `${path} cannot be started: ${error instanceof Error ? error.message : String(error)}; ${platform.installRestic}`);
  } finally {
    clearTimeout(limit);
  }
  return Buffer.concat(chunks).toString('utf8');
}
