/** Whether a source group is in force: Ready once what it refers to is there, Stalled while it is not. The state is read from its condition Ready. */
import { setup } from 'xstate';

export type GroupState = 'New' | 'Ready' | 'Stalled';

export interface GroupFacts {
  /** Its host exists (or it selects by labels). */
  resolved: boolean;
}

export const sourceGroupMachine = setup({
  types: { events: {} as { type: 'observe'; facts: GroupFacts } },
  guards: { resolved: ({ event }) => event.facts.resolved },
}).createMachine({
  id: 'sourceGroup',
  initial: 'New',
  states: {
    New: { on: { observe: [{ guard: 'resolved', target: 'Ready' }, { target: 'Stalled' }] } },
    Ready: { on: { observe: [{ guard: 'resolved' }, { target: 'Stalled' }] } },
    Stalled: { on: { observe: [{ guard: 'resolved', target: 'Ready' }] } },
  },
});
