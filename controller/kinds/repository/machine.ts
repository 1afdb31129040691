/**
 * The state of a repository (H5). It is opened, and made only while its id was never known; after that a repository that is
 * gone or another one is an alarm, never an init.
 *
 *   Unknown ──makeInit──▶ Initializing ──▶ Ready ──▶ Replaced
 *                             └──▶ InitFailed ──┘  (new credentials or a passing failure open it again)
 *
 * Suspended by a person it rests, whatever is known of it, and goes on from what is known then.
 */
import { setup } from 'xstate';
import { named, type OwnAction } from '../../runtime/decide.js';

export type RepositoryPhase = 'Unknown' | 'Initializing' | 'Ready' | 'InitFailed' | 'Replaced' | 'Suspended';

export interface RepositoryFacts {
  /** The newest that is known of it: from the Init jobs, from runs that found it broken, from what its runner observed. */
  knowledge: 'nothing' | 'opening' | 'opened' | 'failed' | 'replaced';
  /** An open is due (never tried with these credentials, asked for, or worth another try) and possible now. */
  mayOpen: boolean;
  suspended: boolean;
}

export const repositoryMachine = setup({
  types: { events: {} as { type: 'observe'; facts: RepositoryFacts } },
  guards: {
    suspendedOpened: ({ event }) => event.facts.suspended && event.facts.knowledge === 'opened',
    suspended: ({ event }) => event.facts.suspended,
    replaced: ({ event }) => event.facts.knowledge === 'replaced',
    opened: ({ event }) => event.facts.knowledge === 'opened',
    opening: ({ event }) => event.facts.knowledge === 'opening',
    failed: ({ event }) => event.facts.knowledge === 'failed',
    nothing: ({ event }) => event.facts.knowledge === 'nothing',
    mayOpen: ({ event }) => event.facts.mayOpen,
  },
  actions: {
    /** Makes the Init job on the runner. */
    makeInit: named(),
    pinID: named(),
    raiseAlarm: named(),
  },
}).createMachine({
  id: 'repository',
  initial: 'Unknown',
  states: {
    Unknown: { on: { observe: [
      { guard: 'suspendedOpened', target: 'Suspended', actions: 'pinID' },
      { guard: 'suspended', target: 'Suspended' },
      { guard: 'replaced', target: 'Replaced', actions: 'raiseAlarm' },
      { guard: 'mayOpen', target: 'Initializing', actions: 'makeInit' },
      { guard: 'opened', target: 'Ready', actions: 'pinID' },
      { guard: 'opening', target: 'Initializing' },
      { guard: 'failed', target: 'InitFailed' },
    ] } },
    Initializing: { on: { observe: [
      { guard: 'suspendedOpened', target: 'Suspended', actions: 'pinID' },
      { guard: 'suspended', target: 'Suspended' },
      { guard: 'replaced', target: 'Replaced', actions: 'raiseAlarm' },
      { guard: 'mayOpen', actions: 'makeInit' },
      { guard: 'opened', target: 'Ready', actions: 'pinID' },
      { guard: 'failed', target: 'InitFailed' },
      { guard: 'nothing', target: 'Unknown' },
    ] } },
    InitFailed: { on: { observe: [
      { guard: 'suspendedOpened', target: 'Suspended', actions: 'pinID' },
      { guard: 'suspended', target: 'Suspended' },
      { guard: 'replaced', target: 'Replaced', actions: 'raiseAlarm' },
      { guard: 'mayOpen', target: 'Initializing', actions: 'makeInit' },
      { guard: 'opened', target: 'Ready', actions: 'pinID' },
      { guard: 'opening', target: 'Initializing' },
    ] } },
    Ready: { on: { observe: [
      { guard: 'suspendedOpened', target: 'Suspended', actions: 'pinID' },
      { guard: 'suspended', target: 'Suspended' },
      { guard: 'replaced', target: 'Replaced', actions: 'raiseAlarm' },
      { guard: 'mayOpen', actions: 'makeInit' },
      { guard: 'failed', target: 'InitFailed' },
    ] } },
    Replaced: { on: { observe: [
      { guard: 'suspendedOpened', target: 'Suspended', actions: 'pinID' },
      { guard: 'suspended', target: 'Suspended' },
      { guard: 'mayOpen', actions: 'makeInit' },
      { guard: 'opened', target: 'Ready' },
    ] } },
    Suspended: { on: { observe: [
      { guard: 'suspendedOpened', actions: 'pinID' },
      { guard: 'suspended' },
      { guard: 'replaced', target: 'Replaced', actions: 'raiseAlarm' },
      { guard: 'mayOpen', target: 'Initializing', actions: 'makeInit' },
      { guard: 'opened', target: 'Ready', actions: 'pinID' },
      { guard: 'opening', target: 'Initializing' },
      { guard: 'failed', target: 'InitFailed' },
      { target: 'Unknown' },
    ] } },
  },
});

export type RepositoryAction = OwnAction<typeof repositoryMachine>;
