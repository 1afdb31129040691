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

/** "Backup of www", "Repository set-up". */
export function jobTitle(job: ResticJob, groups?: ReadonlyMap<string, SourceGroup>): string {
  if (job.spec.type === 'Init') return 'Repository set-up';
  const name = job.spec.sourceGroupRef?.name;
  return name ? `Backup of ${groupName(groups?.get(name)) ?? name}` : 'Backup';
}

/** The name people gave: restic's tag. */
/** What a group saves: its paths, or the command whose output it keeps. */
export function sourcesOf({ spec }: SourceGroup): string[] {
  return spec.includes ?? (spec.stdin ? [`output of ${spec.stdin.command.join(' ')}`] : []);
}

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
};

/** What a person can do about a failure, or ''. */
export function nextStep(reason: string | undefined): string {
  return reason ? nextSteps[reason] ?? '' : '';
}
