// Generated from crds/v1alpha1/repository.yaml by `npm run generate`. Do not edit.
import type { Condition, ObjectMeta } from '../meta.js';
import type { LabelSelector } from '../selectors.js';

export type { Condition, LabelSelector };

/**
 * One restic repository, used by one host or shared by several.
 */
export interface Repository {
apiVersion: string
kind: string
metadata: ObjectMeta
spec: RepositorySpec
status?: RepositoryStatus
}
export interface RepositorySpec {
displayName?: string
/**
 * As restic's --repo, without user name and password.
 */
url: string
credentialsSecretRef: RepositoryCredentialsSecretRef
adminCredentialsSecretRef?: RepositoryAdminCredentialsSecretRef
/**
 * restic's extended options (-o); none that names a program.
 */
options?: {
[k: string]: string
}
/**
 * For a repository that is yet to be created; default restic's.
 */
formatVersion?: number
/**
 * restic's --compression; default auto.
 */
compression?: ("auto" | "off" | "max")
/**
 * restic's --pack-size.
 */
packSizeMiB?: number
/**
 * No job is offered and no schedule of its hosts fires while true.
 */
suspend?: boolean
maintenance?: RepositoryMaintenance
retentionGuard?: RepositoryRetentionGuard
runner?: RepositoryRunner
}
/**
 * Secret with key password, optionally username and the back end's variables; labelled restic-manager.io/use: repository.
 */
export interface RepositoryCredentialsSecretRef {
name: string
}
/**
 * Secret with the same keys for an account that may delete; labelled restic-manager.io/use: repository-admin. Only the runner gets it, for the one job.
 */
export interface RepositoryAdminCredentialsSecretRef {
name: string
}
/**
 * When the runner looks after the repository.
 */
export interface RepositoryMaintenance {
forget?: RepositoryMaintenanceForget
prune?: RepositoryMaintenancePrune
check?: RepositoryMaintenanceCheck
}
export interface RepositoryMaintenanceForget {
/**
 * Five cron fields or a macro. Default: forget daily about 03:00, prune Sundays about 04:00, check on the 1st about 05:00.
 */
schedule?: string
/**
 * IANA name; default the runner's own.
 */
timeZone?: string
suspend?: boolean
}
export interface RepositoryMaintenancePrune {
/**
 * Five cron fields or a macro. Default: forget daily about 03:00, prune Sundays about 04:00, check on the 1st about 05:00.
 */
schedule?: string
/**
 * IANA name; default the runner's own.
 */
timeZone?: string
suspend?: boolean
}
export interface RepositoryMaintenanceCheck {
schedule?: string
/**
 * IANA name; default the runner's own.
 */
timeZone?: string
suspend?: boolean
/**
 * How much of the data a check reads; default 5.
 */
readDataSubsetPercent?: number
}
/**
 * A forget beyond these bounds waits for approval.
 */
export interface RepositoryRetentionGuard {
maxRemovalPercent?: number
/**
 * Snapshots younger than this are never forgotten by retention; 0d: none are too young.
 */
keepWithinFloor?: string
}
/**
 * The host that initialises and looks after this repository; default its only host, required once two share it.
 */
export interface RepositoryRunner {
/**
 * OnRunner: the credential that may delete lives in a root-only file on that host and never on the server.
 */
adminCredentials?: ("FromServer" | "OnRunner")
hostRef: RepositoryRunnerHostRef
}
/**
 * A Host.
 */
export interface RepositoryRunnerHostRef {
name: string
}
export interface RepositoryStatus {
phase?: ("Unknown" | "Initializing" | "Ready" | "InitFailed" | "Replaced" | "Suspended")
/**
 * restic's repository id; pinned once known.
 */
id?: string
/**
 * When somebody last found no repository, or another one, where the pinned one should be; absent once the pinned one was seen later.
 */
replacedTime?: string
formatVersion?: number
/**
 * Number of hosts that use it.
 */
hosts?: number
/**
 * More than one host holds its credential.
 */
sharedTrust?: boolean
sizeBytes?: number
uncompressedSizeBytes?: number
snapshotCount?: number
/**
 * Whether the storage refuses deletion to the everyday credential, as far as a probe or a job showed.
 */
deletionProtection?: ("Enforced" | "NotEnforced" | "Unknown")
lastForget?: RepositoryLastForget
lastPrune?: RepositoryLastPrune
lastCheck?: RepositoryLastCheck
/**
 * What comes next and when.
 */
nextMaintenance?: string
maintenance?: RepositoryMaintenance1
/**
 * HMAC of url and credentials of the last successful or attempted open.
 */
credentialsHash?: string
locks?: RepositoryLocksItem[]
observed?: RepositoryObserved
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
/**
 * The newest one that ran to its end.
 */
export interface RepositoryLastForget {
time?: string
result?: ("Succeeded" | "Failed" | "Cancelled")
reason?: string
message?: string
jobName?: string
}
/**
 * The newest one that ran to its end.
 */
export interface RepositoryLastPrune {
time?: string
result?: ("Succeeded" | "Failed" | "Cancelled")
reason?: string
message?: string
jobName?: string
}
/**
 * The newest one that ran to its end.
 */
export interface RepositoryLastCheck {
time?: string
result?: ("Succeeded" | "Failed" | "Cancelled")
reason?: string
message?: string
jobName?: string
}
/**
 * The due moment up to which each task was acted upon.
 */
export interface RepositoryMaintenance1 {
forget?: RepositoryMaintenanceForget1
prune?: RepositoryMaintenancePrune1
check?: RepositoryMaintenanceCheck1
}
export interface RepositoryMaintenanceForget1 {
lastDueTime?: string
/**
 * The cron and time zone in force, or suspended: nothing is due for the time before a change of it.
 */
schedule?: string
}
export interface RepositoryMaintenancePrune1 {
lastDueTime?: string
/**
 * The cron and time zone in force, or suspended: nothing is due for the time before a change of it.
 */
schedule?: string
}
export interface RepositoryMaintenanceCheck1 {
lastDueTime?: string
/**
 * The cron and time zone in force, or suspended: nothing is due for the time before a change of it.
 */
schedule?: string
}
export interface RepositoryLocksItem {
hostname?: string
pid?: number
time?: string
exclusive?: boolean
}
/**
 * Written by the session of the runner.
 */
export interface RepositoryObserved {
repositoryID?: string
formatVersion?: number
sizeBytes?: number
uncompressedSizeBytes?: number
snapshotCount?: number
locks?: RepositoryObservedLocksItem[]
deletionProtection?: ("Enforced" | "NotEnforced" | "Unknown")
time?: string
}
export interface RepositoryObservedLocksItem {
hostname?: string
pid?: number
time?: string
exclusive?: boolean
}
