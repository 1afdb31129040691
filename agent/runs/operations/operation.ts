/** What every operation is given and how it ends. */
import type { JobReason } from '#crds/conditions.js';
import type { JobFinished, JobIdentity, JobRun, Plan, PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import type { LogStream } from '#crds/wire/logLines.js';
import type { Clock } from '../../clock.js';
import type { Policy } from '../../policy/policy.js';
import type { Progress } from '../../restic/backup.js';
import type { ResticProbe } from '../../restic/capabilities.js';
import type { DeletionProtection } from '../../restic/deletionProbe.js';
import type { UnlockFacts } from '../../restic/unlock.js';
import type { ChildProcess } from '../child.js';

/** What a job says beside its identity. Holds credentials: kept in memory until the job is over, never written anywhere. */
export type JobArguments = Pick<JobRun, 'dryRun' | 'noLock' | 'bandwidth' | 'repository' | 'adminCredentials' | 'restore' | 'diff' | 'check' | 'forget'>;

export type Outcome = Pick<JobFinished, 'phase' | 'message' | 'exitCode' | 'warnings' | 'summary' | 'snapshotID' | 'repositoryID' | 'skippedFiles' | 'targetDirectory' | 'forgetPlan'> & {
  reason: JobReason;
  /** To do once the result is told and before what this job keeps out may begin. */
  after?: () => Promise<void>;
};

/** Why a run was asked to stop. */
export type StopReason = 'Cancelled' | 'DeadlineExceeded' | 'Interrupted' | 'Stuck';

export interface Operation {
  identity: JobIdentity;
  args: JobArguments;
  plan: Plan | undefined;
  probe: ResticProbe;
  clock: Clock;
  stateDir: string;
  policy: Policy;
  openLimitMs?: number;
  /** What limits the run, for the words of its end. */
  activeDeadlineSeconds?: number;
  signal: AbortSignal;
  stopReason(): StopReason;
  unlockFacts(): UnlockFacts;
  /** May the everyday credential delete there, as far as this agent knows? */
  deletionProtection(repositoryID: string): DeletionProtection;
  /** A job showed it. */
  learnedDeletion(repositoryID: string, protection: DeletionProtection): void;
  /** The post hook of this group is owed from now on, or (undefined) no more. Resolves when durable. */
  owePost(group: string | undefined): Promise<void>;
  /** Runs work that has a time limit of its own. */
  unwatched<T>(work: () => Promise<T>): Promise<T>;
  onChild(child: ChildProcess): void;
  onLine(stream: LogStream, line: string): void;
  onProgress(progress: Progress): void;
}

/** Where an operation works: checked, everything it needs is there. */
export interface Setting {
  /** Undefined: this agent has none, and the job brings its repository. */
  plan: Plan | undefined;
  repository: PlanRepository;
}
