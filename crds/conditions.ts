/**
 * The closed unions of condition types and reasons. A reason enters here with the code that sets it; readers (UI, alerts,
 * tests) switch over them exhaustively. `Reconciling` and `Stalled` are abnormal-true and removed when false.
 */
export type ConditionType =
  | 'Ready' | 'Reconciling' | 'Stalled'
  | 'Online' | 'RepositoryReady' | 'Synced'   // Host
  | 'Available'                               // Repository
  | 'Succeeded' | 'Complete';                 // ResticJob

/** Why an object is not Ready or is Stalled. */
export type ReadyReason =
  | 'Reconciled' | 'Progressing'
  | 'RepositoryNotFound' | 'GroupNotFound' | 'HostNotFound' | 'SecretNotFound' | 'SecretNotLabelled' | 'SecretIncomplete' | 'SecretVariableRefused'
  | 'InvalidCron' | 'InvalidTimeZone' | 'NoHostMatches' | 'RunnerRequired' | 'PlanTooLarge' | 'SnapshotHostTaken' | 'FingerprintTaken'
  | 'InternalError';

export type OnlineReason = 'Connected' | 'NeverConnected' | 'Disconnected' | 'Asleep' | 'Suspended';
export type SyncedReason = 'PlanApplied' | 'PlanPending' | 'NoPlan' | 'Offline';
export type RepositoryReason =
  | 'Opened' | 'NeverOpened' | 'Initializing' | 'InitFailed' | 'Replaced' | 'CredentialsChanged' | 'HostNotFound' | 'NoHost' | 'RepositoryNotFound' | RunFailureReason;

/** How a run ended when it did not simply succeed, as the agent found it (30-agent, exit codes). */
export type RunFailureReason =
  | 'NoRepository' | 'RepositoryReplaced' | 'RepositoryUnreachable' | 'RepositoryLocked' | 'RepositoryFull' | 'WrongPassword'
  | 'ResticMissing' | 'ResticFailed' | 'ResticKilled' | 'NoCredentials' | 'SourceMissing' | 'NothingRead' | 'DiskFull'
  | 'DeadlineExceeded' | 'Interrupted' | 'AgentRestarted' | 'Lost' | 'UnknownGroup' | 'Unsupported' | 'InternalError';

export type JobReason =
  | RunFailureReason
  | 'Completed' | 'Partial' | 'Opened' | 'Initialized'
  | 'Cancelled' | 'CancelledBeforeStart' | 'StartingDeadlineExceeded' | 'HostUnreachable' | 'HostNotFound' | 'GroupNotFound' | 'RepositoryNotFound' | 'SecretNotFound' | 'AlreadyRan'
  | 'WaitingForHost' | 'WaitingForPlan' | 'WaitingForRepository' | 'WaitingForTurn' | 'WaitingForAgent' | 'Suspended' | 'Running';

export type ConditionReason = ReadyReason | OnlineReason | SyncedReason | RepositoryReason | JobReason;
