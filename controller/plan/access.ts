/**
 * What a job on a repository needs beyond the plan of its host, as sessions attach it to job.run: the repository itself when
 * it is another one than the host's, the admin credential, what a forget may remove, and who else is at work there.
 * Pure over the caches; read when the frame is sent, kept nowhere.
 */
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { AdminCredentials, PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { jobsAtWork, mayBeRunning } from '../runtime/jobs.js';
import type { Cache } from '../runtime/types.js';
import { resolveAdminCredentials } from './adminCredentials.js';
import { resolveCredentials, wireCredentials, type Credentials, type CredentialsInput } from './credentials.js';

export type Attached<T> = { ok: true; value: T } | { ok: false; message: string };

/** A repository with its everyday credential, as a plan or a job carries it; what only the runner's plan says is left out. */
export function planRepository(repository: Stored<Repository>, credentials: Credentials): PlanRepository {
  const { url, options, formatVersion, compression, packSizeMiB } = repository.spec;
  return {
    name: repository.metadata.name,
    url,
    ...(repository.status?.id ? { id: repository.status.id } : {}),
    ...wireCredentials(credentials),
    ...(options && Object.keys(options).length > 0 ? { options } : {}),
    ...(formatVersion === undefined ? {} : { formatVersion }),
    ...(compression === undefined ? {} : { compression }),
    ...(packSizeMiB === undefined ? {} : { packSizeMiB }),
  };
}

/** Any repository for one job (JobRun.repository). */
export function repositoryForJob(name: string, input: CredentialsInput): Attached<PlanRepository> {
  const repository = input.cache.get('Repository', { namespace: input.namespace, name });
  if (!repository) return { ok: false, message: `Repository ${input.namespace}/${name} does not exist` };
  const read = resolveCredentials(repository, input);
  return read.ok ? { ok: true, value: planRepository(repository, read.credentials) } : read;
}

/** The admin credential for one Forget or Prune (JobRun.adminCredentials); value undefined: none comes from the server. */
export function adminCredentialsForJob(repository: Pick<Repository, 'spec'>, input: CredentialsInput): Attached<AdminCredentials | undefined> {
  const admin = resolveAdminCredentials(repository, input);
  if (!admin.ok) return admin;
  return { ok: true, value: admin.from === 'FromServer' ? wireCredentials(admin.credentials) : undefined };
}

/** True while a Check of this system may be running in a repository: reading jobs then go beside it without a lock (JobRun.noLock). */
export function checkRuns(repository: string, cache: Cache): boolean {
  return jobsAtWork(repository, cache).some((job) => job.spec.type === 'Check' && mayBeRunning(job));
}
