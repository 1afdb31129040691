/** A job in words: its state, its result, how long it took, what can be done after a failure. */
import type { ResticJob, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { isFalse } from './conditions.js';
import { duration, plural, time, words } from './format.js';
import type { Tone } from './tone.js';

type Job = Stored<ResticJob>;

export function isFinished(job: ResticJob): boolean {
  const phase = job.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}

/** Asked to end, and not ended yet. */
export function isCancelling(job: ResticJob): boolean {
  return job.spec.cancel === true && !isFinished(job);
}

/** Succeeded, but files were skipped. */
export function isPartial(job: ResticJob): boolean {
  return job.status?.phase === 'Succeeded' && (job.status.reason === 'Partial' || isFalse(job, 'Complete'));
}

export function newestFirst(a: Job, b: Job): number {
  return b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) || (time(b.status?.startTime) ?? 0) - (time(a.status?.startTime) ?? 0) || b.metadata.name.localeCompare(a.metadata.name);
}

export interface JobState { tone: Tone; label: string; detail: string }

/** The chip of a job and the sentence beside it. */
export function jobState(job: ResticJob): JobState {
  const { phase, reason, message } = job.status ?? {};
  const detail = message ?? (reason ? words(reason) : '');
  if (isCancelling(job)) return { tone: 'warn', label: 'Cancelling', detail };
  switch (phase) {
    case 'Running': return { tone: 'run', label: 'Running', detail };
    case 'Succeeded': return isPartial(job) ? { tone: 'warn', label: job.status?.warnings ? `${plural(job.status.warnings, 'file')} skipped` : 'Partial', detail } : { tone: 'ok', label: 'Succeeded', detail };
    case 'Failed': return { tone: 'bad', label: 'Failed', detail };
    case 'Cancelled': return { tone: 'idle', label: 'Cancelled', detail };
    case 'Offered': return { tone: 'info', label: 'Starting', detail };
    case 'Queued': case undefined: return { tone: 'info', label: 'Queued', detail };
  }
}

/** "Backup of www", "Repository set-up", "Restore of 1a2b3c4d". */
export function jobTitle(job: ResticJob, groups?: ReadonlyMap<string, SourceGroup>): string {
  const { type, origin, sourceGroupRef, restore, diff, dryRun } = job.spec;
  const title = ((): string => {
    switch (type) {
      case 'Backup': return sourceGroupRef ? `Backup of ${groupName(groups?.get(sourceGroupRef.name)) ?? sourceGroupRef.name}` : 'Backup';
      case 'Init': return origin?.type === 'User' ? 'Opening of the repository' : 'Repository set-up';
      case 'Forget': return 'Forget of old snapshots';
      case 'Prune': return 'Prune of the repository';
      case 'Check': return 'Check of the repository';
      case 'Unlock': return 'Removal of stale locks';
      case 'Restore': return `Restore of ${restore?.snapshot.slice(0, 8) ?? 'a snapshot'}`;
      case 'Diff': return `Difference of ${diff?.a.slice(0, 8) ?? ''} and ${diff?.b.slice(0, 8) ?? ''}`;
    }
  })();
  return dryRun ? `${title} (dry run)` : title;
}

/** What a host is doing while a job of this type runs. */
export function jobDoing(job: ResticJob): string {
  switch (job.spec.type) {
    case 'Backup': return 'Backing up';
    case 'Init': return 'Setting up repository';
    case 'Forget': return 'Forgetting snapshots';
    case 'Prune': return 'Pruning';
    case 'Check': return 'Checking repository';
    case 'Unlock': return 'Removing locks';
    case 'Restore': return 'Restoring';
    case 'Diff': return 'Comparing snapshots';
  }
}

/** What a group saves: its paths, or the command whose output it keeps. */
export function sourcesOf({ spec }: SourceGroup): string[] {
  return spec.includes ?? (spec.stdin ? [`output of ${spec.stdin.command.join(' ')}`] : []);
}

/** Which snapshots of a group forget keeps: "last 3, 7 daily", or '' for all. */
export function keepsWords({ spec: { retention = {} } }: SourceGroup): string {
  const parts = Object.entries(retention).flatMap(([name, value]) => {
    if (value === 0 || (name !== 'keepLast' && !/^keep(Hourly|Daily|Weekly|Monthly|Yearly|Within)/.test(name))) return [];
    const period = name.replace('keep', '').replace(/(?<=.)([A-Z])/g, ' $1').toLowerCase();
    return typeof value === 'number' && name !== 'keepLast' ? [`${value} ${period}`] : [`${period} ${String(value)}`];
  });
  return parts.join(', ');
}

/** The name people gave: restic's tag. */
export function groupName(group: SourceGroup | undefined): string | undefined {
  return group && (group.spec.tag ?? group.status?.tag ?? group.metadata.name);
}

/** Who or what began it. */
export function jobOrigin(job: ResticJob): string {
  const origin = job.spec.origin;
  switch (origin?.type) {
    case 'User': return origin.name ? `started by ${origin.name}` : 'started by hand';
    case 'Schedule': return origin.name ? `schedule ${origin.name}` : 'schedule';
    case 'CatchUp': return `catch-up${origin.name ? ` of schedule ${origin.name}` : ''}`;
    case 'Maintenance': return 'maintenance';
    case 'System': return 'restic-manager itself';
    case undefined: return 'manifest';
  }
}

/** Run time in words: final for a finished job, so far for a running one. */
export function jobTook(job: ResticJob, now: number): string {
  const start = time(job.status?.startTime);
  if (start === undefined) return '–';
  return duration(Math.max(0, ((time(job.status?.completionTime) ?? now) - start) / 1000));
}

const nextSteps: Record<string, string> = {
  WrongPassword: 'Set key "password" of the repository\'s credentials Secret to the password the repository was made with.',
  NoCredentials: 'The repository\'s credentials Secret holds no password yet. Set key "password".',
  RepositoryUnreachable: 'Check the repository URL and the network from this host; the agent reaches the repository itself, the server does not.',
  RepositoryLocked: 'Another restic process holds the repository. The next run tries again; a stale lock is removed only when its process is surely gone.',
  RepositoryReplaced: 'The repository behind this URL is not the one that was used before. Nothing was written. Restore the old one, or create a new Repository object on purpose.',
  NoRepository: 'A repository that was known is gone. It is never created again by itself: restore it, or create a new Repository object on purpose.',
  RepositoryFull: 'The back end refused data for lack of space.',
  ResticMissing: 'Install restic on the host (for example: apt install restic) or point RM_RESTIC at it; the agent notices by itself.',
  SourceMissing: 'None of the group\'s paths exists on this host. Correct the paths of the source group.',
  NothingRead: 'No file could be read. Check the permissions of the agent\'s user on these paths.',
  DiskFull: 'The host has no space for restic\'s cache or temporary files.',
  DeadlineExceeded: 'The run took longer than activeDeadlineSeconds allows.',
  StartingDeadlineExceeded: 'The run could not start in time. See whether the host was online.',
  HostUnreachable: 'The host was not connected for a week. Check the agent on it.',
  AgentRestarted: 'The agent was stopped during the run. Run it again.',
  Interrupted: 'The agent was told to stop during the run. Run it again.',
  Stuck: 'restic made no progress for an hour and was ended. Look at the storage and the network, then run it again.',
  MountMissing: 'Mount the file system on the host, or take it off the group\'s requireMount.',
  HookFailed: 'The script before the backup failed, so nothing was saved. Its output is in the log.',
  HookUnreadable: 'The script before the backup cannot be read, so nothing was saved. Correct the Secret that the hook names.',
  StdinCommandFailed: 'The command whose output was to be saved failed. Its output is in the log.',
  ResticTooOld: 'Install a newer restic on the host; the message says which version is needed.',
  PolicyRefused: 'The owner of the host does not allow this in agent.yaml.',
  AppendOnly: 'The storage refuses deletion to this account. Give the repository an admin credential (adminCredentialsSecretRef).',
  ForgetIncomplete: 'Some snapshots are still there. The log names them; the next forget tries again.',
  ApprovalRequired: 'The retention guard holds this forget. Look at what would go, then approve it on the host\'s page.',
  AdminCredentialsRequired: 'Deletion needs an account that may delete: set adminCredentialsSecretRef of the Repository, or runner.adminCredentials: OnRunner.',
  NotRunner: 'This runs on the repository\'s runner only. Start it on that host.',
  CheckFoundErrors: 'The repository is damaged. Keep it as it is, look at the log, and see restic\'s "Troubleshooting"; newer snapshots may depend on what is broken.',
  RepositoryDamaged: 'The repository is damaged. Keep it as it is and see restic\'s "Troubleshooting".',
  SnapshotNotFound: 'The snapshot is not in the repository any more. Choose another one.',
  PathNotFound: 'A chosen path is not in the snapshot. Browse the snapshot and choose it again.',
  PathNotText: 'The name of a chosen path is not text. Restore the directory that it is in.',
  TargetRefused: 'Restoring there is not safe. Restore into a directory of its own and copy from it.',
  RestoreIncomplete: 'Some files were not restored. The log names them.',
  UnknownGroup: 'The source group is not for this host any more.',
};

/** What a person can do about a failure, or ''. */
export function nextStep(reason: string | undefined): string {
  return reason ? nextSteps[reason] ?? '' : '';
}
