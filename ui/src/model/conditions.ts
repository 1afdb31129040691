/** Reading conditions: absent is Unknown, never False. */
import type { ConditionType } from '#crds/conditions.js';
import type { Condition } from '#crds/meta.js';
import type { Tone } from './tone.js';

interface WithConditions { status?: { conditions?: Condition[] } }

export function condition(object: WithConditions | undefined, type: ConditionType): Condition | undefined {
  return object?.status?.conditions?.find((entry) => entry.type === type);
}

export function isTrue(object: WithConditions | undefined, type: ConditionType): boolean {
  return condition(object, type)?.status === 'True';
}

export function isFalse(object: WithConditions | undefined, type: ConditionType): boolean {
  return condition(object, type)?.status === 'False';
}

/** Reconciling and Stalled are abnormal when true; every other type is well when true. */
export function conditionTone(entry: Condition): Tone {
  if (entry.type === 'Reconciling') return entry.status === 'True' ? 'info' : 'idle';
  if (entry.type === 'Stalled') return entry.status === 'True' ? 'bad' : 'idle';
  if (entry.status === 'True') return 'ok';
  if (entry.status === 'Unknown') return 'idle';
  return waiting.has(entry.reason) ? 'info' : away.has(entry.reason) ? 'idle' : entry.type === 'Online' || entry.type === 'Synced' || entry.type === 'Complete' ? 'warn' : 'bad';
}

const waiting = new Set(['Initializing', 'NeverOpened', 'Progressing', 'PlanPending', 'CredentialsChanged']);
const away = new Set(['NeverConnected', 'Asleep', 'Suspended', 'Offline', 'NoPlan', 'NoHost']);
