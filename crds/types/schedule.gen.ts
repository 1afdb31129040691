// Generated from crds/v1alpha1/schedule.yaml by `npm run generate`. Do not edit.
import type { Condition, ObjectMeta } from '../meta.js';
import type { LabelSelector } from '../selectors.js';

export type { Condition, LabelSelector };

/**
 * When to back up, and which source groups.
 */
export interface Schedule {
apiVersion: string
kind: string
metadata: ObjectMeta
spec: ScheduleSpec
status?: ScheduleStatus
}
export interface ScheduleSpec {
/**
 * Five cron fields or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly.
 */
schedule: string
/**
 * IANA name; absent means the host's own.
 */
timeZone?: string
suspend?: boolean
sourceGroupRefs: ScheduleSourceGroupRefsItem[]
/**
 * Upper bound of a delay that is fixed per host, e.g. 15m; default 0s for groups of one host, 15m through a selector.
 */
jitter?: string
catchUp?: ScheduleCatchUp
/**
 * Daily windows in which nothing starts; what is due inside one starts at its end.
 */
blackout?: ScheduleBlackoutItem[]
/**
 * A missed run older than this is skipped; default half the interval. Catch-up on Intermittent hosts ignores it.
 */
startingDeadlineSeconds?: number
/**
 * Per schedule, group and host.
 */
successfulJobsHistoryLimit?: number
/**
 * Per schedule, group and host.
 */
failedJobsHistoryLimit?: number
}
/**
 * A SourceGroup.
 */
export interface ScheduleSourceGroupRefsItem {
name: string
}
/**
 * What happens to a run that was missed because the host was off or asleep.
 */
export interface ScheduleCatchUp {
enabled?: boolean
/**
 * Wait after the agent is back.
 */
settleSeconds?: number
}
export interface ScheduleBlackoutItem {
/**
 * HH:MM.
 */
from: string
/**
 * HH:MM; before from means the next day.
 */
to: string
/**
 * IANA name; default the schedule's zone.
 */
timeZone?: string
}
export interface ScheduleStatus {
hosts?: ScheduleHosts
groups?: string
lastRunTime?: string
lastRunResult?: ("Succeeded" | "Partial" | "Failed" | "Cancelled")
/**
 * RFC 3339.
 */
nextRun?: string
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
export interface ScheduleHosts {
matched?: number
/**
 * Hosts whose agent has applied its present plan.
 */
synced?: number
}
