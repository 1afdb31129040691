/** A host's repository, who looks after it and who can read it now. */
import type { Host, Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { deletionProblem } from '#controller/plan/adminCredentials.js';
import { resolveRunner } from '#controller/plan/runner.js';
import { repositoryOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import { Problem } from './problem.js';
import { isOnline } from './reach.js';

export function repositoryFor({ spec, metadata }: Pick<Stored<Host>, 'spec' | 'metadata'>, cache: Cache): Stored<Repository> | undefined {
  return cache.get('Repository', { namespace: metadata.namespace, name: repositoryOf({ spec, metadata }) });
}

/** @throws Problem 409 no_repository */
export function requireRepository(host: Stored<Host>, cache: Cache): Stored<Repository> {
  const found = repositoryFor(host, cache);
  if (!found) throw new Problem(409, 'no_repository', `host ${host.metadata.name} has no repository yet: Repository ${repositoryOf(host)} does not exist; set it with PUT /api/hosts/${host.metadata.name}/repo-credentials`);
  return found;
}

/** The host that deletes, checks and unlocks in a repository. */
export function runnerOf(repository: Stored<Repository>, cache: Cache): Stored<Host> | undefined {
  const runner = resolveRunner(repository, { cache, namespace: repository.metadata.namespace });
  return runner.ok ? runner.host : undefined;
}

/** @throws Problem 409 no_runner */
export function requireRunner(repository: Stored<Repository>, cache: Cache): Stored<Host> {
  const runner = resolveRunner(repository, { cache, namespace: repository.metadata.namespace });
  if (!runner.ok) throw new Problem(409, 'no_runner', runner.message);
  return runner.host;
}

/** Who reads snapshots for a host: itself, or while it is away the runner of its repository. */
export function readerFor(host: Stored<Host>, cache: Cache, now: number): Stored<Host> {
  if (isOnline(cache, host, now)) return host;
  const repository = repositoryFor(host, cache);
  const runner = repository && runnerOf(repository, cache);
  return runner && isOnline(cache, runner, now) ? runner : host;
}

export function canDelete(repository: Stored<Repository>, cache: Cache): boolean {
  return deletionProblem(repository, { cache, namespace: repository.metadata.namespace }) === undefined;
}

/** E16. @throws Problem 409 admin_creds_required */
export function refuseUndeletable(repository: Stored<Repository>, cache: Cache, dryRun: boolean): void {
  const problem = deletionProblem(repository, { cache, namespace: repository.metadata.namespace }, dryRun);
  if (problem !== undefined) throw new Problem(409, 'admin_creds_required', problem);
}
