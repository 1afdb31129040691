/**
 * The closed unions of condition types and reasons. A reason enters here with the code that sets it; readers (UI, alerts,
 * tests) switch over them exhaustively. `Reconciling` and `Stalled` are abnormal-true and removed when false.
 */
export type ConditionType =
  | 'Ready' | 'Reconciling' | 'Stalled'
  | 'Online' | 'RepositoryReady' | 'Synced' | 'RetentionAmbiguous'   // Host; Synced also of a Schedule
  | 'RetentionAligned'                                             // SourceGroup
  | 'Available' | 'MaintenanceCurrent' | 'ApprovalRequired'          // Repository
  | 'Succeeded' | 'Complete';                                        // ResticJob

/** Why an object is not Ready or is Stalled. */
export type ReadyReason =
  | 'Reconciled' | 'Progressing'
  | 'RepositoryNotFound' | 'GroupNotFound' | 'HostNotFound' | 'SecretNotFound' | 'SecretNotLabelled' | 'SecretIncomplete' | 'SecretVariableRefused'
  | 'InvalidCron' | 'InvalidTimeZone' | 'InvalidBlackout' | 'NoHostMatches' | 'RunnerRequired' | 'PlanTooLarge' | 'SnapshotHostTaken' | 'FingerprintTaken' | 'StorageTaken'
  | 'AdminSecretNotFound' | 'AdminSecretNotLabelled' | 'AdminSecretIncomplete' | 'AdminSecretVariableRefused' | 'HookSecretNotFound' | 'HookSecretNotLabelled'
  | 'InternalError';

export type OnlineReason = 'Connected' | 'NeverConnected' | 'Disconnected' | 'Asleep' | 'Suspended';
export type SyncedReason = 'PlanApplied' | 'PlanPending' | 'NoPlan' | 'Offline' | 'ScheduleStalled';
export type RepositoryReason =
  | 'Opened' | 'NeverOpened' | 'Initializing' | 'InitFailed' | 'Replaced' | 'CredentialsChanged' | 'HostNotFound' | 'NoHost' | 'RepositoryNotFound' | RunFailureReason;

export type MaintenanceReason = 'Current' | 'Overdue' | 'ForgetFailed' | 'PruneFailed' | 'CheckFailed' | 'RunnerAway' | 'NoRunner' | 'NotOpened' | 'AdminCredentialsRequired' | 'Suspended';
export type ApprovalReason = 'RemovesTooMuch' | 'UnknownSnapshots' | 'FutureSnapshots';
export type RetentionReason = 'Aligned' | 'CadenceMismatch' | 'NoRetention' | 'TagShared';

/** How a run ended when it did not simply succeed, as the agent found it (30-agent, exit codes). */
export type RunFailureReason =
  | 'NoRepository' | 'RepositoryReplaced' | 'RepositoryUnreachable' | 'RepositoryLocked' | 'RepositoryFull' | 'WrongPassword'
  | 'ResticMissing' | 'ResticFailed' | 'ResticKilled' | 'NoCredentials' | 'SourceMissing' | 'NothingRead' | 'DiskFull'
  | 'DeadlineExceeded' | 'Stuck' | 'Interrupted' | 'AgentRestarted' | 'Lost' | 'UnknownGroup' | 'Unsupported' | 'InternalError'
  | 'MountMissing' | 'HookFailed' | 'HookUnreadable' | 'StdinCommandFailed' | 'ResticTooOld' | 'PolicyRefused'
  | 'AppendOnly' | 'ForgetIncomplete' | 'ApprovalRequired' | 'AdminCredentialsRequired' | 'NotRunner' | 'CheckFoundErrors' | 'RepositoryDamaged'
  | 'SnapshotNotFound' | 'PathNotFound' | 'PathNotText' | 'TargetRefused' | 'RestoreIncomplete';

export type JobReason =
  | RunFailureReason
  | 'Completed' | 'Partial' | 'Unchanged' | 'NothingRemoved' | 'Opened' | 'Initialized'
  | 'Cancelled' | 'CancelledBeforeStart' | 'StartingDeadlineExceeded' | 'HostUnreachable' | 'HostNotFound' | 'GroupNotFound' | 'RepositoryNotFound' | 'SecretNotFound' | 'AlreadyRan'
  | 'WaitingForHost' | 'WaitingForPlan' | 'WaitingForRepository' | 'WaitingForTurn' | 'WaitingForAgent' | 'Suspended' | 'Running';

export type ConditionReason = ReadyReason | OnlineReason | SyncedReason | RepositoryReason | MaintenanceReason | ApprovalReason | RetentionReason | JobReason;
