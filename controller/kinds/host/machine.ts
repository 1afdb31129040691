/**
 * The phase of a host, as people see it. Presence itself is the condition Online; a suspended host may be connected.
 * After a start of the server the last known phase holds for a while, so that a restart writes nothing for hosts that come back.
 */
import { setup } from 'xstate';
import { named, type OwnAction } from '../../runtime/decide.js';

export type HostPhase = 'Pending' | 'Online' | 'Offline' | 'Asleep' | 'Suspended';

export interface HostFacts {
  suspended: boolean;
  /** An agent is connected and its gateway lives. */
  connected: boolean;
  /** An agent has ever been connected (E1: before that the host is Pending, not Offline). */
  everConnected: boolean;
  /** Presence Intermittent: away means asleep. */
  intermittent: boolean;
  /** The gateway of the connection is not back yet, and the server has just started. */
  holdLastState: boolean;
}

export const hostMachine = setup({
  types: { events: {} as { type: 'observe'; facts: HostFacts } },
  guards: {
    suspended: ({ event }) => event.facts.suspended,
    connected: ({ event }) => event.facts.connected,
    hold: ({ event }) => event.facts.holdLastState,
    never: ({ event }) => !event.facts.everConnected,
    asleep: ({ event }) => event.facts.intermittent,
  },
  actions: { announceOnline: named(), announceAway: named() },
}).createMachine({
  id: 'host',
  initial: 'Pending',
  states: {
    Pending: { on: { observe: [{ guard: 'suspended', target: 'Suspended' }, { guard: 'connected', target: 'Online', actions: 'announceOnline' }, { guard: 'hold' }, { guard: 'never' }, { guard: 'asleep', target: 'Asleep' }, { target: 'Offline' }] } },
    Online: { on: { observe: [{ guard: 'suspended', target: 'Suspended' }, { guard: 'connected' }, { guard: 'hold' }, { guard: 'asleep', target: 'Asleep', actions: 'announceAway' }, { target: 'Offline', actions: 'announceAway' }] } },
    Offline: { on: { observe: [{ guard: 'suspended', target: 'Suspended' }, { guard: 'connected', target: 'Online', actions: 'announceOnline' }, { guard: 'hold' }, { guard: 'asleep', target: 'Asleep' }] } },
    Asleep: { on: { observe: [{ guard: 'suspended', target: 'Suspended' }, { guard: 'connected', target: 'Online', actions: 'announceOnline' }, { guard: 'hold' }, { guard: 'asleep' }, { target: 'Offline' }] } },
    Suspended: { on: { observe: [{ guard: 'suspended' }, { guard: 'connected', target: 'Online' }, { guard: 'hold' }, { guard: 'never', target: 'Pending' }, { guard: 'asleep', target: 'Asleep' }, { target: 'Offline' }] } },
  },
});

export type HostAction = OwnAction<typeof hostMachine>;
