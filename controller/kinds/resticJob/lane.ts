/**
 * Which jobs are decided one after the other, so that each sees what the last one was given: those of one host, since they
 * share its places, and those that share a repository. What needs a repository for itself is its runner's, so the runner's
 * jobs and everybody's restores and diffs go by the repository, and no job needs two lanes. Repository objects of one storage
 * are one repository here.
 */
import type { ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { resolveRunner } from '../../plan/runner.js';
import { sharersOf } from '../../plan/sharedStorage.js';
import { isLight } from '../../runtime/jobTypes.js';
import { repositoryNameOf } from '../../runtime/jobs.js';
import type { Cache } from '../../runtime/types.js';

export function jobLane(job: Stored<ResticJob> | undefined, { cache, namespace }: { cache: Cache; namespace: string }): string | undefined {
  if (!job) return undefined;
  const host = cache.get('Host', { namespace, name: job.spec.hostRef.name });
  const repository = cache.get('Repository', { namespace, name: repositoryNameOf(job, host) ?? '' });
  if (!repository) return `host/${job.spec.hostRef.name}`;
  const runner = isLight(job) ? undefined : resolveRunner(repository, { cache, namespace });
  const byRepository = isLight(job) || (runner?.ok && runner.host.metadata.uid === host?.metadata.uid);
  return byRepository ? `repository/${sharersOf(repository, { cache, namespace }).map(({ metadata }) => metadata.name).sort()[0] ?? repository.metadata.name}` : `host/${job.spec.hostRef.name}`;
}
