/** Keeps a schedule's status: is it valid, which groups and hosts it reaches, last and next run. Nothing is started here: agents run their own cron. */
import type { ObjectKey } from '#crds/meta.js';
import { decide } from '../../runtime/decide.js';
import { requeueAt, timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { conditionOf, setCondition, summarize } from '../../status/conditions.js';
import { withStatus } from '../../status/patch.js';
import { resultOf } from '../host/facts.js';
import { gatherScheduleFacts } from './facts.js';
import { scheduleMachine, type ScheduleState } from './machine.js';

const GROUPS_TEXT = 1024;

export async function reconcileSchedule(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const schedule = ctx.cache.get('Schedule', key);
  if (!schedule || schedule.metadata.deletionTimestamp) return {};
  const { facts, now, matched, synced, stalledOn, lastRun, nextRun } = gatherScheduleFacts(schedule, ctx);
  const ready = conditionOf(schedule, 'Ready')?.status;
  const before: ScheduleState = ready === 'True' ? 'Ready' : ready === 'False' ? 'Stalled' : 'New';
  const { phase } = decide(scheduleMachine, before, facts);

  return withStatus('Schedule', schedule, ctx, (status) => {
    status.groups = groupsText(schedule.spec.sourceGroupRefs.map((ref) => ref.name));
    status.hosts = { matched, synced };
    if (lastRun) {
      status.lastRunTime = lastRun.status?.completionTime;
      status.lastRunResult = resultOf(lastRun);
    }
    status.nextRun = nextRun === undefined ? undefined : timestamp(nextRun);
    const moment = { generation: schedule.metadata.generation, now };
    if (phase === 'Stalled' && facts.problem) summarize(status, { type: 'stalled', ...facts.problem }, moment);
    else summarize(status, schedule.spec.suspend ? { type: 'ready', message: 'suspended: no run starts by itself' } : { type: 'ready' }, moment);
    if (stalledOn.length > 0) setCondition(status, 'Synced', 'False', { reason: 'ScheduleStalled', message: stalledText(stalledOn) }, moment);
    else if (synced < matched) setCondition(status, 'Synced', 'False', { reason: 'PlanPending', message: `${matched - synced} of ${matched} hosts have not applied their newest plan` }, moment);
    else setCondition(status, 'Synced', 'True', { reason: 'PlanApplied', message: 'every host it reaches has applied its newest plan' }, moment);
    return requeueAt(now, nextRun);
  });
}

/** Where it does not run and why; the first few of many. */
function stalledText(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 5).join('; ');
  return hosts.length > 5 ? `${shown}; and ${hosts.length - 5} more hosts` : shown;
}

/** Names as one column shows them, cut with a count of the rest. */
function groupsText(names: readonly string[]): string {
  const all = names.join(',');
  if (all.length <= GROUPS_TEXT) return all;
  const shown = names.slice(0, 12);
  return `${shown.join(',')} and ${names.length - shown.length} more`;
}
