/**
 * The lifecycle of the link, and only of the link: runs, cron and spool live elsewhere and do not end with it.
 *
 *   deciding -> enrolling -> connecting -> online
 *       ^           |             |          |         every failure waits, jittered, and begins again;
 *       +-- waiting <-------------+----------+         a welcome resets the back-off
 *
 * Ends: `revoked` (signed by the server), `denied` (never was a host), `failed` (the address or the token is refused).
 */
import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { announcing, backoffMs, DUPLICATE_MS, HOURLY_MS, jittered, reconnect } from './backoff.js';

/** How a connection ended. */
export type LinkEnd =
  | { type: 'lost'; message: string }
  | { type: 'protocolRefused'; message: string }
  | { type: 'duplicate'; message: string }
  | { type: 'unauthorised'; message: string }
  | { type: 'revoked' };

export type LinkEvent = { type: 'welcomed' } | { type: 'reconnect' } | LinkEnd;

/** How an attempt to become a host failed. `final`: no retry helps. */
export interface EnrolFailure { message: string; denied?: boolean; final?: boolean; retryAfterMs?: number }

interface LinkContext {
  /** Failures in a row since the last welcome. */
  attempt: number;
  delayMs: number;
  /** The bearer was refused: announce again, with the same key. */
  announceAgain: boolean;
  message: string;
}

export interface LinkParts {
  /** Has this agent a bearer? */
  enrolled(): boolean;
  /** Becomes a host, or rejects with an EnrolFailure. */
  enrol(signal: AbortSignal, again: boolean): Promise<void>;
  /** Opens one connection; returns what closes it. */
  connect(emit: (event: LinkEvent) => void): () => void;
  random(): number;
}

const failureOf = (event: unknown): EnrolFailure => {
  const { error } = event as { error?: unknown };
  return error !== null && typeof error === 'object' && 'message' in error ? error as EnrolFailure : { message: String(error) };
};

export function linkMachine(parts: LinkParts) {
  const wait = (ms: number): number => jittered(ms, parts.random());
  return setup({
    types: { context: {} as LinkContext, events: {} as LinkEvent },
    actors: {
      enrol: fromPromise<undefined, { again: boolean }>(async ({ input, signal }) => {
        await parts.enrol(signal, input.again);
        return undefined;
      }),
      connection: fromCallback<LinkEvent>(({ sendBack }) => parts.connect(sendBack)),
    },
    guards: {
      mustEnrol: ({ context }) => !parts.enrolled() || context.announceAgain,
      denied: ({ event }) => failureOf(event).denied === true && !parts.enrolled(),
      refusedForGood: ({ event }) => failureOf(event).final === true && !parts.enrolled(),
    },
    delays: { backoff: ({ context }) => context.delayMs },
    actions: {
      reset: assign({ attempt: 0, announceAgain: false, message: '' }),
      keepMessage: assign(({ event }) => ({ message: failureOf(event).message })),
      afterEnrolFailure: assign(({ context, event }) => {
        const failure = failureOf(event);
        const delayMs = failure.retryAfterMs ?? (failure.denied ? wait(HOURLY_MS) : backoffMs(announcing, context.attempt, parts.random()));
        // a host whose bearer was refused tries the bearer again in between: the refusal may have been a passing one
        return { attempt: context.attempt + 1, delayMs, message: failure.message, announceAgain: false };
      }),
    },
  }).createMachine({
    id: 'link',
    initial: 'deciding',
    context: { attempt: 0, delayMs: 0, announceAgain: false, message: '' },
    states: {
      deciding: { always: [{ guard: 'mustEnrol', target: 'enrolling' }, { target: 'connecting' }] },
      enrolling: {
        invoke: {
          src: 'enrol',
          input: ({ context }) => ({ again: context.announceAgain }),
          onDone: { target: 'connecting', actions: assign({ announceAgain: false }) },
          onError: [
            { guard: 'denied', target: 'denied', actions: 'keepMessage' },
            { guard: 'refusedForGood', target: 'failed', actions: 'keepMessage' },
            { target: 'waiting', actions: 'afterEnrolFailure' },
          ],
        },
      },
      linked: {
        initial: 'connecting',
        invoke: { src: 'connection' },
        states: { connecting: { on: { welcomed: { target: 'online', actions: 'reset' } } }, online: {} },
        on: {
          lost: { target: 'waiting', actions: assign(({ context, event }) => ({ attempt: context.attempt + 1, delayMs: backoffMs(reconnect, context.attempt, parts.random()), message: event.message })) },
          protocolRefused: { target: 'waiting', actions: assign(({ event }) => ({ delayMs: wait(HOURLY_MS), message: event.message })) },
          duplicate: { target: 'waiting', actions: assign(({ event }) => ({ delayMs: wait(DUPLICATE_MS), message: event.message })) },
          unauthorised: { target: 'waiting', actions: assign(({ context, event }) => ({ attempt: context.attempt + 1, delayMs: backoffMs(reconnect, context.attempt, parts.random()), announceAgain: true, message: event.message })) },
          reconnect: { target: 'deciding' },
          revoked: { target: 'revoked' },
        },
      },
      connecting: { always: { target: 'linked' } },
      waiting: { after: { backoff: { target: 'deciding' } } },
      revoked: { type: 'final' },
      denied: { type: 'final' },
      failed: { type: 'final' },
    },
  });
}
