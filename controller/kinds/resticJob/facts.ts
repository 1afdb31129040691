/** Reads everything a job's next step depends on. */
import type { ResticJob } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { conditionOf, isTrue } from '../../status/conditions.js';
import type { JobFacts, JobOutcome } from './machine.js';
import { mayBeRunning } from '../../runtime/jobs.js';
import { generationNeeded, whyWait } from './waiting.js';

const MINUTE = 60_000;
/** How long a job stays Stalled, waiting for what only a person can mend: objects applied in any order need a moment. */
const PATIENCE = 2 * MINUTE;
const SEVEN_DAYS = 7 * 24 * 60 * MINUTE;
const DEFAULT_ACTIVE_DEADLINE_SECONDS = 86_400;

/** The moments at which time alone changes the decision, epoch ms. */
export interface JobTimes {
  now: number;
  startingDeadline?: number;
  activeDeadline?: number;
  hopelessAt?: number;
  unreachableAt?: number;
}

export interface GatheredJob {
  facts: JobFacts;
  times: JobTimes;
  /** What the run ended or stands with: from the agent's session, or from records when that write was lost. */
  report?: ResticJobObserved;
  /** The result of an earlier job of this name. */
  stored?: ResticJobObserved;
  hopelessReason?: NonNullable<ReturnType<typeof whyWait>>['hopeless'];
  /** For the offer. */
  planGeneration: number;
}

function outcomeOf(observed: ResticJobObserved | undefined): JobOutcome | undefined {
  return observed === undefined || observed.phase === 'Running' ? undefined : observed.phase;
}

export function gatherJobFacts(job: Stored<ResticJob>, ctx: ReconcileContext): GatheredJob {
  const now = ctx.clock.now();
  const phase = job.status?.phase ?? 'Queued';
  const host = ctx.cache.get('Host', { namespace: ctx.namespace, name: job.spec.hostRef.name });
  const startedByAgent = job.spec.startedBy === 'Agent';
  const offered = phase === 'Offered' || phase === 'Running' || startedByAgent;
  const online = isTrue(host, 'Online');

  const record = ctx.outcomes.findOutcome(keyOf(job));
  const observed = job.status?.observed;
  const report = outcomeOf(observed) === undefined && record?.uid === job.metadata.uid ? record.observed : observed;
  const stored = record !== undefined && record.uid !== job.metadata.uid ? record.observed : undefined;

  const created = parseTime(job.metadata.creationTimestamp) ?? now;
  const startingDeadline = job.spec.startingDeadlineSeconds === undefined ? undefined : created + job.spec.startingDeadlineSeconds * 1000;
  const started = parseTime(report?.startTime) ?? parseTime(job.status?.startTime);
  const group = job.spec.sourceGroupRef && ctx.cache.get('SourceGroup', { namespace: ctx.namespace, name: job.spec.sourceGroupRef.name });
  const activeMs = (job.spec.activeDeadlineSeconds ?? group?.spec.activeDeadlineSeconds ?? DEFAULT_ACTIVE_DEADLINE_SECONDS) * 1000;
  const activeDeadline = started === undefined ? undefined : started + activeMs;
  const unreachableAt = offered && !online ? Math.max(startingDeadline ?? 0, activeDeadline ?? created + activeMs) + SEVEN_DAYS : undefined;

  // A job that may be running waits for nothing: asking would only read caches for naught.
  const wait = phase === 'Queued' && !mayBeRunning(job) ? whyWait(job, ctx) : undefined;
  const stalledSince = parseTime(conditionOf(job, 'Stalled')?.lastTransitionTime) ?? now;
  const hopelessAt = wait?.hopeless === undefined ? undefined : stalledSince + PATIENCE;

  return {
    facts: {
      reported: report?.phase,
      stored: outcomeOf(stored),
      startedByAgent,
      cancelRequested: job.spec.cancel === true,
      hostGone: host === undefined && offered,
      wait: wait && { reason: wait.reason, message: wait.message },
      hopeless: hopelessAt !== undefined && now >= hopelessAt,
      pastStartingDeadline: startingDeadline !== undefined && now >= startingDeadline,
      pastActiveDeadline: activeDeadline !== undefined && now >= activeDeadline,
      unreachable: unreachableAt !== undefined && now >= unreachableAt,
    },
    times: { now, startingDeadline: phase === 'Running' ? undefined : startingDeadline, activeDeadline, hopelessAt, unreachableAt },
    report,
    stored,
    hopelessReason: wait?.hopeless,
    planGeneration: host && phase === 'Queued' ? generationNeeded(job, host, ctx) : 0,
  };
}
