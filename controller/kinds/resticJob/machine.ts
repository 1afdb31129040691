/**
 * The life of a job. Only Queued is ended by the server alone; from Offered on the agent may be running it, so cancel and
 * deadlines ask it to stop and its report decides. What the agent reported comes first in every unfinished phase.
 *
 *   Queued ──offer──▶ Offered ──report──▶ Running ──report──▶ Succeeded | Failed | Cancelled
 *     └──── a run the agent began itself ───▶┘
 */
import { setup } from 'xstate';
import type { JobReason } from '#crds/conditions.js';
import { named, type OwnAction } from '../../runtime/decide.js';

export type JobPhase = 'Queued' | 'Offered' | 'Running' | 'Succeeded' | 'Failed' | 'Cancelled';
export type JobOutcome = 'Succeeded' | 'Failed' | 'Cancelled';

/** Everything one decision depends on, read once. */
export interface JobFacts {
  /** What the agent last said of this run. */
  reported?: 'Running' | JobOutcome;
  /** How an earlier job of this name ended: it is this one's result, and nothing runs again. */
  stored?: JobOutcome;
  /** The agent began it by its own cron: it is never offered. */
  startedByAgent: boolean;
  cancelRequested: boolean;
  /** The Host of a job that may be running is deleted: its agent is revoked. */
  hostGone: boolean;
  /** Why it may not be offered now; absent: it may. */
  wait?: { reason: JobReason; message: string };
  /** The wait is for something only a person can mend, and has lasted long enough. */
  hopeless: boolean;
  pastStartingDeadline: boolean;
  pastActiveDeadline: boolean;
  /** The host is away since seven days past the job's deadline. */
  unreachable: boolean;
}

const reportedOutcome = [
  { guard: 'reportedSucceeded', target: 'Succeeded', actions: 'finishAsReported' },
  { guard: 'reportedFailed', target: 'Failed', actions: 'finishAsReported' },
  { guard: 'reportedCancelled', target: 'Cancelled', actions: 'finishAsReported' },
] as const;

export const resticJobMachine = setup({
  types: { events: {} as { type: 'observe'; facts: JobFacts } },
  guards: {
    reportedRunning: ({ event }) => event.facts.reported === 'Running',
    reportedSucceeded: ({ event }) => event.facts.reported === 'Succeeded',
    reportedFailed: ({ event }) => event.facts.reported === 'Failed',
    reportedCancelled: ({ event }) => event.facts.reported === 'Cancelled',
    storedSucceeded: ({ event }) => event.facts.stored === 'Succeeded',
    storedFailed: ({ event }) => event.facts.stored === 'Failed',
    storedCancelled: ({ event }) => event.facts.stored === 'Cancelled',
    cancelledBeforeStart: ({ event }) => event.facts.cancelRequested && !event.facts.startedByAgent,
    hostGone: ({ event }) => event.facts.hostGone,
    unreachable: ({ event }) => event.facts.unreachable,
    neverStarted: ({ event }) => event.facts.pastStartingDeadline && !event.facts.startedByAgent,
    hopeless: ({ event }) => event.facts.hopeless,
    mayStart: ({ event }) => event.facts.wait === undefined && !event.facts.startedByAgent,
    mustStop: ({ event }) => event.facts.cancelRequested || event.facts.pastActiveDeadline,
    mustStopOrNotStart: ({ event }) => event.facts.cancelRequested || event.facts.pastStartingDeadline,
    cancelRequested: ({ event }) => event.facts.cancelRequested,
  },
  actions: {
    finishAsReported: named(),
    finishAsStored: named(),
    finish: named<{ reason: JobReason }>(),
    finishHopeless: named(),
    offerToAgent: named(),
    askToStop: named(),
    explainWait: named(),
    showOffered: named(),
    showRunning: named(),
  },
}).createMachine({
  id: 'resticJob',
  initial: 'Queued',
  states: {
    Queued: {
      on: { observe: [
        ...reportedOutcome,
        { guard: 'reportedRunning', target: 'Running', actions: 'showRunning' },
        { guard: 'storedSucceeded', target: 'Succeeded', actions: 'finishAsStored' },
        { guard: 'storedFailed', target: 'Failed', actions: 'finishAsStored' },
        { guard: 'storedCancelled', target: 'Cancelled', actions: 'finishAsStored' },
        { guard: 'cancelledBeforeStart', target: 'Cancelled', actions: { type: 'finish', params: { reason: 'CancelledBeforeStart' } } },
        { guard: 'hostGone', target: 'Failed', actions: { type: 'finish', params: { reason: 'HostNotFound' } } },
        { guard: 'unreachable', target: 'Failed', actions: { type: 'finish', params: { reason: 'HostUnreachable' } } },
        { guard: 'neverStarted', target: 'Failed', actions: { type: 'finish', params: { reason: 'StartingDeadlineExceeded' } } },
        { guard: 'hopeless', target: 'Failed', actions: 'finishHopeless' },
        { guard: 'mayStart', target: 'Offered', actions: 'offerToAgent' },
        { guard: 'cancelRequested', actions: ['askToStop', 'explainWait'] },
        { actions: 'explainWait' },
      ] },
    },
    Offered: {
      on: { observe: [
        ...reportedOutcome,
        { guard: 'reportedRunning', target: 'Running', actions: 'showRunning' },
        { guard: 'hostGone', target: 'Failed', actions: { type: 'finish', params: { reason: 'HostNotFound' } } },
        { guard: 'unreachable', target: 'Failed', actions: { type: 'finish', params: { reason: 'HostUnreachable' } } },
        { guard: 'mustStopOrNotStart', actions: ['askToStop', 'showOffered'] },
        { actions: 'showOffered' },
      ] },
    },
    Running: {
      on: { observe: [
        ...reportedOutcome,
        { guard: 'hostGone', target: 'Failed', actions: { type: 'finish', params: { reason: 'HostNotFound' } } },
        { guard: 'unreachable', target: 'Failed', actions: { type: 'finish', params: { reason: 'HostUnreachable' } } },
        { guard: 'mustStop', actions: ['askToStop', 'showRunning'] },
        { actions: 'showRunning' },
      ] },
    },
    Succeeded: { type: 'final' },
    Failed: { type: 'final' },
    Cancelled: { type: 'final' },
  },
});

export type JobAction = OwnAction<typeof resticJobMachine>;
