import type { ReadyReason } from '#crds/conditions.js';
import type { Host, Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Plan } from '#crds/wire/agentProtocol.gen.js';
import type { Cache } from '../runtime/types.js';
export interface PlanInput {
    cache: Cache;
    planKey: Uint8Array;
    namespace: string;
}
export type PlanProblem = Extract<ReadyReason, 'HostNotFound' | 'RepositoryNotFound' | 'SecretNotFound' | 'SecretNotLabelled' | 'SecretIncomplete' | 'SecretVariableRefused' | 'SnapshotHostTaken' | 'PlanTooLarge'>;
export type CompiledPlan = {
    ok: true;
    plan: Plan;
    revision: string;
} | {
    ok: false;
    reason: PlanProblem;
    message: string;
};
/** @returns the plan and its revision: HMAC-SHA256 hex, under planKey, of its canonical JSON */
export declare function compilePlan(hostName: string, input: PlanInput): CompiledPlan;
/** The older host under the same snapshotHost in the same repository, if there is one. */
export declare function snapshotHostTakenBy(host: Stored<Host>, cache: Cache): string | undefined;
/** Name of the oldest of several objects that claim one thing, unless it is this one. */
export declare function oldest(claims: readonly Stored<Host>[], self: Stored<Host>): string | undefined;
/** The fixed delay, in seconds, of one host under one schedule. `groups` are those through which it reaches the host. */
export declare function jitterOf(schedule: Stored<Schedule>, groups: readonly Stored<SourceGroup>[], host: Stored<Host>): number;
