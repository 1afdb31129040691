/** Whether a schedule is in force: Ready once cron, zone and groups are right, Stalled while they are not. The state is read from its condition Ready. */
import { setup } from 'xstate';
import type { ReadyReason } from '#crds/conditions.js';

export type ScheduleState = 'New' | 'Ready' | 'Stalled';

export interface ScheduleFacts {
  /** The first thing that is wrong. */
  problem?: { reason: ReadyReason; message: string };
}

export const scheduleMachine = setup({
  types: { events: {} as { type: 'observe'; facts: ScheduleFacts } },
  guards: { right: ({ event }) => event.facts.problem === undefined },
}).createMachine({
  id: 'schedule',
  initial: 'New',
  states: {
    New: { on: { observe: [{ guard: 'right', target: 'Ready' }, { target: 'Stalled' }] } },
    Ready: { on: { observe: [{ guard: 'right' }, { target: 'Stalled' }] } },
    Stalled: { on: { observe: [{ guard: 'right', target: 'Ready' }] } },
  },
});
