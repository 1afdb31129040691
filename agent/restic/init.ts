/**
 * Opens the repository, and creates it only when it never had an id and really is not there. Creating over something that
 * could merely not be opened would destroy it: only exit 10 or restic's words for "no config file" count as absent, and keys
 * without a config are what is left of a repository, or of an init that was ended in the middle. restic 0.14 makes a second
 * key there, and what it makes opens with one of the two (tried); so that is looked at before, and proved after.
 * @see restic manual "Preparing a new repository"; restic internal/repository, Repository.Init
 */
import { catConfig, type RepositoryConfig } from './catConfig.js';
import { ResticError } from './exitCodes.js';
import { text } from './json.js';
import { jsonLine } from './lines.js';
import type { Restic } from './restic.js';
import { keysInStorage } from './storage.js';

export interface Opened {
  id: string;
  created: boolean;
}

/** @throws ResticError NoRepository (pinned and gone), RepositoryReplaced (pinned and another one), RepositoryDamaged (half of one is there), WrongPassword, ... */
export async function init(restic: Restic, onLine: (stream: 'stdout' | 'stderr', line: string) => void, signal?: AbortSignal): Promise<Opened> {
  const pinned = restic.repository.id;
  const there = await openIfThere(restic, pinned === undefined, onLine, signal);
  if (there) return { id: requirePinned(there, pinned, restic.address).id, created: false };
  if ((await keysInStorage(restic, signal) ?? 0) > 0) throw halfMadeError(restic.address);
  let id: string | undefined;
  await restic.run('init', ['--json', ...(restic.repository.formatVersion ? [`--repository-version=${restic.repository.formatVersion}`] : [])], {
    signal,
    onLine: (stream, line) => {
      id ??= text(jsonLine(line) ?? {}, 'id');
      onLine(stream, line);
    },
  }).catch((error: unknown) => { throw error instanceof ResticError && /repository already contains keys/.test(error.message) ? halfMadeError(restic.address) : error; });
  if (id !== undefined && /^[0-9a-f]{64}$/.test(id)) return { id, created: true };
  // 0.14 prints words, with a short id, and looks for no keys before
  const made = await catConfig(restic, signal, onLine);
  const { stdout } = await restic.run('list', ['keys', '--no-lock'], { signal });
  if (stdout.trim().split('\n').length > 1) throw halfMadeError(restic.address);
  return { id: made.id, created: true };
}

function halfMadeError(address: string): ResticError {
  return new ResticError('RepositoryDamaged', `the repository at ${address} is half there: it has keys and no config, as when its init was ended in the middle, or its config was lost; nothing is made over it. Bring the config back, or, when nothing was ever backed up there, empty that place and open it again`);
}

async function openIfThere(restic: Restic, mayBeAbsent: boolean, onLine: (stream: 'stderr', line: string) => void, signal?: AbortSignal): Promise<RepositoryConfig | undefined> {
  const said: string[] = [];
  try {
    return await catConfig(restic, signal, (_, line) => said.push(line));
  } catch (error) {
    if (!(error instanceof ResticError) || error.reason !== 'NoRepository') {
      for (const line of said) onLine('stderr', line);
      throw error;
    }
    if (!mayBeAbsent) throw goneError(restic.address);
    return undefined; // what it said about the absence is no news in the log of a job that creates it
  }
}

/** A repository whose id is pinned and that is not there: never created again. */
export function goneError(address: string): ResticError {
  return new ResticError('NoRepository', `the repository at ${address} is gone: it was moved or deleted, or its disk is not mounted; bring it back, it is never created again`);
}

export function replacedError(address: string, found: string, pinned: string): ResticError {
  return new ResticError('RepositoryReplaced', `the repository at ${address} is not the one this host backs up to: it has id ${found.slice(0, 10)}, not ${pinned.slice(0, 10)}; bring the old one back, or make a new Repository object for this one`);
}

/** @throws ResticError RepositoryReplaced */
export function requirePinned<T extends RepositoryConfig>(config: T, pinned: string | undefined, address: string): T {
  if (pinned !== undefined && config.id !== pinned) throw replacedError(address, config.id, pinned);
  return config;
}
