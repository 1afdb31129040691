// Generated from crds/operator/operator.schema.yaml by `npm run generate`. Do not edit.
export interface Operator {

}
export interface ApiError {
code: string
message: string
details?: unknown
}
export interface BootstrapInput {
token: string
username: string
password: string
}
export interface LoginInput {
username: string
password: string
}
export interface LoginReply {
user_id: string
role: ("viewer" | "operator" | "admin")
}
export interface Account {
user_id: string
username: string
role: ("viewer" | "operator" | "admin")
}
export interface VersionReply {
version: string
commit: string
}
export interface EnrollmentTokenInput {
hostname: string
/**
 * @maxItems 32
 */
tags?: string[]
repo_url?: string
repo_username?: string
repo_password?: string
/**
 * @maxItems 256
 */
initial_paths?: string[]
}
export interface EnrollmentTokenReply {
token: string
expires_at: string
}
export interface EnrollInput {
token: string
hostname: string
os: ("linux" | "windows")
arch: ("amd64" | "arm64")
agent_version: string
restic_version: string
public_key?: string
}
export interface EnrollReply {
host_id: string
agent_token: string
server_public_key: string
cert_pin_sha256?: string
}
export interface AnnounceInput {
hostname: string
os: ("linux" | "windows")
arch: ("amd64" | "arm64")
agent_version: string
restic_version: string
public_key: string
}
export interface AnnounceReply {
pending_id: string
fingerprint: string
hostname_collision: boolean
}
export interface AcceptInput {
repo_url?: string
repo_username?: string
repo_password?: string
}
export interface PendingHost {
id: string
hostname: string
os: string
arch: string
agent_version?: string
restic_version?: string
fingerprint: string
source_ip?: string
hostname_collision: boolean
announced_at: string
expires_at: string
}
export interface HostItem {
id: string
name: string
status: ("online" | "offline" | "asleep" | "pending")
suspended: boolean
repo_status: ("unknown" | "initializing" | "ready" | "init_failed")
repo_message?: string
last_backup_status?: ("succeeded" | "failed" | "cancelled" | null)
last_backup_at?: (string | null)
partial?: boolean
tags: string[]
os?: (string | null)
arch?: (string | null)
agent_version?: (string | null)
restic_version?: (string | null)
repo_size_bytes?: (number | null)
snapshot_count?: (number | null)
open_alerts: number
always_on: boolean
update_available: boolean
update_version?: (string | null)
}
/**
 * Retention is served later: only empty or zero values are accepted.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "RetentionPolicy".
 */
export interface RetentionPolicy {
keep_last?: number
keep_hourly?: number
keep_daily?: number
keep_weekly?: number
keep_monthly?: number
keep_yearly?: number
}
export interface SourceGroupInput {
name: string
/**
 * @minItems 1
 * @maxItems 256
 */
includes: [string, ...(string)[]]
/**
 * @maxItems 256
 */
excludes?: string[]
retention_policy?: (null | RetentionPolicy)
retry_max?: (number | null)
retry_backoff_seconds?: (number | null)
}
export interface SourceGroupItem {
id: string
name: string
object_name: string
includes: string[]
excludes: string[]
suspended: boolean
last_backup_at?: (string | null)
}
export interface ScheduleInput {
cron: string
enabled?: boolean
/**
 * @minItems 1
 * @maxItems 64
 */
source_group_ids: [string, ...(string)[]]
}
export interface ScheduleItem {
id: string
object_name: string
cron: string
time_zone?: (string | null)
enabled: boolean
source_group_ids: string[]
next_run_at?: (string | null)
last_run_at?: (string | null)
desired_revision?: (string | null)
applied_revision?: (string | null)
}
export interface JobInput {
kind: string
args?: ({

} | null)
}
/**
 * The manifest directory: what was applied last, what is wrong, what would be removed.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "ManifestsStatus".
 */
export interface ManifestsStatus {
state: ("off" | "pending" | "synced" | "failing")
directory: (string | null)
/**
 * The git commit that is checked out there; null where there is none to be seen.
 */
revision: (string | null)
last_sync_at: (string | null)
last_success_at: (string | null)
/**
 * Declared by the directory.
 */
objects: number
error_count: number
/**
 * The first hundred.
 */
errors: {
file?: string
document?: number
object?: string
field?: string
message: string
}[]
prune: {
state: ("none" | "blocked" | "waiting" | "confirmation")
reason?: string
/**
 * To be confirmed.
 */
id?: string
objects: string[]
}
/**
 * Objects that stay although their manifest is gone.
 */
held: string[]
}
export interface ManifestsConfirmInput {
id: string
}
export interface RunReply {
job_id: string
/**
 * All jobs when a schedule fires several groups.
 */
job_ids?: string[]
}
export interface JobItem {
id: string
name: string
host_id: string
kind: string
status: ("queued" | "running" | "succeeded" | "failed" | "cancelled")
partial?: boolean
reason?: (string | null)
message?: (string | null)
source_group_id?: (string | null)
created_at: string
started_at?: (string | null)
finished_at?: (string | null)
exit_code?: (number | null)
snapshot_id?: (string | null)
summary?: ({

} | null)
}
