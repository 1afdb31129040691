/** Conditions: setting them, and the summary that GitOps tools wait for. `Reconciling` and `Stalled` are there only while true. */
import type { ConditionReason, ConditionType, ReadyReason } from '#crds/conditions.js';
import type { Condition } from '#crds/meta.js';
import { timestamp } from '../runtime/time.js';

/** The part of a status that conditions live in. */
export interface Conditioned { conditions?: Condition[]; observedGeneration?: number }

/** Which spec the conditions speak of, and when. */
export interface Moment { generation: number | undefined; now: number }

export interface Finding<Reason extends ConditionReason = ConditionReason> { reason: Reason; message: string }

/** Sets one condition; lastTransitionTime moves only with the status. Messages are cut at the CRD's 32 KiB. */
export function setCondition(status: Conditioned, type: ConditionType, value: 'True' | 'False' | 'Unknown', finding: Finding, moment: Moment): void {
  const conditions = (status.conditions ??= []);
  const old = conditions.find((condition) => condition.type === type);
  const next: Condition = {
    type, status: value, reason: finding.reason, message: finding.message.slice(0, 32_768),
    lastTransitionTime: old?.status === value ? old.lastTransitionTime : timestamp(moment.now),
    ...(moment.generation === undefined ? {} : { observedGeneration: moment.generation }),
  };
  if (old) conditions[conditions.indexOf(old)] = next;
  else conditions.push(next);
}

export function removeCondition(status: Conditioned, type: ConditionType): void {
  if (!status.conditions) return;
  status.conditions = status.conditions.filter((condition) => condition.type !== type);
}

export function conditionOf(object: { status?: Conditioned } | undefined, type: ConditionType): Condition | undefined {
  return object?.status?.conditions?.find((condition) => condition.type === type);
}

export function isTrue(object: { status?: Conditioned } | undefined, type: ConditionType): boolean {
  return conditionOf(object, type)?.status === 'True';
}

/**
 * The stall to tell people of with an Event: of an object that was looked at before and was not stalled then. New objects
 * say it in their conditions only, as do those whose cause changes: whoever applies in any order would be warned for nothing.
 */
export function newStall(before: Conditioned | undefined, after: Conditioned): Condition | undefined {
  const isNews = conditionOf({ status: before ?? {} }, 'Ready') !== undefined && conditionOf({ status: before ?? {} }, 'Stalled') === undefined;
  return isNews ? conditionOf({ status: after }, 'Stalled') : undefined;
}

/** How reconciling an object ended. `stalled`: only a change of this or a referenced object helps. */
export type Summary =
  | { type: 'ready'; reason?: ReadyReason; message?: string }
  | { type: 'progressing'; message: string }
  | ({ type: 'stalled' } & Finding);

/** Writes Ready, Reconciling and Stalled from one verdict, so that they never contradict each other. */
export function summarize(status: Conditioned, summary: Summary, moment: Moment): void {
  switch (summary.type) {
    case 'ready':
      setCondition(status, 'Ready', 'True', { reason: summary.reason ?? 'Reconciled', message: summary.message ?? 'reconciled' }, moment);
      removeCondition(status, 'Reconciling');
      removeCondition(status, 'Stalled');
      break;
    case 'progressing':
      setCondition(status, 'Ready', 'Unknown', { reason: 'Progressing', message: summary.message }, moment);
      setCondition(status, 'Reconciling', 'True', { reason: 'Progressing', message: summary.message }, moment);
      removeCondition(status, 'Stalled');
      break;
    case 'stalled':
      setCondition(status, 'Ready', 'False', summary, moment);
      setCondition(status, 'Stalled', 'True', summary, moment);
      removeCondition(status, 'Reconciling');
      break;
  }
}
