/** Keeps a host's status: phase and presence, its repository, the plan its agent should have, its last and next backup. */
import type { OnlineReason, RepositoryReason, SyncedReason } from '#crds/conditions.js';
import type { Host } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import type { HostStatus } from '#crds/types/host.gen.js';
import { assertNever, decide } from '../../runtime/decide.js';
import { repositoryOf } from '../../runtime/indexes.js';
import { requeueAt } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { conditionOf, isTrue, removeCondition, setCondition, summarize, type Finding, type Moment } from '../../status/conditions.js';
import { withStatus } from '../../status/patch.js';
import { gatherHostFacts, nextBackupText, type GatheredHost } from './facts.js';
import { hostMachine, type HostPhase } from './machine.js';

export async function reconcileHost(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const host = ctx.cache.get('Host', key);
  if (!host || host.metadata.deletionTimestamp) return {};
  const gathered = gatherHostFacts(host, ctx);
  const { facts, now, plan, problem } = gathered;
  const { phase, actions } = decide(hostMachine, host.status?.phase ?? ('Pending' as HostPhase), facts);
  const moment: Moment = { generation: host.metadata.generation, now };

  return withStatus('Host', host, ctx, (status, tell) => {
    status.phase = phase;
    for (const action of actions) {
      switch (action.type) {
        case 'announceOnline': tell.event(host, 'Normal', 'Connected', `agent ${status.agent?.version ?? ''} connected`.replace('  ', ' ')); break;
        case 'announceAway': tell.event(host, facts.intermittent ? 'Normal' : 'Warning', facts.intermittent ? 'Asleep' : 'Disconnected', 'the agent is no longer connected'); break;
        default: assertNever(action);
      }
    }
    const online = facts.connected || (facts.holdLastState && isTrue(host, 'Online'));
    setOnline(status, online, facts, moment);
    setRepositoryReady(status, host, gathered, moment);
    setPlan(status, plan);
    setSynced(status, gathered, online, moment);
    setRetention(status, gathered, moment);
    if (gathered.lastBackup) status.lastBackup = gathered.lastBackup;
    status.nextBackup = nextBackupText(gathered.nextBackup);
    summarize(status, problem ? { type: 'stalled', ...problem } : { type: 'ready' }, moment);
    return requeueAt(now, gathered.holdEnds, gathered.nextBackup);
  });
}

function setOnline(status: HostStatus, online: boolean, facts: GatheredHost['facts'], moment: Moment): void {
  const finding: Finding<OnlineReason> = online ? { reason: 'Connected', message: 'the agent is connected' }
    : !facts.everConnected ? { reason: 'NeverConnected', message: 'no agent has connected yet' }
    : facts.intermittent ? { reason: 'Asleep', message: 'the agent is not connected; this host will catch up on return' }
    : { reason: 'Disconnected', message: 'the agent is not connected' };
  setCondition(status, 'Online', online ? 'True' : 'False', finding, moment);
}

function setRepositoryReady(status: HostStatus, host: Stored<Host>, { repository }: GatheredHost, moment: Moment): void {
  if (!repository) {
    setCondition(status, 'RepositoryReady', 'False', { reason: 'RepositoryNotFound', message: `Repository ${repositoryOf(host)} does not exist` }, moment);
    return;
  }
  const available = conditionOf(repository, 'Available');
  const finding = available ? { reason: available.reason as RepositoryReason, message: available.message } : { reason: 'NeverOpened' as const, message: 'the repository was not opened yet' };
  setCondition(status, 'RepositoryReady', available?.status ?? 'Unknown', finding, moment);
}

/** There only while true. A label can stop retention here, never a backup (E2). */
function setRetention(status: HostStatus, { sharedTags }: GatheredHost, moment: Moment): void {
  if (sharedTags.length === 0) { removeCondition(status, 'RetentionAmbiguous'); return; }
  const message = `several source groups share a tag on this host, so forget leaves its snapshots alone: ${sharedTags.map(({ tag, groups }) => `${tag} (${groups.join(', ')})`).join('; ')}`;
  setCondition(status, 'RetentionAmbiguous', 'True', { reason: 'TagShared', message }, moment);
}

/** A plan that cannot be made leaves the last revision standing: the agent keeps what it has. */
function setPlan(status: HostStatus, plan: GatheredHost['plan']): void {
  if (!plan.ok || plan.revision === status.desiredRevision) return;
  status.desiredRevision = plan.revision;
  status.planGeneration = (status.planGeneration ?? 0) + 1;
}

function setSynced(status: HostStatus, { plan }: GatheredHost, online: boolean, moment: Moment): void {
  const set = (value: 'True' | 'False' | 'Unknown', reason: SyncedReason, message: string): void => { setCondition(status, 'Synced', value, { reason, message }, moment); };
  if (!plan.ok) set('False', 'NoPlan', plan.message);
  else if (status.appliedRevision === plan.revision) set('True', 'PlanApplied', 'the agent has applied its plan');
  else if (!online) set('False', 'Offline', 'the agent gets its plan when it connects');
  else set('False', 'PlanPending', 'the agent has not applied its plan yet');
}
