/** Keeps a source group's status: how many hosts it is for, its tag, its last backup. Events that only change aggregates are throttled by the wiring. */
import { keyText, type ObjectKey } from '#crds/meta.js';
import { decide } from '../../runtime/decide.js';
import { timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { conditionOf, summarize } from '../../status/conditions.js';
import { withStatus } from '../../status/patch.js';
import { gatherGroupFacts } from './facts.js';
import { sourceGroupMachine, type GroupState } from './machine.js';

export async function reconcileSourceGroup(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const group = ctx.cache.get('SourceGroup', key);
  if (!group || group.metadata.deletionTimestamp) return {};
  const { facts, now, matchedHosts, lastBackup } = gatherGroupFacts(group, ctx);
  const ready = conditionOf(group, 'Ready')?.status;
  const before: GroupState = ready === 'True' ? 'Ready' : ready === 'False' ? 'Stalled' : 'New';
  const { phase } = decide(sourceGroupMachine, before, facts);
  const missing = `Host ${keyText({ namespace: key.namespace, name: group.spec.hostRef?.name ?? '' })} (spec.hostRef) does not exist`;

  return withStatus('SourceGroup', group, ctx, (status) => {
    status.matchedHosts = matchedHosts;
    status.tag = group.spec.tag ?? group.metadata.name;
    if (lastBackup !== undefined) status.lastBackupTime = timestamp(lastBackup);
    const moment = { generation: group.metadata.generation, now };
    if (phase === 'Stalled') summarize(status, { type: 'stalled', reason: 'HostNotFound', message: missing }, moment);
    else if (matchedHosts === 0) summarize(status, { type: 'ready', reason: 'NoHostMatches', message: 'no host has the labels of spec.hostSelector' }, moment);
    else summarize(status, { type: 'ready' }, moment);
    return {};
  });
}
