/**
 * Why a job may not be offered now: ordered checks, the first that objects is what people read. A job's turn is decided
 * from the same checks for every job of its host, so that two decisions never name two different jobs as next.
 */
import type { JobReason } from '#crds/conditions.js';
import type { Host, Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { deletionProblem } from '../../plan/adminCredentials.js';
import { compilePlan, type CompiledPlan } from '../../plan/compile.js';
import { resolveCredentials } from '../../plan/credentials.js';
import { resolveRunner } from '../../plan/runner.js';
import { storageTaken } from '../../plan/sharedStorage.js';
import { groupMatches } from '../../plan/select.js';
import { repositoryOf } from '../../runtime/indexes.js';
import { isDeleting, isLight, isRunnerOnly } from '../../runtime/jobTypes.js';
import { repositoryNameOf } from '../../runtime/jobs.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { conditionOf, isTrue } from '../../status/conditions.js';
import { initQueue, repositoryQueue, whoseTurn } from './queues.js';

export interface Wait {
  reason: JobReason;
  message: string;
  /** What the job ends with when this lasts, because waiting does not help: a person must mend something. */
  hopeless?: JobReason;
}

type Job = Stored<ResticJob>;
const secretReasons = new Set<string>(['SecretNotFound', 'SecretNotLabelled', 'SecretIncomplete', 'SecretVariableRefused']);

/** What keeps a job from being offered, or undefined when it is its turn. */
export function whyWait(job: Job, ctx: ReconcileContext): Wait | undefined {
  const host = ctx.cache.get('Host', { namespace: ctx.namespace, name: job.spec.hostRef.name });
  let compiled: CompiledPlan | undefined;
  const plan = (): CompiledPlan => (compiled ??= compilePlan(job.spec.hostRef.name, ctx));
  const own = obstacle(job, host, plan, ctx);
  if (own || isLight(job)) return own;
  return whoseTurn(job, host, (other) => obstacle(other, host, plan, ctx) === undefined, ctx.cache);
}

/** Everything but the turn. What is missing comes first: that the host is away as well must not hide it. */
function obstacle(job: Job, host: Stored<Host> | undefined, plan: () => CompiledPlan, ctx: ReconcileContext): Wait | undefined {
  if (job.spec.startedBy === 'Agent') return { reason: 'WaitingForAgent', message: 'the agent began this run; its report has not arrived yet' };
  if (!host) return { reason: 'HostNotFound', message: `Host ${ctx.namespace}/${job.spec.hostRef.name} (spec.hostRef) does not exist`, hopeless: 'HostNotFound' };
  const name = repositoryNameOf(job, host) ?? '';
  const repository = ctx.cache.get('Repository', { namespace: ctx.namespace, name });
  const missing = groupObstacle(job, host, ctx) ?? repositoryObstacle(job, host, name, repository, ctx);
  if (missing || !repository) return missing;
  return runnerObstacle(job, repository, ctx) ?? deletionObstacle(job, repository, ctx) ?? suspension(host, repository) ?? absence(host) ?? readiness(job, repository, ctx)
    ?? planObstacle(host, plan(), name) ?? initQueue(job, name, ctx) ?? repositoryQueue(job, name, ctx);
}

function groupObstacle(job: Job, host: Stored<Host>, ctx: ReconcileContext): Wait | undefined {
  const name = job.spec.sourceGroupRef?.name;
  if (name === undefined) return undefined;
  const group = ctx.cache.get('SourceGroup', { namespace: ctx.namespace, name });
  if (!group) return { reason: 'GroupNotFound', message: `SourceGroup ${ctx.namespace}/${name} (spec.sourceGroupRef) does not exist`, hopeless: 'GroupNotFound' };
  if (!groupMatches(group, host)) return { reason: 'GroupNotFound', message: `SourceGroup ${name} (spec.sourceGroupRef) is not for host ${host.metadata.name}`, hopeless: 'GroupNotFound' };
  return undefined;
}

/** A restore may read any repository; everything else works on its host's. */
function repositoryObstacle(job: Job, host: Stored<Host>, name: string, repository: Stored<Repository> | undefined, ctx: ReconcileContext): Wait | undefined {
  const field = job.spec.restore?.repositoryRef ? ' (spec.restore.repositoryRef)' : job.spec.repositoryRef ? ' (spec.repositoryRef)' : '';
  if (!repository) return { reason: 'RepositoryNotFound', message: `Repository ${ctx.namespace}/${name}${field} does not exist`, hopeless: 'RepositoryNotFound' };
  const foreign = name !== repositoryOf(host);
  if (foreign && !job.spec.restore?.repositoryRef) return { reason: 'RepositoryNotFound', message: `host ${host.metadata.name} uses repository ${repositoryOf(host)}, not ${name}${field}`, hopeless: 'RepositoryNotFound' };
  const { name: secret } = repository.spec.credentialsSecretRef;
  if (!ctx.cache.get('Secret', { namespace: ctx.namespace, name: secret })) return { reason: 'SecretNotFound', message: `Secret ${ctx.namespace}/${secret} (spec.credentialsSecretRef of repository ${name}) does not exist`, hopeless: 'NoCredentials' };
  // The plan of the host speaks of its own repository only.
  const read = foreign ? resolveCredentials(repository, ctx) : undefined;
  return read && !read.ok ? { reason: 'NoCredentials', message: `repository ${name}: ${read.message}`, hopeless: 'NoCredentials' } : undefined;
}

/** Deleting, checking and unlocking are the runner's (J9). */
function runnerObstacle(job: Job, repository: Stored<Repository>, ctx: ReconcileContext): Wait | undefined {
  if (!isRunnerOnly(job)) return undefined;
  const runner = resolveRunner(repository, ctx);
  const only = `a job of type ${job.spec.type} runs on the runner of its repository only`;
  if (!runner.ok) return { reason: 'NotRunner', message: `${only}: ${runner.message}`, hopeless: 'NotRunner' };
  const { name } = runner.host.metadata;
  return name === job.spec.hostRef.name ? undefined : { reason: 'NotRunner', message: `${only}: the runner of repository ${repository.metadata.name} is host ${name}`, hopeless: 'NotRunner' };
}

function suspension(host: Stored<Host>, repository: Stored<Repository>): Wait | undefined {
  if (host.spec.suspend) return { reason: 'Suspended', message: `host ${host.metadata.name} is suspended` };
  return repository.spec.suspend ? { reason: 'Suspended', message: `repository ${repository.metadata.name} is suspended` } : undefined;
}

function absence(host: Stored<Host>): Wait | undefined {
  return isTrue(host, 'Online') ? undefined : { reason: 'WaitingForHost', message: `host ${host.metadata.name} is not online` };
}

/** Why no job but the one that opens it may go to a repository that is there, and why that one may not. */
function readiness(job: Job, repository: Stored<Repository>, ctx: ReconcileContext): Wait | undefined {
  const { name } = repository.metadata;
  if (job.spec.type === 'Init') {
    const taken = repository.status?.id === undefined ? storageTaken(repository, ctx) : undefined;
    return taken === undefined ? undefined : { reason: 'WaitingForRepository', message: `repository ${name} is not opened: ${taken}`, hopeless: 'NoRepository' };
  }
  const available = conditionOf(repository, 'Available');
  const said = available && available.status === 'False' ? `: ${available.message}` : '';
  if (repository.status?.phase === 'Replaced') return { reason: 'WaitingForRepository', message: `repository ${name} was replaced or is gone${said}`, hopeless: 'RepositoryReplaced' };
  if (repository.status?.id) return undefined;
  if (repository.status?.phase === 'InitFailed') return { reason: 'WaitingForRepository', message: `repository ${name} could not be opened${said}`, hopeless: (available?.reason ?? 'NoRepository') as JobReason };
  const stalled = conditionOf(repository, 'Stalled');
  if (stalled) return { reason: 'WaitingForRepository', message: `repository ${name} cannot be opened: ${stalled.message}`, hopeless: secretReasons.has(stalled.reason) ? 'NoCredentials' : 'NoRepository' };
  return { reason: 'WaitingForRepository', message: `repository ${name} is not initialised yet` };
}

function deletionObstacle(job: Job, repository: Stored<Repository>, ctx: ReconcileContext): Wait | undefined {
  const problem = isDeleting(job) ? deletionProblem(repository, ctx, job.spec.dryRun) : undefined;
  return problem === undefined ? undefined : { reason: 'AdminCredentialsRequired', message: problem, hopeless: 'AdminCredentialsRequired' };
}

/**
 * The plan generation a job waits for on its agent. What is wrong with a host's own repository, or that it has none, does not
 * keep it from restoring out of another one: the job carries that, and waits for no plan (0) while none can be made.
 */
export function generationNeeded(job: Job, host: Stored<Host>, ctx: ReconcileContext): number {
  const foreign = repositoryNameOf(job, host) !== repositoryOf(host);
  return foreign && !compilePlan(host.metadata.name, ctx).ok ? 0 : host.status?.planGeneration ?? 0;
}

function planObstacle(host: Stored<Host>, plan: CompiledPlan, repository: string): Wait | undefined {
  if (!plan.ok && repository !== repositoryOf(host)) return undefined;
  if (!plan.ok) return { reason: 'WaitingForPlan', message: plan.message, ...(secretReasons.has(plan.reason) ? { hopeless: 'NoCredentials' as const } : {}) };
  if (plan.revision !== host.status?.desiredRevision) return { reason: 'WaitingForPlan', message: `the plan of host ${host.metadata.name} is being made` };
  return undefined;
}
