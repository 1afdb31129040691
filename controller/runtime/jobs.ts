/** Which repository a job works on, and which jobs are at work in one. */
import type { Host, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { place, repositoryOf } from './indexes.js';
import type { Cache } from './types.js';

/** The Repository a job works on: where a restore reads, else the one it names, else its host's. */
export function repositoryNameOf(job: Pick<ResticJob, 'spec'>, host: Pick<Host, 'spec' | 'metadata'> | undefined): string | undefined {
  return job.spec.restore?.repositoryRef?.name ?? job.spec.repositoryRef?.name ?? (host ? repositoryOf(host) : undefined);
}

/** True from the offer on: an agent may be busy with it. */
export function mayBeRunning(job: Pick<ResticJob, 'status'>): boolean {
  const { phase, observed } = job.status ?? {};
  return phase === 'Offered' || phase === 'Running' || observed?.phase === 'Running';
}

/** Unfinished exclusive and reading jobs of a repository, on whatever host. */
export function jobsAtWork(repository: string, cache: Cache): Stored<ResticJob>[] {
  const found = [...cache.byIndex('ResticJob', 'atWork', place.repository(repository))];
  for (const host of cache.byIndex('Host', 'repository', repository)) found.push(...cache.byIndex('ResticJob', 'atWork', place.host(host.metadata.name)));
  return found;
}
