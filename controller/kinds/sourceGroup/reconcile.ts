/** Keeps a source group's status: how many hosts it is for, its tag, its retention and whether its schedules feed that, its last backup. Events that only change aggregates are throttled by the wiring. */
import type { ObjectKey } from '#crds/meta.js';
import { tagOf } from '../../plan/policies.js';
import { decide } from '../../runtime/decide.js';
import { timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { conditionOf, setCondition, summarize } from '../../status/conditions.js';
import { withStatus } from '../../status/patch.js';
import { gatherGroupFacts } from './facts.js';
import { sourceGroupMachine, type GroupState } from './machine.js';

export async function reconcileSourceGroup(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const group = ctx.cache.get('SourceGroup', key);
  if (!group || group.metadata.deletionTimestamp) return {};
  const { facts, now, matchedHosts, lastBackup, retention, alignment } = gatherGroupFacts(group, ctx);
  const ready = conditionOf(group, 'Ready')?.status;
  const before: GroupState = ready === 'True' ? 'Ready' : ready === 'False' ? 'Stalled' : 'New';
  const { phase } = decide(sourceGroupMachine, before, facts);

  return withStatus('SourceGroup', group, ctx, (status) => {
    status.matchedHosts = matchedHosts;
    status.tag = tagOf(group);
    status.retention = retention;
    if (lastBackup !== undefined) status.lastBackupTime = timestamp(lastBackup);
    const moment = { generation: group.metadata.generation, now };
    setCondition(status, 'RetentionAligned', alignment.aligned ? 'True' : 'False', { reason: alignment.reason, message: alignment.message }, moment);
    if (phase === 'Stalled' && facts.problem) summarize(status, { type: 'stalled', ...facts.problem }, moment);
    else if (matchedHosts === 0) summarize(status, { type: 'ready', reason: 'NoHostMatches', message: 'no host has the labels of spec.hostSelector' }, moment);
    else summarize(status, { type: 'ready' }, moment);
    return {};
  });
}
