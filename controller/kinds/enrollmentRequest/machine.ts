/** The life of an announcement: it becomes a Host when one with its fingerprint exists, is turned away by a person, or runs out. */
import { setup } from 'xstate';
import { named, type OwnAction } from '../../runtime/decide.js';

export type EnrollmentPhase = 'Pending' | 'Enrolled' | 'Denied' | 'Expired';

export interface EnrollmentFacts {
  /** A person turned it away; this wins. */
  denied: boolean;
  /** A Host with spec.enrollment.fingerprint of this key exists. */
  hostExists: boolean;
  expired: boolean;
}

const ends = [
  { guard: 'denied', target: 'Denied', actions: 'announceDenied' },
  { guard: 'hostExists', target: 'Enrolled', actions: 'announceEnrolled' },
] as const;

export const enrollmentRequestMachine = setup({
  types: { events: {} as { type: 'observe'; facts: EnrollmentFacts } },
  guards: {
    denied: ({ event }) => event.facts.denied,
    hostExists: ({ event }) => event.facts.hostExists,
    expired: ({ event }) => event.facts.expired,
  },
  actions: { announceEnrolled: named(), announceDenied: named() },
}).createMachine({
  id: 'enrollmentRequest',
  initial: 'Pending',
  states: {
    Pending: { on: { observe: [...ends, { guard: 'expired', target: 'Expired' }] } },
    Enrolled: { type: 'final' },
    Denied: { type: 'final' },
    Expired: { type: 'final' },
  },
});

export type EnrollmentAction = OwnAction<typeof enrollmentRequestMachine>;
