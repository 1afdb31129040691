// Generated from crds/wire/live.schema.yaml by `npm run generate`. Do not edit.
export type LiveRequest = (LiveWatch | LiveTail | LiveProgress | LiveManifests | LiveStop | LivePing)
export type LiveMessage = (LiveList | LiveEvent | LiveGone | LiveLog | LiveEnd | LiveJobProgress | LiveManifestsStatus | LiveError | LivePong)

export interface Live {

}
export interface LiveWatch {
type: "watch"
id: string
kind: string
/**
 * Resume after this version; absent: everything first.
 */
resourceVersion?: string
fieldSelector?: string
}
export interface LiveTail {
type: "tail"
id: string
/**
 * Name or uid of a job.
 */
job: string
/**
 * First line wanted; default 1.
 */
from?: number
}
export interface LiveProgress {
type: "progress"
id: string
}
/**
 * The state of the manifest directory: now, and at each change.
 * 
 * This interface was referenced by `Live`'s JSON-Schema
 * via the `definition` "LiveManifests".
 */
export interface LiveManifests {
type: "manifests"
id: string
}
export interface LiveStop {
type: "stop"
id: string
}
/**
 * Answered by pong: how a page notices that a socket which looks open is not.
 * 
 * This interface was referenced by `Live`'s JSON-Schema
 * via the `definition` "LivePing".
 */
export interface LivePing {
type: "ping"
id: string
}
/**
 * The whole set in one or more pages; `more` on all but the last. Replaces what the page held.
 * 
 * This interface was referenced by `Live`'s JSON-Schema
 * via the `definition` "LiveList".
 */
export interface LiveList {
type: "list"
id: string
items: {

}[]
resourceVersion: string
more: boolean
}
export interface LiveEvent {
type: "event"
id: string
event: ("ADDED" | "MODIFIED" | "DELETED")
object: {

}
}
/**
 * The version to resume from is too old, or this page fell too far behind: a fresh list follows.
 * 
 * This interface was referenced by `Live`'s JSON-Schema
 * via the `definition` "LiveGone".
 */
export interface LiveGone {
type: "gone"
id: string
}
export interface LiveLog {
type: "log"
id: string
lines: {
seq: number
ts: string
stream: string
payload: string
}[]
}
/**
 * The tailed job is over and every line was sent.
 * 
 * This interface was referenced by `Live`'s JSON-Schema
 * via the `definition` "LiveEnd".
 */
export interface LiveEnd {
type: "end"
id: string
status: string
}
export interface LiveJobProgress {
type: "progress"
id: string
/**
 * Name of the job.
 */
job: string
progress: {

}
}
export interface LiveManifestsStatus {
type: "manifests"
id: string
/**
 * ManifestsStatus of crds/operator.
 */
status: {

}
}
export interface LiveError {
type: "error"
id?: string
code: string
message: string
}
export interface LivePong {
type: "pong"
id: string
}
export interface StreamProgress {
type: "progress"
job?: string
percentDone?: number
totalFiles?: number
filesDone?: number
totalBytes?: number
bytesDone?: number
secondsElapsed?: number
secondsRemaining?: number
currentFiles?: string[]
}
export interface StreamEnd {
type: "end"
/**
 * succeeded, failed or cancelled.
 */
status: string
}
