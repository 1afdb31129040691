/** Moves one job on: reads the facts, asks the machine, writes the status. The host's session sees `desiredRun`; nobody is called. */
import type { JobReason } from '#crds/conditions.js';
import type { ResticJob } from '#crds/kinds.js';
import { keyOf, type ObjectKey, type Stored } from '#crds/meta.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { assertNever, decide } from '../../runtime/decide.js';
import { foundRepositoryBroken, isFinished, REPOSITORY_LABEL } from '../../runtime/indexes.js';
import { requeueAt, timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { withStatus } from '../../status/patch.js';
import { announceEnd } from './events.js';
import { gatherJobFacts } from './facts.js';
import { copyReport, endedWithoutReport, setFinished, setUnfinished } from './finish.js';
import { resticJobMachine, type JobOutcome, type JobPhase } from './machine.js';
import { repositoryNameOf } from '../../runtime/jobs.js';

export async function reconcileResticJob(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const job = ctx.cache.get('ResticJob', key);
  if (!job || job.metadata.deletionTimestamp) return {};
  if (isFinished(job)) {
    await nameBrokenRepository(job, ctx);
    // A start looks at every job there is: what is over and summed up costs no copy of its status.
    if (job.status?.observedGeneration === job.metadata.generation) return {};
    return withStatus('ResticJob', job, ctx, () => ({}));
  }
  const { facts, times, report, stored, hopelessReason, planGeneration } = gatherJobFacts(job, ctx);
  const { phase, actions } = decide(resticJobMachine, job.status?.phase ?? ('Queued' as JobPhase), facts);
  const moment = { generation: job.metadata.generation, now: times.now };
  const outcome = phase as JobOutcome;

  return withStatus('ResticJob', job, ctx, async (status, tell) => {
    status.phase = phase;
    for (const action of actions) {
      switch (action.type) {
        case 'finishAsReported': {
          const ended = report ?? { runID: job.metadata.uid, phase: outcome };
          await remember(job, ended, ctx);
          copyReport(status, ended);
          setFinished(status, outcome, { reason: (ended.reason as JobReason | undefined) ?? (outcome === 'Succeeded' ? 'Completed' : outcome === 'Cancelled' ? 'Cancelled' : 'ResticFailed'), message: ended.message ?? '' }, moment, ended);
          announceEnd(job, status.reason as JobReason, status.message ?? '', outcome, tell, ctx, ended);
          break;
        }
        case 'finishAsStored':
          if (stored) copyReport(status, stored);
          setFinished(status, outcome, { reason: 'AlreadyRan', message: `a job of this name ran before and ended ${outcome}${stored?.message ? `: ${stored.message}` : ''}; make a job of another name to run again` }, moment, stored);
          announceEnd(job, 'AlreadyRan', status.message ?? '', outcome, tell, ctx);
          break;
        case 'finish': {
          const { reason } = action.params;
          const message = endedWithoutReport(reason, job, facts.wait);
          // It may have run: its name must not run a second time.
          if (status.desiredRun || report) await remember(job, { ...report, runID: report?.runID ?? job.metadata.uid, phase: outcome, reason, message, completionTime: timestamp(times.now) }, ctx);
          setFinished(status, outcome, { reason, message }, moment);
          announceEnd(job, reason, message, outcome, tell, ctx);
          break;
        }
        case 'finishHopeless': {
          const message = facts.wait?.message ?? '';
          const reason = hopelessReason ?? 'InternalError';
          setFinished(status, outcome, { reason, message }, moment);
          announceEnd(job, reason, message, outcome, tell, ctx);
          break;
        }
        case 'offerToAgent':
          status.desiredRun = { id: job.metadata.uid, planGeneration, state: 'Run' };
          setUnfinished(status, { reason: 'WaitingForAgent', message: `offered to the agent of host ${job.spec.hostRef.name}` }, moment);
          break;
        case 'askToStop':
          status.desiredRun = { ...(status.desiredRun ?? { id: status.observed?.runID ?? (job.spec.startedBy === 'Agent' ? job.metadata.name : job.metadata.uid) }), state: 'Stop' };
          break;
        case 'explainWait':
          setUnfinished(status, facts.wait ?? { reason: 'WaitingForAgent', message: 'waiting for the agent' }, moment, hopelessReason !== undefined);
          break;
        case 'showOffered':
          setUnfinished(status, { reason: 'WaitingForAgent', message: status.desiredRun?.state === 'Stop' ? 'asked the agent not to run it' : `offered to the agent of host ${job.spec.hostRef.name}` }, moment);
          break;
        case 'showRunning':
          if (report) copyReport(status, report);
          setUnfinished(status, { reason: 'Running', message: status.desiredRun?.state === 'Stop' ? 'asked the agent to stop it' : `running on host ${job.spec.hostRef.name}` }, moment);
          break;
        default:
          assertNever(action);
      }
    }
    return requeueAt(times.now, times.startingDeadline, times.activeDeadline, times.hopelessAt, times.unreachableAt);
  });
}

/** Keeps how the run ended beyond the object, before the object says so. */
async function remember(job: Stored<ResticJob>, observed: ResticJobObserved, ctx: ReconcileContext): Promise<void> {
  await ctx.outcomes.putOutcome(keyOf(job), { uid: job.metadata.uid, observed, recordedTime: timestamp(ctx.clock.now()) });
}

/** A run that found its repository gone or replaced names it while host and repository still belong together. */
async function nameBrokenRepository(job: Stored<ResticJob>, ctx: ReconcileContext): Promise<void> {
  if (!foundRepositoryBroken(job) || job.metadata.labels?.[REPOSITORY_LABEL] !== undefined) return;
  const name = repositoryNameOf(job, ctx.cache.get('Host', { namespace: ctx.namespace, name: job.spec.hostRef.name }));
  if (name !== undefined) await ctx.store.patchMeta('ResticJob', keyOf(job), { labels: { [REPOSITORY_LABEL]: name } }, ctx.writer);
}
