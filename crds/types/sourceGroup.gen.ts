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
includes: string[]
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
export interface SourceGroupStatus {
matchedHosts?: number
/**
 * The tag in force.
 */
tag?: string
lastBackupTime?: string
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
