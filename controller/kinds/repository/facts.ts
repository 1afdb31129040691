/** Reads everything a repository's state depends on. */
import type { ReadyReason, RepositoryReason } from '#crds/conditions.js';
import type { Host, Repository, ResticJob } from '#crds/kinds.js';
import { keyText, type Stored } from '#crds/meta.js';
import { resolveAdminCredentials } from '../../plan/adminCredentials.js';
import { credentialsHash, resolveCredentials, type CredentialsResult } from '../../plan/credentials.js';
import { resolveRunner, type Runner } from '../../plan/runner.js';
import { storageTaken } from '../../plan/sharedStorage.js';
import { isFinished } from '../../runtime/indexes.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { isTrue, type Finding } from '../../status/conditions.js';
import { initJobsOf, newestEvidence, reportedID, type Evidence } from './evidence.js';
import { initJobName, OPEN_LABEL, openKey, requestOf } from './initJob.js';
import type { RepositoryFacts } from './machine.js';
import { taskProblem } from './tasks.js';

type Job = Stored<ResticJob>;

/** Failures that may pass by themselves: the open is tried again, ever less often. */
const passing = new Set<string | undefined>(['RepositoryUnreachable', 'RepositoryLocked', 'RepositoryFull', 'ResticMissing', 'ResticKilled', 'NoCredentials', 'DiskFull', 'DeadlineExceeded', 'StartingDeadlineExceeded', 'Interrupted', 'AgentRestarted', 'Lost', 'HostUnreachable', 'HostNotFound']);
/** Ends after which the agent may still be at it: then only the same agent may try again while the id is unknown. */
const unsure = new Set<string | undefined>(['Lost', 'HostUnreachable', 'HostNotFound']);
const RETRY_FROM = 15_000;
const RETRY_TO = 3_600_000;

export interface GatheredRepository {
  facts: RepositoryFacts;
  now: number;
  hosts: number;
  runner: Runner;
  problem?: Finding<ReadyReason>;
  /** HMAC of url and credentials; absent while the Secret is not fit. */
  credentialsHash?: string;
  /** True once an Init job for the present credentials was made. */
  attempted: boolean;
  /** The id to pin, while none is. */
  id?: string;
  evidence?: Evidence;
  /** The newest Init job. */
  latest?: Job;
  /** The Init job to make when the machine says so. */
  next?: { name: string; key: string; host: Stored<Host> };
  /** Init jobs nobody took that are for a host which is not the runner any more. */
  stale: Job[];
  /** When a failed open is tried again, epoch ms. */
  retryAt?: number;
}

export function gatherRepositoryFacts(repository: Stored<Repository>, ctx: ReconcileContext): GatheredRepository {
  const now = ctx.clock.now();
  const { cache } = ctx;
  const secret = resolveCredentials(repository, ctx);
  const runner = resolveRunner(repository, ctx);
  const jobs = initJobsOf(repository, cache);
  const hash = secret.ok ? credentialsHash(repository, secret.credentials, ctx.planKey) : undefined;
  const request = requestOf(repository);
  const key = hash === undefined ? undefined : openKey(hash, request);
  const attempts = key === undefined ? [] : latestAttempts(jobs, key);
  const latest = jobs.at(-1);
  const attempt = attempts.at(-1);
  const pinned = repository.status?.id;
  const id = pinned ?? reportedID(repository, jobs, attempts);
  const evidence = pinned === undefined ? undefined : newestEvidence(repository, pinned, jobs, cache);

  const inFlight = jobs.some((job) => !isFinished(job));
  const failedAt = attempt?.status?.phase === 'Failed' || attempt?.status?.phase === 'Cancelled' ? (parseTime(attempt.status.completionTime) ?? 0) : undefined;
  const failed = failedAt !== undefined && !(evidence?.good && evidence.at > failedAt) && (pinned !== undefined || id === undefined);
  const knowledge = evidence && !evidence.good ? 'replaced' : inFlight ? 'opening' : failed ? 'failed' : evidence?.good || id !== undefined ? 'opened' : 'nothing';

  const taken = (name: string): boolean => cache.get('ResticJob', { namespace: repository.metadata.namespace, name }) !== undefined || ctx.outcomes.findOutcome({ namespace: repository.metadata.namespace, name }) !== undefined;
  const base = hash === undefined ? undefined : initJobName(repository.metadata.name, hash, request);
  const opensElse = attempt === undefined && jobs.some((job) => job.metadata.labels?.[OPEN_LABEL] !== undefined);
  const attempted = attempt !== undefined || (!opensElse && hash !== undefined && base !== undefined && repository.status?.credentialsHash === hash && (request === '' || taken(base)));
  const retryAt = failed && attempt && passing.has(attempt.status?.reason) ? failedAt + retryDelay(attempts) : undefined;
  const due = !attempted || (pinned === undefined && id === undefined && attempt === undefined) || (retryAt !== undefined && now >= retryAt);
  const safe = pinned !== undefined || !latest || !unsure.has(latest.status?.reason) || (runner.ok && latest.spec.hostRef.name === runner.host.metadata.name) || runnerGone(latest, ctx);
  const able = runner.ok && isTrue(runner.host, 'Online') && !runner.host.spec.suspend && !repository.spec.suspend;
  // With a pinned id it is opened and never made: that harms nobody.
  const allowed = pinned !== undefined || storageTaken(repository, ctx) === undefined;
  const mayOpen = hash !== undefined && key !== undefined && due && safe && able && allowed && !inFlight;

  return {
    facts: { knowledge, mayOpen, suspended: repository.spec.suspend === true },
    now,
    hosts: cache.byIndex('Host', 'repository', repository.metadata.name).length,
    runner,
    problem: problemOf(repository, secret, runner, ctx),
    credentialsHash: hash,
    attempted,
    id,
    evidence,
    latest,
    next: mayOpen && base !== undefined ? {
      name: taken(base) ? initJobName(repository.metadata.name, hash, request, [repository.metadata.uid, latest?.metadata.uid ?? '', secret.ok ? secret.secret.metadata.resourceVersion : '']) : base,
      key,
      host: runner.host,
    } : undefined,
    stale: jobs.filter((job) => (job.status?.phase ?? 'Queued') === 'Queued' && job.metadata.labels?.[OPEN_LABEL] !== undefined && runner.ok && job.spec.hostRef.name !== runner.host.metadata.name),
    retryAt: able && retryAt !== undefined && retryAt > now ? retryAt : undefined,
  };
}

/** The first of what is wrong with the spec or its references. */
function problemOf(repository: Stored<Repository>, secret: CredentialsResult, runner: Runner, ctx: ReconcileContext): Finding<ReadyReason> | undefined {
  const owner = storageTaken(repository, ctx);
  if (owner !== undefined) return { reason: 'StorageTaken', message: owner };
  if (!secret.ok) return { reason: secret.reason, message: secret.message };
  if (!runner.ok && runner.reason !== 'NoHost') return { reason: runner.reason, message: runner.message };
  const admin = resolveAdminCredentials(repository, ctx);
  return admin.ok ? taskProblem(repository) : { reason: admin.reason, message: admin.message };
}

/** The newest opens, as far back as they were for these credentials: going back to former ones opens again. */
function latestAttempts(jobs: readonly Job[], key: string): Job[] {
  const made = jobs.filter((job) => job.metadata.labels?.[OPEN_LABEL] !== undefined);
  const before = made.findLastIndex((job) => job.metadata.labels?.[OPEN_LABEL] !== key);
  return made.slice(before + 1);
}

/** A deleted host's agent is revoked: it runs nothing any more. */
function runnerGone(job: Job, { cache, namespace }: ReconcileContext): boolean {
  return cache.get('Host', { namespace, name: job.spec.hostRef.name }) === undefined;
}

function retryDelay(attempts: readonly Job[]): number {
  return Math.min(RETRY_TO, RETRY_FROM * 2 ** Math.min(20, attempts.length - 1));
}

const known = new Set<string>(['NoRepository', 'RepositoryReplaced', 'RepositoryUnreachable', 'RepositoryLocked', 'RepositoryFull', 'RepositoryDamaged', 'WrongPassword', 'ResticMissing', 'ResticFailed', 'ResticKilled', 'NoCredentials', 'DiskFull', 'DeadlineExceeded', 'Interrupted', 'AgentRestarted', 'Lost', 'Unsupported', 'InternalError']);

/** Why the last open failed, in the words of the condition Available. */
export function failureOf(job: Job, repository: Stored<Repository>): Finding<RepositoryReason> {
  const { reason, message } = job.status ?? {};
  if (reason === 'WrongPassword') return { reason, message: `restic refused the repository password; set key password of Secret ${keyText({ namespace: repository.metadata.namespace, name: repository.spec.credentialsSecretRef.name })}` };
  return { reason: reason !== undefined && known.has(reason) ? (reason as RepositoryReason) : 'InitFailed', message: message ?? `job ${job.metadata.name} failed` };
}
