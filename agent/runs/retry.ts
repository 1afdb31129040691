/** Is a failed backup tried again within its job, and when. Pure. */
import type { RunFailureReason } from '#crds/conditions.js';
import type { JobFinished, JobIdentity, Plan } from '#crds/wire/agentProtocol.gen.js';

const LONGEST_MS = 30 * 60_000;

/** What may be gone in a minute; everything else waits for a person, and trying again would only delay the news. */
const passing: ReadonlySet<string> = new Set<RunFailureReason>([
  'RepositoryUnreachable', 'RepositoryLocked', 'ResticFailed', 'ResticKilled', 'DiskFull', 'MountMissing', 'HookFailed', 'StdinCommandFailed', 'Stuck', 'InternalError',
]);

export interface RetryFacts {
  identity: JobIdentity;
  plan: Plan | undefined;
  outcome: Pick<JobFinished, 'phase' | 'reason'>;
  /** Attempts so far, from 1. */
  attempts: number;
}

export type RetryDecision = { again: true; delayMs: number; of: number } | { again: false; /** Why not, when more attempts were left. */ dropped?: string };

/** Asked when an attempt failed, and once more before the next one begins: the plan may have changed meanwhile (E24). */
export function decideRetry({ identity, plan, outcome, attempts }: RetryFacts): RetryDecision {
  if (identity.type !== 'Backup' || outcome.phase !== 'Failed' || !passing.has(outcome.reason)) return { again: false };
  const group = plan?.groups.find(({ name }) => name === identity.sourceGroup);
  if (!group) return { again: false, dropped: 'its source group is no longer in the plan' };
  if (!group.retry || attempts >= group.retry.maxAttempts) return { again: false };
  if (identity.startedBy === 'Agent') {
    if (plan?.suspend) return { again: false, dropped: 'the host is suspended' };
    if (group.suspend) return { again: false, dropped: 'its source group is suspended' };
    if (!plan?.schedules.some(({ name }) => name === identity.schedule)) return { again: false, dropped: 'its schedule is no longer in the plan, or is suspended' };
  }
  return { again: true, delayMs: Math.min(group.retry.backoffSeconds * 1_000 * 2 ** (attempts - 1), LONGEST_MS), of: group.retry.maxAttempts };
}
