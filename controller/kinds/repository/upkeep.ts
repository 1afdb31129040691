/**
 * What the jobs at hand tell about maintenance: the last forget, prune and check, and the plan a forget holds. Jobs go, the
 * fact stays in the status. Dry runs and deletions of chosen snapshots are no maintenance.
 */
import type { Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { RepositoryLastForget } from '#crds/types/repository.gen.js';
import { place, tellsOfUpkeep } from '../../runtime/indexes.js';
import { parseTime } from '../../runtime/time.js';
import type { Cache } from '../../runtime/types.js';
import { typeOfTask, type Task } from './tasks.js';

type Job = Stored<ResticJob>;
export type LastRun = RepositoryLastForget;
const field = { forget: 'lastForget', prune: 'lastPrune', check: 'lastCheck' } as const;

/** The maintenance jobs of a repository, those people made by hand on its hosts with them. */
export function upkeepJobs(repository: Pick<Repository, 'metadata'>, cache: Cache): Job[] {
  const { name } = repository.metadata;
  const hosts = cache.byIndex('Host', 'repository', name);
  return [...cache.byIndex('ResticJob', 'upkeep', place.repository(name)), ...hosts.flatMap((host) => cache.byIndex('ResticJob', 'upkeep', place.host(host.metadata.name)))];
}

export function isOfTask(job: Job, task: Task): boolean {
  return job.spec.type === typeOfTask[task];
}

export function isMaintenance(job: Job): boolean {
  return job.spec.origin?.type === 'Maintenance';
}

/** The newest that counts of one task: what the status says already, or a newer one. */
export function lastRunOf(task: Task, repository: Stored<Repository>, jobs: readonly Job[]): { last?: LastRun; job?: Job } {
  const known = repository.status?.[field[task]];
  let at = parseTime(known?.time) ?? -Infinity;
  let newest: Job | undefined;
  for (const job of jobs) {
    if (!isOfTask(job, task) || !tellsOfUpkeep(job)) continue;
    const ended = parseTime(job.status?.completionTime) ?? 0;
    if (ended > at || (ended === at && job.metadata.name === known?.jobName)) [newest, at] = [job, ended];
  }
  if (!newest) return { last: known };
  const { phase, reason, message, completionTime } = newest.status ?? {};
  return { job: newest, last: { time: completionTime, result: phase as LastRun['result'], reason, message: (message ?? '').slice(0, 1024), jobName: newest.metadata.name } };
}

export interface HeldPlan {
  /** The Forget that holds it. */
  job: Job;
  hash: string;
  remove: number;
  of: number;
  reasons: readonly ('RemovesTooMuch' | 'UnknownSnapshots' | 'FutureSnapshots')[];
}

/** The plan that the newest forget holds, waiting for a person. */
export function heldPlanOf(job: Job | undefined): HeldPlan | undefined {
  const { reason, forgetPlan } = job?.status ?? {};
  if (!job || reason !== 'ApprovalRequired' || !forgetPlan?.hash) return undefined;
  return { job, hash: forgetPlan.hash, remove: forgetPlan.remove ?? 0, of: forgetPlan.of ?? 0, reasons: forgetPlan.reasons ?? [] };
}
