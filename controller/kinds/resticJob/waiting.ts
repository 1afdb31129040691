/**
 * Why a job may not be offered now: ordered checks, the first that objects is what people read. A job's turn is decided
 * from the same checks for every job of its host, so that two decisions never name two different jobs as next.
 */
import type { JobReason } from '#crds/conditions.js';
import type { Host, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { compilePlan, type CompiledPlan } from '../../plan/compile.js';
import { groupMatches } from '../../plan/select.js';
import { ALL, repositoryOf } from '../../runtime/indexes.js';
import { mayBeRunning, repositoryNameOf } from '../../runtime/jobs.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { conditionOf, isTrue } from '../../status/conditions.js';

export interface Wait {
  reason: JobReason;
  message: string;
  /** What the job ends with when this lasts, because waiting does not help: a person must mend something. */
  hopeless?: JobReason;
}

type Job = Stored<ResticJob>;
const secretReasons = new Set<string>(['SecretNotFound', 'SecretNotLabelled', 'SecretIncomplete', 'SecretVariableRefused']);

/** Oldest first; creation has whole seconds, so the name decides the rest. */
function isOlder(a: Job, b: Job): boolean {
  const order = (job: Job): string => `${job.metadata.creationTimestamp} ${job.metadata.name}`;
  return order(a) < order(b);
}

/** What keeps a job from being offered, or undefined when it is its turn. */
export function whyWait(job: Job, ctx: ReconcileContext): Wait | undefined {
  const host = ctx.cache.get('Host', { namespace: ctx.namespace, name: job.spec.hostRef.name });
  let compiled: CompiledPlan | undefined;
  const plan = (): CompiledPlan => (compiled ??= compilePlan(job.spec.hostRef.name, ctx));
  return obstacle(job, host, plan, ctx) ?? otherTurn(job, host, plan, ctx);
}

/** Everything but the turn. What is missing comes first: that the host is away as well must not hide it. */
function obstacle(job: Job, host: Stored<Host> | undefined, plan: () => CompiledPlan, ctx: ReconcileContext): Wait | undefined {
  if (job.spec.startedBy === 'Agent') return { reason: 'WaitingForAgent', message: 'the agent began this run; its report has not arrived yet' };
  if (!host) return { reason: 'HostNotFound', message: `Host ${ctx.namespace}/${job.spec.hostRef.name} (spec.hostRef) does not exist`, hopeless: 'HostNotFound' };
  return groupObstacle(job, host, ctx) ?? repositoryObstacle(job, host, ctx) ?? hostObstacle(host) ?? readiness(job, host, ctx) ?? planObstacle(host, plan()) ?? initObstacle(job, host, ctx);
}

function groupObstacle(job: Job, host: Stored<Host>, ctx: ReconcileContext): Wait | undefined {
  const name = job.spec.sourceGroupRef?.name;
  if (name === undefined) return undefined;
  const group = ctx.cache.get('SourceGroup', { namespace: ctx.namespace, name });
  if (!group) return { reason: 'GroupNotFound', message: `SourceGroup ${ctx.namespace}/${name} (spec.sourceGroupRef) does not exist`, hopeless: 'GroupNotFound' };
  if (!groupMatches(group, host)) return { reason: 'GroupNotFound', message: `SourceGroup ${name} (spec.sourceGroupRef) is not for host ${host.metadata.name}`, hopeless: 'GroupNotFound' };
  return undefined;
}

function hostObstacle(host: Stored<Host>): Wait | undefined {
  const { name } = host.metadata;
  if (host.spec.suspend) return { reason: 'Suspended', message: `host ${name} is suspended` };
  if (!isTrue(host, 'Online')) return { reason: 'WaitingForHost', message: `host ${name} is not online` };
  return undefined;
}

function repositoryObstacle(job: Job, host: Stored<Host>, ctx: ReconcileContext): Wait | undefined {
  const name = repositoryNameOf(job, host) ?? '';
  const repository = ctx.cache.get('Repository', { namespace: ctx.namespace, name });
  if (!repository) return { reason: 'RepositoryNotFound', message: `Repository ${ctx.namespace}/${name} does not exist`, hopeless: 'RepositoryNotFound' };
  if (name !== repositoryOf(host)) return { reason: 'RepositoryNotFound', message: `host ${host.metadata.name} uses repository ${repositoryOf(host)}, not ${name} (spec.repositoryRef)`, hopeless: 'RepositoryNotFound' };
  const { name: secret } = repository.spec.credentialsSecretRef;
  if (!ctx.cache.get('Secret', { namespace: ctx.namespace, name: secret })) return { reason: 'SecretNotFound', message: `Secret ${ctx.namespace}/${secret} (spec.credentialsSecretRef of repository ${name}) does not exist`, hopeless: 'NoCredentials' };
  return undefined;
}

/** Why no backup may go to a repository that is there. */
function readiness(job: Job, host: Stored<Host>, ctx: ReconcileContext): Wait | undefined {
  const name = repositoryNameOf(job, host) ?? '';
  const repository = ctx.cache.get('Repository', { namespace: ctx.namespace, name });
  if (!repository || job.spec.type === 'Init') return undefined;
  const available = conditionOf(repository, 'Available');
  const said = available && available.status === 'False' ? `: ${available.message}` : '';
  if (repository.status?.phase === 'Replaced') return { reason: 'WaitingForRepository', message: `repository ${name} was replaced or is gone${said}`, hopeless: 'RepositoryReplaced' };
  if (repository.status?.id) return undefined;
  if (repository.status?.phase === 'InitFailed') return { reason: 'WaitingForRepository', message: `repository ${name} could not be opened${said}`, hopeless: (available?.reason ?? 'NoRepository') as JobReason };
  const stalled = conditionOf(repository, 'Stalled');
  if (stalled) return { reason: 'WaitingForRepository', message: `repository ${name} cannot be opened: ${stalled.message}`, hopeless: secretReasons.has(stalled.reason) ? 'NoCredentials' : 'NoRepository' };
  return { reason: 'WaitingForRepository', message: `repository ${name} is not initialised yet` };
}

function planObstacle(host: Stored<Host>, plan: CompiledPlan): Wait | undefined {
  if (!plan.ok) return { reason: 'WaitingForPlan', message: plan.message, ...(secretReasons.has(plan.reason) ? { hopeless: 'NoCredentials' as const } : {}) };
  if (plan.revision !== host.status?.desiredRevision) return { reason: 'WaitingForPlan', message: `the plan of host ${host.metadata.name} is being made` };
  return undefined;
}

/**
 * Two inits of one repository never run at once (tried: they destroy it). While its id is unknown any other Init holds it,
 * even one whose host is away; afterwards an Init only opens, and holds it while its host is there.
 */
function initObstacle(job: Job, host: Stored<Host>, ctx: ReconcileContext): Wait | undefined {
  const name = repositoryNameOf(job, host);
  const known = ctx.cache.get('Repository', { namespace: ctx.namespace, name: name ?? '' })?.status?.id !== undefined;
  for (const other of ctx.cache.byIndex('ResticJob', 'unfinishedInit', ALL)) {
    if (other.metadata.uid === job.metadata.uid) continue;
    const its = ctx.cache.get('Host', { namespace: ctx.namespace, name: other.spec.hostRef.name });
    if (repositoryNameOf(other, its) !== name) continue;
    const holds = mayBeRunning(other) ? !known || isTrue(its, 'Online') : job.spec.type === 'Init' && !known && isOlder(other, job);
    if (holds) return { reason: 'WaitingForRepository', message: `job ${other.metadata.name} is opening repository ${name ?? ''}` };
  }
  return undefined;
}

/** One job at a time per host, the oldest that could start first. */
function otherTurn(job: Job, host: Stored<Host> | undefined, plan: () => CompiledPlan, ctx: ReconcileContext): Wait | undefined {
  const others = ctx.cache.byIndex('ResticJob', 'active', job.spec.hostRef.name).filter((other) => other.metadata.uid !== job.metadata.uid);
  const running = others.find(mayBeRunning);
  if (running) return { reason: 'WaitingForTurn', message: `job ${running.metadata.name} is running on this host` };
  const next = others.find((other) => !other.spec.cancel && isOlder(other, job) && !obstacle(other, host, plan, ctx));
  return next ? { reason: 'WaitingForTurn', message: `job ${next.metadata.name} is older and next on this host` } : undefined;
}
