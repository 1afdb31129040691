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
type: ("Backup" | "Init")
sourceGroupRef?: ResticJobSourceGroupRef
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
}
