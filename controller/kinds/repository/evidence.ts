/**
 * What the runs and the runner of a repository tell about it, newest first: was it the pinned one, another one, or none.
 * At equal times the bad news counts.
 */
import type { Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { foundRepositoryBroken, isFinished } from '../../runtime/indexes.js';
import { parseTime } from '../../runtime/time.js';
import type { Cache } from '../../runtime/types.js';
import { conditionOf } from '../../status/conditions.js';

export interface Evidence {
  good: boolean;
  /** Epoch ms. */
  at: number;
  message: string;
}

type Job = Stored<ResticJob>;

const finishedAt = (job: Job): number => parseTime(job.status?.completionTime) ?? parseTime(job.metadata.creationTimestamp) ?? 0;

/** Init jobs of a repository that really ran or wait, oldest first. */
export function initJobsOf(repository: Pick<Repository, 'metadata'>, cache: Cache): Job[] {
  const order = (job: Job): string => `${job.metadata.creationTimestamp} ${isFinished(job) ? String(finishedAt(job)).padStart(16, '0') : 'unfinished'} ${job.metadata.name}`;
  return cache.byIndex('ResticJob', 'init', repository.metadata.name).filter((job) => job.status?.reason !== 'AlreadyRan').sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/**
 * The id that the first successful open reported, for a repository without a pinned one. Jobs older than the object speak
 * of a former one of its name: they count only when they opened with what it is opened with now (`attempts`), so that a
 * deleted repository that is put back is the same one, and one that is made anew elsewhere is not.
 */
export function reportedID(repository: Stored<Repository>, jobs: readonly Job[], attempts: readonly Job[]): string | undefined {
  const since = repository.metadata.creationTimestamp;
  return jobs.find((job) => job.status?.phase === 'Succeeded' && job.status.observed?.repositoryID && (job.metadata.creationTimestamp >= since || attempts.includes(job)))?.status?.observed?.repositoryID;
}

/** The newest evidence about a repository whose id is pinned. */
export function newestEvidence(repository: Stored<Repository>, id: string, jobs: readonly Job[], cache: Cache): Evidence | undefined {
  const found: Evidence[] = [];
  const judge = (seen: string, at: number): void => {
    found.push(seen === id ? { good: true, at, message: `opened with id ${short(id)}` } : { good: false, at, message: `found repository ${short(seen)} where ${short(id)} should be` });
  };
  for (const job of jobs) {
    const seen = job.status?.observed?.repositoryID;
    if (job.status?.phase === 'Succeeded' && seen) judge(seen, finishedAt(job));
    else if (job.status?.phase === 'Failed' && foundRepositoryBroken(job)) found.push({ good: false, at: finishedAt(job), message: job.status.message ?? '' });
  }
  for (const job of cache.byIndex('ResticJob', 'brokenRepository', repository.metadata.name)) found.push({ good: false, at: finishedAt(job), message: job.status?.message ?? '' });
  const { observed, replacedTime } = repository.status ?? {};
  // Jobs go, what they showed stays until something newer shows the pinned one.
  if (replacedTime !== undefined) found.push({ good: false, at: parseTime(replacedTime) ?? 0, message: conditionOf(repository, 'Available')?.message ?? '' });
  if (observed?.repositoryID) judge(observed.repositoryID, parseTime(observed.time) ?? 0);
  return found.reduce<Evidence | undefined>((newest, next) => (!newest || next.at > newest.at || (next.at === newest.at && !next.good) ? next : newest), undefined);
}

function short(id: string): string {
  return id.slice(0, 10);
}
