// Generated from crds/v1alpha1/resticJob.yaml by `npm run generate`. Do not edit.
import type { Condition, ObjectMeta } from '../meta.js';
import type { LabelSelector } from '../selectors.js';

export type { Condition, LabelSelector };

/**
 * One restic operation on one host.
 */
export interface ResticJob {
apiVersion: string
kind: string
metadata: ObjectMeta
spec: ResticJobSpec
status?: ResticJobStatus
}
export interface ResticJobSpec {
hostRef: ResticJobHostRef
repositoryRef?: ResticJobRepositoryRef
type: ("Backup" | "Init" | "Forget" | "Prune" | "Check" | "Unlock" | "Restore" | "Diff")
sourceGroupRef?: ResticJobSourceGroupRef
bandwidth?: ResticJobBandwidth
/**
 * Says what it would do and changes nothing.
 */
dryRun?: boolean
restore?: ResticJobRestore
diff?: ResticJobDiff
check?: ResticJobCheck
forget?: ResticJobForget
/**
 * Set to true to end the job; cannot be taken back.
 */
cancel?: boolean
/**
 * Failed when it could not start within this time.
 */
startingDeadlineSeconds?: number
/**
 * Stopped and Failed when it runs longer; default the group's.
 */
activeDeadlineSeconds?: number
/**
 * The object is deleted this long after its end.
 */
ttlSecondsAfterFinished?: number
/**
 * Agent: a run the agent began by its own cron; reported, never offered.
 */
startedBy?: ("Server" | "Agent")
origin?: ResticJobOrigin
}
/**
 * The host that runs it.
 */
export interface ResticJobHostRef {
name: string
}
/**
 * Default: the host's repository.
 */
export interface ResticJobRepositoryRef {
name: string
}
/**
 * What to back up; for type Backup.
 */
export interface ResticJobSourceGroupRef {
name: string
}
/**
 * Limits of this job in place of the host's; 0 lifts the host's.
 */
export interface ResticJobBandwidth {
uploadKiBps?: number
downloadKiBps?: number
}
export interface ResticJobRestore {
repositoryRef?: ResticJobRestoreRepositoryRef
/**
 * A snapshot's id.
 */
snapshot: string
/**
 * Absolute paths in the snapshot, taken literally; default everything.
 */
paths?: string[]
/**
 * Back to where the files came from.
 */
inPlace?: boolean
/**
 * The host's name once more, for inPlace.
 */
confirmHostName?: string
/**
 * Default $HOME/rm-restore/<job>; only a leading ~, $HOME or ${HOME} is expanded.
 */
targetDirectory?: string
/**
 * What happens to files that are there already.
 */
overwrite?: ("Never" | "IfChanged" | "IfNewer" | "Always")
/**
 * Read the restored files again and compare.
 */
verify?: boolean
}
/**
 * Where the snapshot is; default the host's repository.
 */
export interface ResticJobRestoreRepositoryRef {
name: string
}
export interface ResticJobDiff {
a: string
b: string
}
export interface ResticJobCheck {
/**
 * How much of the data is read; default none.
 */
readDataSubsetPercent?: number
}
export interface ResticJobForget {
/**
 * Exactly these; default what retention does not keep.
 */
snapshotIDs?: string[]
/**
 * Hash of a plan that the guard held and a person approved.
 */
approvedPlan?: string
}
export interface ResticJobOrigin {
type: ("User" | "Schedule" | "CatchUp" | "Maintenance" | "System")
/**
 * The user or the Schedule.
 */
name?: string
dueTime?: string
}
export interface ResticJobStatus {
phase?: ("Queued" | "Offered" | "Running" | "Succeeded" | "Failed" | "Cancelled")
desiredRun?: ResticJobDesiredRun
observed?: ResticJobObserved
startTime?: string
completionTime?: string
duration?: string
attempts?: number
exitCode?: number
reason?: string
message?: string
warnings?: number
summary?: ResticJobSummary
snapshotID?: string
/**
 * What a partial backup could not read; the first 20.
 */
skippedFiles?: string[]
/**
 * Where a restore wrote.
 */
targetDirectory?: string
forgetPlan?: ResticJobForgetPlan
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
/**
 * What the agent should do; written by the reconciler.
 */
export interface ResticJobDesiredRun {
id: string
/**
 * The agent starts it once it has applied this plan generation.
 */
planGeneration?: number
state: ("Run" | "Stop")
}
/**
 * What the agent reported; written by the host's session.
 */
export interface ResticJobObserved {
runID: string
phase: ("Running" | "Succeeded" | "Failed" | "Cancelled")
startTime?: string
completionTime?: string
attempts?: number
exitCode?: number
reason?: string
message?: string
warnings?: number
summary?: ResticJobObservedSummary
snapshotID?: string
repositoryID?: string
/**
 * What a partial backup could not read; the first 20.
 */
skippedFiles?: string[]
targetDirectory?: string
forgetPlan?: ResticJobObservedForgetPlan
}
/**
 * What restic counted.
 */
export interface ResticJobObservedSummary {
filesNew?: number
filesChanged?: number
filesUnmodified?: number
dirsNew?: number
dirsChanged?: number
dirsUnmodified?: number
filesProcessed?: number
bytesProcessed?: number
bytesAdded?: number
/**
 * Added after compression; absent before restic 0.17.
 */
bytesStored?: number
durationSeconds?: number
filesRestored?: number
filesSkipped?: number
bytesRestored?: number
snapshotsRemoved?: number
snapshotsKept?: number
bytesFreed?: number
errorsFound?: number
locksRemoved?: number
locksLeft?: number
filesAdded?: number
filesRemoved?: number
bytesRemoved?: number
}
/**
 * What a forget would remove, when the guard held it.
 */
export interface ResticJobObservedForgetPlan {
hash?: string
/**
 * Snapshots it would remove.
 */
remove?: number
/**
 * Snapshots it looked at.
 */
of?: number
reasons?: ("RemovesTooMuch" | "UnknownSnapshots" | "FutureSnapshots")[]
}
/**
 * What restic counted.
 */
export interface ResticJobSummary {
filesNew?: number
filesChanged?: number
filesUnmodified?: number
dirsNew?: number
dirsChanged?: number
dirsUnmodified?: number
filesProcessed?: number
bytesProcessed?: number
bytesAdded?: number
/**
 * Added after compression; absent before restic 0.17.
 */
bytesStored?: number
durationSeconds?: number
filesRestored?: number
filesSkipped?: number
bytesRestored?: number
snapshotsRemoved?: number
snapshotsKept?: number
bytesFreed?: number
errorsFound?: number
locksRemoved?: number
locksLeft?: number
filesAdded?: number
filesRemoved?: number
bytesRemoved?: number
}
/**
 * What a forget would remove, when the guard held it.
 */
export interface ResticJobForgetPlan {
hash?: string
/**
 * Snapshots it would remove.
 */
remove?: number
/**
 * Snapshots it looked at.
 */
of?: number
reasons?: ("RemovesTooMuch" | "UnknownSnapshots" | "FutureSnapshots")[]
}
