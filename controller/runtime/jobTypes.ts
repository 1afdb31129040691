/**
 * What the types of job need of host and repository. Exclusive: restic locks the repository against everyone. Light: neither
 * takes a place on its host nor waits for one. Reading: beside backups and checks, never beside what deletes.
 */
import type { ResticJob } from '#crds/kinds.js';

export type JobType = ResticJob['spec']['type'];
type Typed = Pick<ResticJob, 'spec'>;

const exclusive = new Set<JobType>(['Forget', 'Prune', 'Check']);
const reading = new Set<JobType>(['Restore', 'Diff']);
const light = new Set<JobType>(['Restore', 'Diff', 'Unlock']);
const runnerOnly = new Set<JobType>(['Forget', 'Prune', 'Check', 'Unlock']);
const deleting = new Set<JobType>(['Forget', 'Prune']);

export const isExclusive = (job: Typed): boolean => exclusive.has(job.spec.type);
export const isReading = (job: Typed): boolean => reading.has(job.spec.type);
export const isLight = (job: Typed): boolean => light.has(job.spec.type);
export const isRunnerOnly = (job: Typed): boolean => runnerOnly.has(job.spec.type);
export const isDeleting = (job: Typed): boolean => deleting.has(job.spec.type);
/** Looks after its repository: no dry run and no deletion of chosen snapshots. */
export const isUpkeep = (job: Typed): boolean => isExclusive(job) && !job.spec.dryRun && job.spec.forget?.snapshotIDs === undefined;
