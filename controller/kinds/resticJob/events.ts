/**
 * Tells how a job ended: on the job itself, and, when it did not end well, once more on the object that a person must mend,
 * where `kubectl describe` is asked first. What says it there by itself already (Replaced, ApprovalRequired of a
 * Repository) is not said twice.
 */
import type { JobReason } from '#crds/conditions.js';
import type { Host, Repository, ResticJob, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { repositoryNameOf } from '../../runtime/jobs.js';
import type { ReconcileContext, Recorder } from '../../runtime/types.js';
import type { JobOutcome } from './machine.js';

const MAX_MESSAGE = 1024;

/** Where what failed is declared: the kind to mend; `job`: nothing but the job itself says it. */
export function placeToMend(reason: JobReason): 'Host' | 'Repository' | 'SourceGroup' | 'job' {
  switch (reason) {
    case 'RepositoryUnreachable': case 'RepositoryLocked': case 'RepositoryFull': case 'WrongPassword': case 'NoCredentials': case 'SecretNotFound':
    case 'AppendOnly': case 'ForgetIncomplete': case 'AdminCredentialsRequired': case 'NotRunner': case 'CheckFoundErrors': case 'RepositoryDamaged':
      return 'Repository';
    case 'SourceMissing': case 'NothingRead': case 'MountMissing': case 'HookFailed': case 'HookUnreadable': case 'StdinCommandFailed': case 'Partial': case 'Completed': case 'Unchanged':
      return 'SourceGroup';
    case 'ResticMissing': case 'ResticTooOld': case 'ResticKilled': case 'DiskFull': case 'Stuck': case 'AgentRestarted': case 'Interrupted': case 'Lost': case 'PolicyRefused':
    case 'HostUnreachable': case 'WaitingForHost': case 'InternalError':
      return 'Host';
    case 'NoRepository': case 'RepositoryReplaced': case 'ApprovalRequired': // the Repository says so itself
    case 'ResticFailed': case 'DeadlineExceeded': case 'StartingDeadlineExceeded': case 'UnknownGroup': case 'Unsupported': case 'SnapshotNotFound': case 'PathNotFound': case 'PathNotText':
    case 'TargetRefused': case 'RestoreIncomplete': case 'NothingRemoved': case 'Opened': case 'Initialized': case 'Cancelled': case 'CancelledBeforeStart': case 'HostNotFound':
    case 'GroupNotFound': case 'RepositoryNotFound': case 'AlreadyRan': case 'WaitingForPlan': case 'WaitingForRepository': case 'WaitingForTurn': case 'WaitingForAgent': case 'Suspended': case 'Running':
      return 'job';
  }
}

/** @param ended what the agent reported, when it did */
export function announceEnd(job: Stored<ResticJob>, reason: JobReason, message: string, outcome: JobOutcome, tell: Recorder, ctx: ReconcileContext, ended?: ResticJobObserved): void {
  const badly = outcome === 'Failed' || (outcome === 'Succeeded' && (reason === 'Partial' || (ended?.warnings ?? 0) > 0));
  tell.event(job, badly ? 'Warning' : 'Normal', reason, message === '' ? outcome : message);
  const elsewhere = badly ? objectToMend(job, placeToMend(reason), ctx) : undefined;
  if (elsewhere) tell.event(elsewhere, 'Warning', reason, `job ${job.metadata.name} of host ${job.spec.hostRef.name}: ${message}`.slice(0, MAX_MESSAGE));
}

function objectToMend({ spec }: Stored<ResticJob>, place: ReturnType<typeof placeToMend>, { cache, namespace }: ReconcileContext): Stored<Host> | Stored<Repository> | Stored<SourceGroup> | undefined {
  const host = cache.get('Host', { namespace, name: spec.hostRef.name });
  switch (place) {
    case 'Host': return host;
    case 'Repository': return cache.get('Repository', { namespace, name: repositoryNameOf({ spec }, host) ?? '' });
    case 'SourceGroup': return spec.sourceGroupRef && cache.get('SourceGroup', { namespace, name: spec.sourceGroupRef.name });
    case 'job': return undefined;
  }
}
