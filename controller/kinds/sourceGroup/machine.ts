/** Whether a source group is in force: Ready once what it refers to is there and fit, Stalled while it is not. The state is read from its condition Ready. */
import { setup } from 'xstate';
import type { ReadyReason } from '#crds/conditions.js';

export type GroupState = 'New' | 'Ready' | 'Stalled';

export interface GroupFacts {
  /** The first thing that is wrong. */
  problem?: { reason: ReadyReason; message: string };
}

export const sourceGroupMachine = setup({
  types: { events: {} as { type: 'observe'; facts: GroupFacts } },
  guards: { right: ({ event }) => event.facts.problem === undefined },
}).createMachine({
  id: 'sourceGroup',
  initial: 'New',
  states: {
    New: { on: { observe: [{ guard: 'right', target: 'Ready' }, { target: 'Stalled' }] } },
    Ready: { on: { observe: [{ guard: 'right' }, { target: 'Stalled' }] } },
    Stalled: { on: { observe: [{ guard: 'right', target: 'Ready' }] } },
  },
});
