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
/**
 * KiB per second; null: no limit.
 */
upload_kibps?: (number | null)
download_kibps?: (number | null)
update_available: boolean
update_version?: (string | null)
}
/**
 * KiB per second for every restic call of the host (H6). Left out keeps, null or 0 lifts.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "BandwidthInput".
 */
export interface BandwidthInput {
upload_kibps?: (number | null)
download_kibps?: (number | null)
}
/**
 * All tags of the host, as HostItem shows them: `key` or `key=value`.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "TagsInput".
 */
export interface TagsInput {
/**
 * @maxItems 32
 */
tags: string[]
}
/**
 * false: an intermittent host (a laptop), which may be away (H3).
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "ModeInput".
 */
export interface ModeInput {
always_on: boolean
}
/**
 * Which snapshots forget keeps. 0 or left out: that rule is not used. All of them so: forget skips the group.
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
/**
 * As restic writes durations: 2y5m7d3h.
 */
keep_within?: (string | null)
/**
 * @maxItems 32
 */
keep_tags?: string[]
}
/**
 * Where a script is: a key of a Secret labelled restic-manager.io/use: hook.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "SecretKey".
 */
export interface SecretKey {
secret: string
key: string
}
export interface Hooks {
pre?: (null | SecretKey)
post?: (null | SecretKey)
timeout_seconds?: (number | null)
}
/**
 * Left out keeps; null or blank takes the script away.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "HookScriptsInput".
 */
export interface HookScriptsInput {
pre?: (string | null)
post?: (string | null)
timeout_seconds?: (number | null)
}
/**
 * The scripts themselves, for admins. They run as the user of the host's agent, which is root.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "HookScripts".
 */
export interface HookScripts {
pre: (string | null)
post: (string | null)
timeout_seconds: (number | null)
/**
 * Name of the Secret of each that is set, comma-separated when they differ.
 */
secret: (string | null)
/**
 * Why a script cannot be read; backups that need it fail.
 */
problem: (string | null)
}
/**
 * A command whose output is backed up; no shell.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "StdinSource".
 */
export interface StdinSource {
/**
 * @minItems 1
 * @maxItems 64
 */
command: [string, ...(string)[]]
filename: string
}
/**
 * includes or stdin is required.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "SourceGroupInput".
 */
export interface SourceGroupInput {
name: string
/**
 * @maxItems 256
 */
includes?: string[]
/**
 * @maxItems 256
 */
excludes?: string[]
exclude_caches?: boolean
/**
 * @maxItems 64
 */
exclude_if_present?: string[]
/**
 * restic's words: 100M.
 */
exclude_larger_than?: (string | null)
one_file_system?: boolean
/**
 * @maxItems 32
 */
require_mount?: string[]
skip_if_unchanged?: boolean
/**
 * Windows only.
 */
use_fs_snapshot?: boolean
stdin?: (null | StdinSource)
retention_policy?: (null | RetentionPolicy)
/**
 * How often a failed backup is tried again.
 */
retry_max?: (number | null)
/**
 * Before the first retry; doubles up to 30 minutes. 0: the default, 60.
 */
retry_backoff_seconds?: (number | null)
/**
 * Needs the right sethooks. Null: the host's.
 */
hooks?: (null | Hooks)
/**
 * Null: the default, a day.
 */
active_deadline_seconds?: (number | null)
suspended?: boolean
}
/**
 * A member left out keeps what is stored; null or an empty list takes it away. The name is restic's tag and stays.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "SourceGroupUpdate".
 */
export interface SourceGroupUpdate {
name?: string
/**
 * @maxItems 256
 */
includes?: string[]
/**
 * @maxItems 256
 */
excludes?: string[]
exclude_caches?: boolean
/**
 * @maxItems 64
 */
exclude_if_present?: string[]
/**
 * restic's words: 100M.
 */
exclude_larger_than?: (string | null)
one_file_system?: boolean
/**
 * @maxItems 32
 */
require_mount?: string[]
skip_if_unchanged?: boolean
/**
 * Windows only.
 */
use_fs_snapshot?: boolean
stdin?: (null | StdinSource)
retention_policy?: (null | RetentionPolicy)
/**
 * How often a failed backup is tried again.
 */
retry_max?: (number | null)
/**
 * Before the first retry; doubles up to 30 minutes. 0: the default, 60.
 */
retry_backoff_seconds?: (number | null)
/**
 * Needs the right sethooks. Null: the host's.
 */
hooks?: (null | Hooks)
/**
 * Null: the default, a day.
 */
active_deadline_seconds?: (number | null)
suspended?: boolean
}
export interface SourceGroupItem {
id: string
name: string
object_name: string
/**
 * For every host its selector matches: edited where it is declared.
 */
shared: boolean
includes: string[]
excludes: string[]
exclude_caches?: boolean
exclude_if_present?: string[]
exclude_larger_than?: (string | null)
one_file_system?: boolean
require_mount?: string[]
skip_if_unchanged?: boolean
use_fs_snapshot?: boolean
stdin?: (null | StdinSource)
/**
 * Null: forget skips this group.
 */
retention_policy: (null | RetentionPolicy)
/**
 * What is wrong between retention and schedules (S4); null when nothing is.
 */
retention_message?: (string | null)
retry_max: number
retry_backoff_seconds?: (number | null)
hooks?: (null | Hooks)
active_deadline_seconds?: (number | null)
suspended: boolean
last_backup_at?: (string | null)
}
export interface ScheduleInput {
cron: string
/**
 * IANA name; null: the host's own.
 */
time_zone?: (string | null)
enabled?: boolean
/**
 * @minItems 1
 * @maxItems 64
 */
source_group_ids: [string, ...(string)[]]
}
/**
 * A member left out keeps what is stored.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "ScheduleUpdate".
 */
export interface ScheduleUpdate {
cron?: string
/**
 * IANA name; null: the host's own.
 */
time_zone?: (string | null)
enabled?: boolean
/**
 * @minItems 1
 * @maxItems 64
 */
source_group_ids?: [string, ...(string)[]]
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
export interface MaintenanceTask {
/**
 * Null: the default of this task, staggered per repository.
 */
schedule: (string | null)
effective_schedule: string
/**
 * Null: the runner's own.
 */
time_zone: (string | null)
suspended: boolean
/**
 * check only.
 */
read_data_subset_percent?: number
last: (null | LastRun)
}
export interface LastRun {
at: string
status: ("succeeded" | "failed" | "cancelled")
reason?: (string | null)
message?: (string | null)
/**
 * Null once the job is gone.
 */
job_id?: (string | null)
}
/**
 * When the runner looks after the repository, and whether it can (J8).
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "MaintenanceItem".
 */
export interface MaintenanceItem {
forget: MaintenanceTask
prune: MaintenanceTask
check: MaintenanceTask
max_removal_percent: number
keep_within_floor: string
/**
 * The host that does it; null while none is known.
 */
runner_id: (string | null)
runner_name?: (string | null)
/**
 * What comes next and when, in words.
 */
next?: (string | null)
/**
 * Null: not known yet.
 */
current: (boolean | null)
reason?: (string | null)
message?: (string | null)
/**
 * A forget that the guard holds (X6).
 */
approval: (null | {
plan_hash: string
reason: string
message: string
remove: (number | null)
of: (number | null)
})
}
export interface MaintenanceTaskInput {
schedule?: (string | null)
time_zone?: (string | null)
suspended?: boolean
}
/**
 * A member left out keeps what is stored; null is the default again.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "MaintenanceInput".
 */
export interface MaintenanceInput {
forget?: MaintenanceTaskInput
prune?: MaintenanceTaskInput
check?: {
schedule?: (string | null)
time_zone?: (string | null)
suspended?: boolean
read_data_subset_percent?: (number | null)
}
/**
 * Needs the right approveforget, as keep_within_floor does.
 */
max_removal_percent?: (number | null)
keep_within_floor?: (string | null)
}
export interface ApproveForgetInput {
/**
 * Of the plan that is held; another one by now is refused.
 */
plan_hash: string
}
/**
 * Redacted (R7): a password never comes back.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "RepoCredentials".
 */
export interface RepoCredentials {
/**
 * Null: the host has no Repository yet.
 */
repository_id: (string | null)
repository_name?: (string | null)
url: (string | null)
username: (string | null)
has_password: boolean
/**
 * Names of the other keys of its Secret.
 */
variables: string[]
/**
 * How many hosts use it.
 */
hosts?: number
}
/**
 * Blank or left out keeps what is stored; all of it so changes nothing and is refused (E18).
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "RepoCredentialsInput".
 */
export interface RepoCredentialsInput {
repo_url?: (string | null)
repo_username?: (string | null)
repo_password?: (string | null)
}
/**
 * Of the account that may delete; redacted.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "AdminCredentials".
 */
export interface AdminCredentials {
configured: boolean
/**
 * runner: in a root-only file there, which the server never sees.
 */
location: ("none" | "server" | "runner")
username: (string | null)
has_password: boolean
variables: string[]
}
/**
 * Blank or left out keeps what is stored.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "AdminCredentialsInput".
 */
export interface AdminCredentialsInput {
repo_username?: (string | null)
repo_password?: (string | null)
location?: ("server" | "runner")
}
/**
 * Health of the repository (R6). Null is unknown, never 0.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "RepoStats".
 */
export interface RepoStats {
repository_id: string
repository_name?: string
restic_id?: (string | null)
repo_status: ("unknown" | "initializing" | "ready" | "init_failed")
repo_message?: (string | null)
suspended?: boolean
format_version?: (number | null)
size_bytes: (number | null)
uncompressed_size_bytes: (number | null)
snapshot_count: (number | null)
observed_at?: (string | null)
/**
 * Whether the storage refuses deletion to the everyday credential (E34).
 */
deletion_protection: ("enforced" | "not_enforced" | "unknown")
/**
 * false: prune and forget answer admin_creds_required.
 */
can_delete: boolean
runner_id?: (string | null)
runner_name?: (string | null)
locks: {
hostname: (string | null)
pid: (number | null)
created_at: (string | null)
exclusive: boolean
age_seconds: (number | null)
}[]
last_forget: (null | LastRun)
last_prune: (null | LastRun)
last_check: (null | LastRun)
trend: {
/**
 * YYYY-MM-DD.
 */
day: string
size_bytes: (number | null)
snapshot_count: (number | null)
}[]
/**
 * Of this host; one with two tags counts under both.
 */
snapshots_per_tag: {
tag: string
count: number
}[]
}
export interface SnapshotItem {
id: string
short_id: string
time: string
/**
 * restic's host.
 */
hostname: string
tags: string[]
paths: string[]
/**
 * What the backup read; null before restic 0.17.
 */
size_bytes: (number | null)
files: (number | null)
source_group_id: (string | null)
/**
 * false: of no group, so retention never touches it.
 */
managed: boolean
}
/**
 * Newest first, by pages.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "SnapshotList".
 */
export interface SnapshotList {
items: SnapshotItem[]
/**
 * That fit the filter.
 */
total: number
/**
 * For ?after=; null on the last page.
 */
next: (string | null)
/**
 * When the list was last reported; null: never (E15).
 */
refreshed_at: (string | null)
/**
 * The host is not connected: there may be newer ones.
 */
stale: boolean
/**
 * restic hosts in this repository, for ?hostname=.
 */
hostnames: {
hostname: string
count: number
/**
 * Null: no host of that name any more.
 */
host_id: (string | null)
refreshed_at: (string | null)
}[]
}
export interface SnapshotsQuery {
/**
 * Another restic host in the same repository; default this host's.
 */
hostname?: string
tag?: string
/**
 * RFC 3339: taken at this moment or later.
 */
since?: string
/**
 * RFC 3339: taken before this moment.
 */
before?: string
/**
 * Absolute: snapshots that were made of it, or of a directory above it.
 */
path?: string
/**
 * Default 100, at most 1,000.
 */
limit?: string
after?: string
}
export interface RepoStatsQuery {
/**
 * Of the trend; default 90.
 */
days?: string
}
export interface DiffInput {
/**
 * Full or short id.
 */
a: string
b: string
}
export interface TreeQuery {
/**
 * Absolute, in the snapshot; default /.
 */
path?: string
/**
 * Name of the last entry of the page before.
 */
after?: string
}
export interface TreeItem {
name: string
path: string
/**
 * file, dir, symlink, ... as restic says.
 */
type: string
size: (number | null)
mtime: (string | null)
mode: (number | null)
/**
 * false: its name is not UTF-8; restore the directory it is in.
 */
selectable: boolean
}
export interface TreeList {
snapshot_id: string
path: string
items: TreeItem[]
/**
 * For ?after=.
 */
next: (string | null)
/**
 * The host that read it.
 */
listed_by?: string
listed_at?: string
}
/**
 * Files go to the host of the path.
 * 
 * This interface was referenced by `Operator`'s JSON-Schema
 * via the `definition` "RestoreInput".
 */
export interface RestoreInput {
/**
 * Full or short id.
 */
snapshot_id: string
/**
 * Whose repository the snapshot is in, when not this host's (R4). From another repository it needs the right restorefrom.
 */
source_host_id?: (string | null)
/**
 * The same by Repository, for a host that is no more.
 */
source_repository_id?: (string | null)
/**
 * Absolute paths in the snapshot, literally; `/` is everything.
 * 
 * @minItems 1
 * @maxItems 256
 */
paths: [string, ...(string)[]]
/**
 * Needs the right restoreinplace.
 */
in_place?: boolean
/**
 * Absolute, or beginning with ~/, $HOME/ or ${HOME}/; default $HOME/rm-restore/<job>.
 */
target_directory?: (string | null)
/**
 * The host's name, typed: for in_place, and for data of another host.
 */
confirm_host_name?: (string | null)
overwrite?: ("never" | "if_changed" | "if_newer" | "always")
verify?: boolean
dry_run?: boolean
}
export interface JobInput {
kind: string
/**
 * By kind: BackupArgs, InitArgs, ForgetArgs, PruneArgs, CheckArgs, UnlockArgs, RestoreArgs, DiffArgs.
 */
args?: ({

} | null)
}
export interface BackupArgs {
/**
 * Left out: the host's only one.
 */
source_group_id?: (string | null)
dry_run?: boolean
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface InitArgs {
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface ForgetArgs {
/**
 * Exactly these; needs the right approveforget. Left out: what retention does not keep.
 * 
 * @minItems 1
 * @maxItems 1000
 */
snapshot_ids?: [string, ...(string)[]]
dry_run?: boolean
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface PruneArgs {
dry_run?: boolean
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface CheckArgs {
/**
 * Default: none of the data.
 */
read_data_subset_percent?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface UnlockArgs {
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface RestoreArgs {
/**
 * Full or short id.
 */
snapshot_id: string
/**
 * Whose repository the snapshot is in, when not this host's (R4). From another repository it needs the right restorefrom.
 */
source_host_id?: (string | null)
/**
 * The same by Repository, for a host that is no more.
 */
source_repository_id?: (string | null)
/**
 * Absolute paths in the snapshot, literally; `/` is everything.
 * 
 * @minItems 1
 * @maxItems 256
 */
paths: [string, ...(string)[]]
/**
 * Needs the right restoreinplace.
 */
in_place?: boolean
/**
 * Absolute, or beginning with ~/, $HOME/ or ${HOME}/; default $HOME/rm-restore/<job>.
 */
target_directory?: (string | null)
/**
 * The host's name, typed: for in_place, and for data of another host.
 */
confirm_host_name?: (string | null)
overwrite?: ("never" | "if_changed" | "if_newer" | "always")
verify?: boolean
dry_run?: boolean
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface DiffArgs {
a: string
b: string
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
upload_kibps?: number
/**
 * In place of the host's limit; 0 lifts it (E24).
 */
download_kibps?: number
starting_deadline_seconds?: number
active_deadline_seconds?: number
}
export interface JobsQuery {
kind?: string
status?: ("queued" | "running" | "succeeded" | "failed" | "cancelled")
source_group_id?: string
/**
 * Newest first; default all.
 */
limit?: string
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
repository_id?: (string | null)
/**
 * user, schedule, catchup, maintenance or system.
 */
origin?: (string | null)
/**
 * The user or the schedule.
 */
started_by?: (string | null)
dry_run?: boolean
cancel_requested?: boolean
created_at: string
started_at?: (string | null)
finished_at?: (string | null)
exit_code?: (number | null)
snapshot_id?: (string | null)
summary?: ({

} | null)
/**
 * What was asked for, by kind, as in JobInput.
 */
args?: ({

} | null)
attempts?: (number | null)
warnings?: (number | null)
/**
 * Of a partial backup, the first 20.
 */
skipped_files?: string[]
/**
 * Where a restore wrote.
 */
target_directory?: (string | null)
/**
 * What the guard held.
 */
forget_plan?: (null | {
hash: string
remove: number
of: number
reasons: string[]
})
}
