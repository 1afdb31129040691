// Generated from crds/v1alpha1/sourceGroup.yaml by `npm run generate`. Do not edit.
import type { Condition, ObjectMeta } from '../meta.js';
import type { LabelSelector } from '../selectors.js';

export type { Condition, LabelSelector };

/**
 * What to back up, on which hosts. One restic backup per group and host.
 */
export interface SourceGroup {
apiVersion: string
kind: string
metadata: ObjectMeta
spec: SourceGroupSpec
status?: SourceGroupStatus
}
export interface SourceGroupSpec {
hostRef?: SourceGroupHostRef
hostSelector?: LabelSelector
/**
 * restic's tag; default metadata.name. Immutable.
 */
tag?: string
/**
 * Absolute paths to back up.
 * 
 * Items: Absolute: /srv or C:\Data.
 */
includes?: string[]
/**
 * restic's --exclude patterns.
 */
excludes?: string[]
/**
 * restic's --exclude-caches.
 */
excludeCaches?: boolean
/**
 * restic's --exclude-if-present.
 */
excludeIfPresent?: string[]
/**
 * restic's --exclude-larger-than.
 */
excludeLargerThan?: string
/**
 * restic's --one-file-system.
 */
oneFileSystem?: boolean
/**
 * Absolute paths that must be mount points when the backup starts, or nothing is backed up.
 */
requireMount?: string[]
/**
 * restic's --skip-if-unchanged: no snapshot when nothing changed; restic 0.17 or newer.
 */
skipIfUnchanged?: boolean
windows?: SourceGroupWindows
stdin?: SourceGroupStdin
retention?: SourceGroupRetention
retry?: SourceGroupRetry
hooks?: SourceGroupHooks
/**
 * A backup that runs longer is stopped and Failed.
 */
activeDeadlineSeconds?: number
/**
 * No scheduled backup of this group starts while true.
 */
suspend?: boolean
}
/**
 * The one host of this group; excludes hostSelector.
 */
export interface SourceGroupHostRef {
name: string
}
export interface SourceGroupWindows {
/**
 * restic's --use-fs-snapshot (VSS); ignored on other systems.
 */
useFsSnapshot?: boolean
}
/**
 * Back up what a command prints, such as a database dump; excludes includes. restic 0.17 or newer.
 */
export interface SourceGroupStdin {
/**
 * Program and arguments; no shell.
 */
command: string[]
/**
 * Name of the dump in the snapshot.
 */
filename: string
}
/**
 * Which snapshots forget keeps, as restic's --keep-*. Empty: forget skips this group.
 */
export interface SourceGroupRetention {
keepLast?: number
keepHourly?: number
keepDaily?: number
keepWeekly?: number
keepMonthly?: number
keepYearly?: number
/**
 * As restic writes durations: 2y5m7d3h; never zero.
 */
keepWithin?: string
/**
 * Snapshots with one of these tags are always kept.
 */
keepTags?: string[]
}
/**
 * A failed backup is tried again within its job.
 */
export interface SourceGroupRetry {
/**
 * Including the first.
 */
maxAttempts: number
/**
 * Before the second attempt; doubles up to 30 minutes. Default 60.
 */
backoffSeconds?: number
}
/**
 * Scripts around each backup of this group; default the host's.
 */
export interface SourceGroupHooks {
pre?: SourceGroupHooksPre
post?: SourceGroupHooksPost
/**
 * A script that runs longer is ended and has failed; default 600.
 */
timeoutSeconds?: number
}
/**
 * Script run before the backup, from a Secret labelled restic-manager.io/use: hook; when it fails or cannot be read nothing is backed up.
 */
export interface SourceGroupHooksPre {
secretKeyRef: SourceGroupHooksPreSecretKeyRef
}
export interface SourceGroupHooksPreSecretKeyRef {
name: string
key: string
}
/**
 * Script run after the backup, however it ended; its failure is a warning.
 */
export interface SourceGroupHooksPost {
secretKeyRef: SourceGroupHooksPostSecretKeyRef
}
export interface SourceGroupHooksPostSecretKeyRef {
name: string
key: string
}
export interface SourceGroupStatus {
matchedHosts?: number
/**
 * The tag in force.
 */
tag?: string
/**
 * The retention in restic's short words.
 */
retention?: string
lastBackupTime?: string
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
