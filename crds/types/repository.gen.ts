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
runner?: RepositoryRunner
}
/**
 * Secret with key password, optionally username and the back end's variables; labelled restic-manager.io/use: repository.
 */
export interface RepositoryCredentialsSecretRef {
name: string
}
/**
 * The host that initialises and looks after this repository; default its only host, required once two share it.
 */
export interface RepositoryRunner {
hostRef: RepositoryRunnerHostRef
}
/**
 * A Host.
 */
export interface RepositoryRunnerHostRef {
name: string
}
export interface RepositoryStatus {
phase?: ("Unknown" | "Initializing" | "Ready" | "InitFailed" | "Replaced")
/**
 * restic's repository id; pinned once known.
 */
id?: string
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
time?: string
}
export interface RepositoryObservedLocksItem {
hostname?: string
pid?: number
time?: string
exclusive?: boolean
}
