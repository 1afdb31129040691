/**
 * The queues a job stands in, all derived from the stored jobs: the one that opens a repository, those that need a repository
 * for themselves (J9) or read from it, and the places on a host. Backups that agents start themselves are in none of them:
 * restic's own locks and its waiting for them order those.
 */
import type { Host, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { sharersOf } from '../../plan/sharedStorage.js';
import { ALL } from '../../runtime/indexes.js';
import { isDeleting, isExclusive, isLight, isReading } from '../../runtime/jobTypes.js';
import { jobsAtWork, mayBeRunning, repositoryNameOf } from '../../runtime/jobs.js';
import type { Cache, ReconcileContext } from '../../runtime/types.js';
import { isTrue } from '../../status/conditions.js';
import type { Wait } from './waiting.js';

type Job = Stored<ResticJob>;

/** Oldest first; creation has whole seconds, so the name decides the rest. */
function isOlder(a: Job, b: Job): boolean {
  const order = (job: Job): string => `${job.metadata.creationTimestamp} ${job.metadata.name}`;
  return order(a) < order(b);
}

function hostOf(job: Job, { cache, namespace }: ReconcileContext): Stored<Host> | undefined {
  return cache.get('Host', { namespace, name: job.spec.hostRef.name });
}

/**
 * Two inits of one repository never run at once (tried: they destroy it). While its id is unknown any other Init holds it,
 * even one whose host is away; afterwards an Init only opens, and holds it while its host is there. Objects of one storage are
 * one repository: one that is made while another is opening waits.
 */
export function initQueue(job: Job, repository: string, ctx: ReconcileContext): Wait | undefined {
  const object = ctx.cache.get('Repository', { namespace: ctx.namespace, name: repository });
  const known = object?.status?.id !== undefined;
  const names = new Set(object ? sharersOf(object, ctx).map(({ metadata }) => metadata.name) : [repository]);
  for (const other of ctx.cache.byIndex('ResticJob', 'unfinishedInit', ALL)) {
    if (other.metadata.uid === job.metadata.uid) continue;
    const its = hostOf(other, ctx);
    const opens = repositoryNameOf(other, its) ?? '';
    if (!names.has(opens)) continue;
    const holds = mayBeRunning(other) ? !known || isTrue(its, 'Online') : job.spec.type === 'Init' && !known && opens === repository && isOlder(other, job);
    if (holds) return { reason: 'WaitingForRepository', message: `job ${other.metadata.name} is opening repository ${opens}${opens === repository ? '' : ', which has the same storage'}` };
  }
  return undefined;
}

/**
 * An exclusive job waits while another one, or a restore or diff, is at work in its repository, on whatever host; a restore
 * or diff waits only for what deletes there. A reading job holds no one up once its host is away, and nothing of a host
 * that is away holds up a restore: it may be needed because that host died.
 */
export function repositoryQueue(job: Job, repository: string, ctx: ReconcileContext): Wait | undefined {
  const [exclusive, reading] = [isExclusive(job), isReading(job)];
  if (!exclusive && !reading) return undefined;
  for (const other of jobsAtWork(repository, ctx.cache)) {
    if (other.metadata.uid === job.metadata.uid || !mayBeRunning(other)) continue;
    const online = isTrue(hostOf(other, ctx), 'Online');
    const holds = exclusive ? isExclusive(other) || online : isDeleting(other) && online;
    if (holds) return { reason: 'WaitingForRepository', message: `job ${other.metadata.name} (${other.spec.type}) is ${online ? 'running' : 'perhaps still running'} in repository ${repository} on host ${other.spec.hostRef.name}` };
  }
  return undefined;
}

/**
 * The places on a host, given to the oldest that could start; one backup of a group at a time. A job that needs the repository for itself runs beside none
 * that counts, and is not passed by younger ones while it waits for those to end.
 */
export function whoseTurn(job: Job, host: Stored<Host> | undefined, couldStart: (other: Job) => boolean, cache: Cache): Wait | undefined {
  const others = cache.byIndex('ResticJob', 'active', job.spec.hostRef.name).filter((other) => other.metadata.uid !== job.metadata.uid && !isLight(other));
  const running = others.filter(mayBeRunning);
  const places = host?.spec.maxConcurrentJobs ?? 1;
  const [first] = running;
  if (first && running.length >= places) return { reason: 'WaitingForTurn', message: `job ${first.metadata.name} is running on this host${running.length > 1 ? `, and ${running.length - 1} more` : ''}` };
  const beside = isExclusive(job) ? first : running.find(isExclusive);
  if (beside) return { reason: 'WaitingForRepository', message: `job ${beside.metadata.name} (${beside.spec.type}) is running on this host, and ${isExclusive(job) ? 'this one' : 'it'} needs the repository for itself` };
  const twinOf = (it: Job): Job | undefined => running.find((other) => it.spec.sourceGroupRef !== undefined && other.spec.sourceGroupRef?.name === it.spec.sourceGroupRef.name);
  const twin = twinOf(job);
  if (twin) return { reason: 'WaitingForTurn', message: `job ${twin.metadata.name} is backing up the same source group` };
  const older = others.filter((other) => !mayBeRunning(other) && !other.spec.cancel && isOlder(other, job) && !twinOf(other) && couldStart(other)).sort((a, b) => (isOlder(a, b) ? -1 : 1));
  const next = older.length >= places - running.length || isExclusive(job) ? older[0] : older.find(isExclusive);
  return next ? { reason: 'WaitingForTurn', message: `job ${next.metadata.name} is older and next on this host` } : undefined;
}
