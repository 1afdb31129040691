/**
 * Repository objects that name one storage. One repository is one object: two that both open it could initialise it at once,
 * which destroys it, and each would look after it by itself. The oldest has it.
 */
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { addressOf, isDirectory } from '../runtime/storageAddress.js';
import type { Cache } from '../runtime/types.js';
import { resolveRunner } from './runner.js';
import { oldest } from './snapshotHost.js';

interface Input { cache: Cache; namespace: string }

/** Every Repository of this one's storage, itself with them. A directory is one only on one machine, which the agents of both runners name. */
export function sharersOf(repository: Stored<Repository>, input: Input): Stored<Repository>[] {
  const alike = input.cache.byIndex('Repository', 'storage', addressOf(repository.spec.url)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (alike.length < 2 || !isDirectory(repository.spec.url)) return [...alike];
  const machine = machineOf(repository, input);
  return alike.filter((other) => other.metadata.uid === repository.metadata.uid || (machine !== undefined && machineOf(other, input) === machine));
}

function machineOf(repository: Stored<Repository>, input: Input): string | undefined {
  const runner = resolveRunner(repository, input);
  return runner.ok ? runner.host.status?.agent?.machineId : undefined;
}

/** Why this Repository must not open its storage, in a sentence; undefined: it is the oldest there. */
export function storageTaken(repository: Stored<Repository>, input: Input): string | undefined {
  const sharers = sharersOf(repository, input);
  const owner = sharers.length > 1 ? oldest(sharers, repository) : undefined;
  return owner && `spec.url is the storage of Repository ${owner} already, which is older: one repository is one object; let hosts share it by spec.repositoryRef: {name: ${owner}}, or give this one a place of its own`;
}
