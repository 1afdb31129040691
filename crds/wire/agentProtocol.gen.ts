// Generated from crds/wire/agentProtocol.schema.yaml by `npm run generate`. Do not edit.
export interface AgentProtocol {

}
export interface Envelope {
type: string
/**
 * Pairs rpc.request with rpc.result.
 */
id?: string
/**
 * Position in the agent's spool; acknowledged by ack.
 */
seq?: number
payload?: unknown
}
/**
 * First frame of every connection. Frozen.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "Hello".
 */
export interface Hello {
protocolVersion: number
agentVersion: string
os: string
arch: string
hostname: string
/**
 * IANA name.
 */
timeZone: string
/**
 * The agent's time, RFC 3339.
 */
clock: string
/**
 * Absent: no restic on this host.
 */
resticVersion?: string
/**
 * @maxItems 64
 */
capabilities: string[]
appliedRevision?: string
appliedGeneration?: number
/**
 * Run ids: journalled and not finished.
 * 
 * @maxItems 256
 */
runningJobs: string[]
/**
 * Unacknowledged range; last 0 = nothing was ever spooled, first > last = all acknowledged.
 */
spool: {
first: number
last: number
/**
 * Random id made with the spool: sequences of another spool are not comparable.
 */
id?: string
}
/**
 * Of the server, as last seen in welcome.
 */
storeEpoch?: string
/**
 * SHA-256 hex of the machine id.
 */
machineId?: string
/**
 * Raw Ed25519 key, base64.
 */
publicKey: string
/**
 * Ed25519 over 'restic-manager/hello/1\n' + canonical JSON of the payload without signature; base64.
 */
signature: string
}
export interface Heartbeat {
clock?: string
}
export interface PlanApplied {
revision: string
generation: number
/**
 * Schedules this agent cannot run, with the reason; the rest of the plan is in force.
 * 
 * @maxItems 1024
 */
stalled?: {
schedule: string
message: string
}[]
}
/**
 * What a run is, complete enough to make its ResticJob from it.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "JobIdentity".
 */
export interface JobIdentity {
/**
 * Name of the ResticJob.
 */
job: string
/**
 * uid of the ResticJob; for a run the agent began itself, its job name.
 */
runID: string
type: ("Backup" | "Init" | "Forget" | "Prune" | "Check" | "Unlock" | "Restore" | "Diff")
startedBy: ("Server" | "Agent")
sourceGroup?: string
schedule?: string
origin?: ("User" | "Schedule" | "CatchUp" | "Maintenance" | "System")
dueTime?: string
}
export interface JobStarted {
identity: JobIdentity
startTime: string
attempts?: number
}
/**
 * Not spooled; the first at once, then at most one a second.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "JobProgress".
 */
export interface JobProgress {
job: string
runID: string
percentDone?: number
totalFiles?: number
filesDone?: number
totalBytes?: number
bytesDone?: number
errorCount?: number
secondsElapsed?: number
secondsRemaining?: number
/**
 * @maxItems 16
 */
currentFiles?: string[]
}
export interface JobLog {
job: string
runID: string
firstSeq: number
/**
 * Lines from firstSeq on, without a gap: `<time> <stream> <payload>` (logLines.ts).
 * 
 * @maxItems 2000
 */
lines: string[]
}
export interface Summary {
filesNew?: number
filesChanged?: number
filesUnmodified?: number
dirsNew?: number
dirsChanged?: number
dirsUnmodified?: number
filesProcessed?: number
bytesProcessed?: number
bytesAdded?: number
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
export interface JobFinished {
identity: JobIdentity
phase: ("Succeeded" | "Failed" | "Cancelled")
reason: string
message: string
startTime?: string
completionTime: string
attempts?: number
exitCode?: number
warnings?: number
summary?: Summary
snapshotID?: string
repositoryID?: string
/**
 * @maxItems 20
 */
skippedFiles?: string[]
targetDirectory?: string
/**
 * What a forget would remove, when the guard held it.
 */
forgetPlan?: {
hash?: string
remove?: number
of?: number
/**
 * @maxItems 8
 */
reasons?: ("RemovesTooMuch" | "UnknownSnapshots" | "FutureSnapshots")[]
}
}
export interface Snapshot {
id: string
time: string
hostname: string
/**
 * @maxItems 64
 */
tags?: string[]
/**
 * @maxItems 256
 */
paths?: string[]
filesProcessed?: number
bytesProcessed?: number
}
/**
 * The snapshots of one restic host in one repository; pages of at most 1,000, `more` on all but the last. With `base` it is a change to the list whose digest that is, without one the whole list. A base that is not what the server holds is ignored, and the server asks for everything (rpc snapshots.refresh).
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "SnapshotsReport".
 */
export interface SnapshotsReport {
/**
 * Name of the Repository.
 */
repository: string
repositoryID: string
/**
 * restic's host. An agent reports its own; the runner may report any.
 */
hostname: string
base?: string
/**
 * SHA-256 hex of the sorted ids joined by line feeds, after this report.
 */
digest: string
/**
 * New or changed ones; all of them without base.
 * 
 * @maxItems 1000
 */
snapshots: Snapshot[]
/**
 * @maxItems 1000
 */
removed?: string[]
more: boolean
time: string
}
/**
 * What the runner saw of its repository. Absent members are unknown, never 0.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "RepoStats".
 */
export interface RepoStats {
repository: string
time: string
repositoryID?: string
formatVersion?: number
sizeBytes?: number
uncompressedSizeBytes?: number
snapshotCount?: number
deletionProtection?: ("Enforced" | "NotEnforced" | "Unknown")
/**
 * @maxItems 10
 */
locks?: {
hostname?: string
pid?: number
time?: string
exclusive?: boolean
}[]
}
/**
 * Log lines given up because the spool was full: counted in the job's log, acknowledged past.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "SpoolDropped".
 */
export interface SpoolDropped {
job: string
runID: string
/**
 * First line number lost.
 */
from: number
to: number
lines: number
}
export interface RpcResult {
result?: unknown
error?: {
code: string
message: string
}
}
export interface Error {
code: string
message: string
/**
 * Type of the frame it is about.
 */
frame?: string
}
/**
 * Frozen.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "Welcome".
 */
export interface Welcome {
protocolVersion: number
serverVersion: string
hostID: string
hostName: string
storeEpoch: string
serverTime: string
/**
 * Raw Ed25519 key, base64; the first seen is pinned and must sign revoked.
 */
serverPublicKey: string
heartbeatSeconds: number
/**
 * SPKI SHA-256 pins to accept from now on.
 * 
 * @maxItems 8
 */
nextPins?: string[]
}
/**
 * Sent instead of welcome, then the socket is closed. Frozen.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "Refused".
 */
export interface Refused {
reason: ("protocol_too_old" | "protocol_too_new" | "unauthorised" | "duplicate_agent")
message: string
minProtocol?: number
maxProtocol?: number
}
export interface PlanRepository {
name: string
url: string
/**
 * Pinned id. Absent: not initialised yet; no backup may run.
 */
id?: string
/**
 * User of a rest-server url; its password is RESTIC_REST_PASSWORD of env, else the repository's.
 */
username?: string
password: string
env?: {
[k: string]: string
}
/**
 * This host looks after the repository.
 */
runner?: boolean
/**
 * Contents of ssh-key, known_hosts, gcs.json, ca.pem: written 0600 for the run.
 */
files?: {
[k: string]: string
}
/**
 * restic's -o.
 */
options?: {
[k: string]: string
}
/**
 * For a repository that is yet to be created.
 */
formatVersion?: number
compression?: ("auto" | "off" | "max")
packSizeMiB?: number
/**
 * On the runner: where the credential that may delete comes from. Absent: None.
 */
adminCredentials?: ("None" | "FromServer" | "OnRunner")
}
/**
 * An account that may delete: kept in memory for the one job.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "AdminCredentials".
 */
export interface AdminCredentials {
username?: string
password: string
env?: {
[k: string]: string
}
files?: {
[k: string]: string
}
}
export interface PlanHook {
body?: string
/**
 * Why the script could not be read: a backup that needs it fails with this.
 */
problem?: string
}
export interface PlanHooks {
pre?: PlanHook
post?: PlanHook
timeoutSeconds: number
}
export interface Retention {
keepLast?: number
keepHourly?: number
keepDaily?: number
keepWeekly?: number
keepMonthly?: number
keepYearly?: number
keepWithin?: string
/**
 * @maxItems 32
 */
keepTags?: string[]
}
export interface PlanGroup {
uid: string
name: string
tag: string
/**
 * @maxItems 256
 */
includes: string[]
/**
 * @maxItems 256
 */
excludes?: string[]
excludeCaches?: boolean
/**
 * @maxItems 64
 */
excludeIfPresent?: string[]
excludeLargerThan?: string
oneFileSystem?: boolean
activeDeadlineSeconds?: number
/**
 * No scheduled backup; Run now works.
 */
suspend?: boolean
/**
 * @maxItems 32
 */
requireMount?: string[]
skipIfUnchanged?: boolean
useFsSnapshot?: boolean
/**
 * In place of includes, which are empty then.
 */
stdin?: {
/**
 * @minItems 1
 * @maxItems 64
 */
command: [string, ...(string)[]]
filename: string
}
retry?: {
maxAttempts: number
backoffSeconds: number
}
hooks?: PlanHooks
}
export interface PlanSchedule {
uid: string
name: string
schedule: string
/**
 * Absent: the host's own.
 */
timeZone?: string
/**
 * uids of groups.
 * 
 * @maxItems 64
 */
groups: string[]
/**
 * Of this host, already computed.
 */
jitterSeconds: number
catchUp: {
enabled: boolean
settleSeconds: number
}
startingDeadlineSeconds?: number
/**
 * @maxItems 16
 */
blackout?: {
from: string
to: string
timeZone?: string
}[]
/**
 * Creation or last change of the schedule: nothing before it is due.
 */
effectiveSince: string
}
/**
 * Everything one agent needs to work alone. Suspended schedules are not in it.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "Plan".
 */
export interface Plan {
hostName: string
hostUID: string
snapshotHost: string
presence: ("AlwaysOn" | "Intermittent")
suspend?: boolean
repository?: PlanRepository
bandwidth?: {
uploadKiBps?: number
downloadKiBps?: number
}
resources?: {
nice?: number
ioNice?: ("BestEffort" | "Idle")
}
/**
 * Absent: 1.
 */
maxConcurrentJobs?: number
/**
 * @maxItems 256
 */
groups: PlanGroup[]
/**
 * @maxItems 1024
 */
schedules: PlanSchedule[]
}
export interface PlanSet {
revision: string
generation: number
plan: Plan
}
export interface JobRun {
identity: JobIdentity
/**
 * Start once this generation is applied; 0: the job brings all it needs, and no plan is waited for.
 */
planGeneration: number
activeDeadlineSeconds?: number
dryRun?: boolean
/**
 * For reading jobs: a check of this system holds the repository, which does not disturb them.
 */
noLock?: boolean
/**
 * In place of the host's; 0 lifts it.
 */
bandwidth?: {
uploadKiBps?: number
downloadKiBps?: number
}
repository?: PlanRepository1
adminCredentials?: AdminCredentials
restore?: RestoreArgs
diff?: {
a: string
b: string
}
check?: {
readDataSubsetPercent?: number
}
forget?: ForgetArgs
}
/**
 * For a job on another repository than the plan's: kept in memory for this job.
 */
export interface PlanRepository1 {
name: string
url: string
/**
 * Pinned id. Absent: not initialised yet; no backup may run.
 */
id?: string
/**
 * User of a rest-server url; its password is RESTIC_REST_PASSWORD of env, else the repository's.
 */
username?: string
password: string
env?: {
[k: string]: string
}
/**
 * This host looks after the repository.
 */
runner?: boolean
/**
 * Contents of ssh-key, known_hosts, gcs.json, ca.pem: written 0600 for the run.
 */
files?: {
[k: string]: string
}
/**
 * restic's -o.
 */
options?: {
[k: string]: string
}
/**
 * For a repository that is yet to be created.
 */
formatVersion?: number
compression?: ("auto" | "off" | "max")
packSizeMiB?: number
/**
 * On the runner: where the credential that may delete comes from. Absent: None.
 */
adminCredentials?: ("None" | "FromServer" | "OnRunner")
}
export interface RestoreArgs {
snapshot: string
/**
 * Absent: everything.
 * 
 * @maxItems 256
 */
paths?: string[]
inPlace?: boolean
targetDirectory?: string
overwrite: ("Never" | "IfChanged" | "IfNewer" | "Always")
verify?: boolean
}
/**
 * snapshotIDs: exactly these. Otherwise what the policies do not keep, each over the snapshots of one host and tag.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "ForgetArgs".
 */
export interface ForgetArgs {
/**
 * @maxItems 1000
 */
snapshotIDs?: string[]
/**
 * @maxItems 4096
 */
policies?: {
host: string
tag: string
retention: Retention
}[]
guard?: {
maxRemovalPercent: number
keepWithinFloor: string
}
/**
 * First 16 digits of the ids that backups of this system reported.
 * 
 * @maxItems 40000
 */
known?: string[]
approvedPlan?: string
}
export interface JobStop {
job: string
runID: string
/**
 * How the run is to be reported.
 */
reason?: ("Cancelled" | "DeadlineExceeded")
}
export interface Ack {
/**
 * Highest contiguous seq that is durable on the server.
 */
seq: number
}
/**
 * Methods: tree.list (TreeListParams -> TreeListResult), snapshots.refresh ({} -> {}: every list is reported whole), locks.refresh ({} -> {}: the runner looks at the locks soon).
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "RpcRequest".
 */
export interface RpcRequest {
method: string
params?: unknown
}
export interface TreeListParams {
snapshot: string
/**
 * Absolute, in the snapshot; / is the top.
 */
path: string
/**
 * Name of the last entry of the page before.
 */
after?: string
}
export interface TreeListResult {
/**
 * @maxItems 1000
 */
entries: TreeEntry[]
more: boolean
}
export interface TreeEntry {
name: string
path: string
/**
 * file, dir, symlink, ... as restic says.
 */
type: string
size?: number
mtime?: string
mode?: number
/**
 * Its name is not UTF-8: it cannot be chosen by itself (PathNotText).
 */
notText?: boolean
}
/**
 * Frozen; carried out by agents that can.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "Update".
 */
export interface Update {
version: string
url?: string
sha256?: string
signature?: string
expires?: string
}
/**
 * The host is gone: the agent wipes plan and credentials. Signed, so that no proxy can say it.
 * 
 * This interface was referenced by `AgentProtocol`'s JSON-Schema
 * via the `definition` "Revoked".
 */
export interface Revoked {
hostID: string
time: string
/**
 * Ed25519 by the server key over 'restic-manager/revoked/1\n' + hostID + '\n' + time; base64.
 */
signature: string
}
export interface PendingNonce {
type: "nonce"
/**
 * base64; the signature is over the decoded bytes.
 */
nonce: string
}
export interface PendingSigned {
type: "signed"
signature: string
}
export interface PendingEnrolled {
type: "enrolled"
host_id: string
bearer: string
server_public_key: string
cert_pin_sha256?: string
}
