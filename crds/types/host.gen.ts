// Generated from crds/v1alpha1/host.yaml by `npm run generate`. Do not edit.
import type { Condition, ObjectMeta } from '../meta.js';
import type { LabelSelector } from '../selectors.js';

export type { Condition, LabelSelector };

/**
 * A machine that is backed up by an agent.
 */
export interface Host {
apiVersion: string
kind: string
metadata: ObjectMeta
spec: HostSpec
status?: HostStatus
}
export interface HostSpec {
/**
 * Name shown to people; default metadata.name.
 */
displayName?: string
/**
 * Intermittent hosts (laptops) may be away; they are asleep then and catch up on return.
 */
presence?: ("AlwaysOn" | "Intermittent")
/**
 * No scheduled run starts and no job is offered while true.
 */
suspend?: boolean
repositoryRef?: HostRepositoryRef
/**
 * restic's --host; default the object's name. Immutable, unique per repository.
 */
snapshotHost?: string
bandwidth?: HostBandwidth
hooks?: HostHooks
resources?: HostResources
/**
 * Jobs at one time on this host; restores, diffs and unlocks do not count, and never more than one that needs the repository for itself.
 */
maxConcurrentJobs?: number
enrollment?: HostEnrollment
}
/**
 * The Repository this host backs up to; default the Repository of the same name.
 */
export interface HostRepositoryRef {
name: string
}
/**
 * Limits for every restic call of this host.
 */
export interface HostBandwidth {
/**
 * KiB per second.
 */
uploadKiBps?: number
/**
 * KiB per second.
 */
downloadKiBps?: number
}
/**
 * Scripts around each backup of groups that have none of their own.
 */
export interface HostHooks {
pre?: HostHooksPre
post?: HostHooksPost
/**
 * A script that runs longer is ended and has failed; default 600.
 */
timeoutSeconds?: number
}
/**
 * Script run before the backup, from a Secret labelled restic-manager.io/use: hook; when it fails or cannot be read nothing is backed up.
 */
export interface HostHooksPre {
secretKeyRef: HostHooksPreSecretKeyRef
}
export interface HostHooksPreSecretKeyRef {
name: string
key: string
}
/**
 * Script run after the backup, however it ended; its failure is a warning.
 */
export interface HostHooksPost {
secretKeyRef: HostHooksPostSecretKeyRef
}
export interface HostHooksPostSecretKeyRef {
name: string
key: string
}
/**
 * How gently restic runs on this host.
 */
export interface HostResources {
/**
 * Processor niceness of restic.
 */
nice?: number
/**
 * Disk priority of restic; Idle only works while the disk has nothing else to do.
 */
ioNice?: ("BestEffort" | "Idle")
}
/**
 * The agent with this key becomes this host, now and after the object is made again.
 */
export interface HostEnrollment {
/**
 * SHA256: and the unpadded base64 of the SHA-256 of the agent's raw Ed25519 public key.
 */
fingerprint: string
}
export interface HostStatus {
phase?: ("Pending" | "Online" | "Offline" | "Asleep" | "Suspended")
agent?: HostAgent
connection?: HostConnection
/**
 * Written when the agent disconnects.
 */
lastSeenTime?: string
lastBackup?: HostLastBackup
/**
 * RFC 3339; a string so that a future time is shown as it is.
 */
nextBackup?: string
/**
 * HMAC of the plan this host should have.
 */
desiredRevision?: string
/**
 * +1 with each new desiredRevision.
 */
planGeneration?: number
/**
 * The plan revision the agent has on disk.
 */
appliedRevision?: string
appliedGeneration?: number
/**
 * Schedules of the applied plan that this agent cannot run.
 */
stalledSchedules?: HostStalledSchedulesItem[]
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
/**
 * What the agent said of itself when it connected.
 */
export interface HostAgent {
version?: string
protocolVersion?: number
os?: string
arch?: string
hostname?: string
timeZone?: string
/**
 * Absent when the host has no restic.
 */
resticVersion?: string
capabilities?: string[]
/**
 * Hash of the machine id.
 */
machineId?: string
/**
 * The agent's Ed25519 key, base64; recorded at its first hello.
 */
publicKey?: string
}
/**
 * Set while an agent is connected; the host is online while the gateway's Lease lives.
 */
export interface HostConnection {
gateway: string
sessionID: string
since: string
}
export interface HostLastBackup {
time?: string
result?: ("Succeeded" | "Partial" | "Failed" | "Cancelled")
jobName?: string
snapshotID?: string
bytesAdded?: number
durationSeconds?: number
/**
 * End of the newest backup that was complete; a later one that failed, skipped files or was cancelled leaves it.
 */
lastSuccessfulTime?: string
}
export interface HostStalledSchedulesItem {
name: string
/**
 * In the agent's words.
 */
message: string
}
