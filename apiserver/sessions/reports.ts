/**
 * The spool of one agent, taken in order and exactly once: a frame is applied, its position made durable, then
 * acknowledged. What must be refused for good is put aside (dead letter) and acknowledged, so it never blocks the queue;
 * what the server cannot take now (disk full) is tried again and not acknowledged.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { StoreError } from '#crds/objectStore.js';
import type { AgentFrame, SpooledType } from '#crds/wire/frames.js';
import type { Log } from '#controller/ports.js';
import type { Ledger } from './ledger.js';
import { withFollowing } from './together.js';

export type SpooledFrame = Extract<AgentFrame, { type: SpooledType }>;
/** Something with a seq that is no good report. */
export interface RefusedFrame { seq: number; refused: string; raw: unknown }
export type QueuedFrame = (SpooledFrame & { seq: number }) | RefusedFrame;

/** Thrown by apply for a report that no retry can make acceptable. */
export class RefusedReport extends Error {
  override name = 'RefusedReport';
}

/** No retry can help: refused by us, by admission, or by our own mistake. */
export function isForGood(error: unknown): error is Error {
  return error instanceof RefusedReport || error instanceof TypeError || (error instanceof StoreError && ['Invalid', 'Forbidden'].includes(error.reason));
}

export interface ReportsOptions {
  ledger: Ledger;
  /** Last seq of the backlog the agent named in hello; 0 for none. */
  backlogLast: number;
  apply: (frame: SpooledFrame, inBacklog: boolean) => Promise<void>;
  deadLetter: (frame: unknown, reason: string) => Promise<void>;
  ack: (seq: number) => void;
  /** After the backlog was taken, before anything else is; repeated until it works. */
  finishBacklog: () => Promise<void>;
  /** Once, when `drained()` has become true. */
  onDrained: () => void;
  /** A frame is missing between two: the connection must end, so that the agent sends again from what is acknowledged. */
  onGap: () => void;
  /** Called with true when too much is waiting, with false when there is room again. */
  congested: (yes: boolean) => void;
  log: Log;
}

interface Queued { frame: QueuedFrame; bytes: number }

export interface Reports {
  /** @param bytes its size on the wire */
  push(frame: QueuedFrame, bytes: number): void;
  drained(): boolean;
  /** Takes nothing more and resolves when the frame at hand is done. */
  stop(): Promise<void>;
}

/** Frames applied between two durable positions. */
const BATCH = 32;
/** Waiting frames, and their size on the wire, from which on nothing more is read of the agent. */
const HIGH_WATER = 64;
const HIGH_WATER_BYTES = 512 * 1024;

export function createReports({ ledger, backlogLast, apply, deadLetter, ack, finishBacklog: makeBacklogGood, onDrained, onGap, congested, log }: ReportsOptions): Reports {
  const queue: Queued[] = [];
  let waiting = 0;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let drained = false;
  let full = false;

  /** With the log lines that follow it, unless one of them is refused. @returns how many frames that was */
  async function take(frame: QueuedFrame, alone = false): Promise<number> {
    if ('refused' in frame) { await deadLetter(frame.raw, frame.refused); return 1; }
    const inBacklog = frame.seq <= backlogLast;
    const { whole, count } = alone ? { whole: frame, count: 1 } : withFollowing(frame, queue.slice(1, BATCH).map((each) => each.frame), inBacklog ? backlogLast : Infinity);
    try {
      await apply(whole, inBacklog);
      return count;
    } catch (error) {
      if (!isForGood(error)) throw error;
      if (count > 1) return take(frame, true);
      await deadLetter(frame, error.message);
      return 1;
    }
  }
  /** Tries until it works or the session ends; the agent keeps what is not acknowledged. */
  async function persist(what: string, work: () => Promise<void>): Promise<void> {
    for (let delay = 250; !stopping.signal.aborted; delay = Math.min(delay * 2, 30_000)) {
      try { await work(); return; } catch (error) {
        log.error({ what, error: error instanceof Error ? error.message : String(error) }, 'cannot take a report now; it stays with the agent');
        await pause(delay, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }
  async function settle(): Promise<void> {
    const { seq } = ledger; // others are applied meanwhile
    await persist('spool position', () => ledger.save());
    if (!stopping.signal.aborted) ack(seq);
  }
  async function run(): Promise<void> {
    if (!drained && ledger.seq >= backlogLast) await finishBacklog();
    let unsaved = 0;
    // What follows is taken while the position becomes durable: both wait for the same commit.
    let settling: Promise<void> = Promise.resolve();
    for (let head = queue[0]; head && !stopping.signal.aborted; head = queue[0]) {
      const current = head.frame;
      let taken = 1;
      if (current.seq > ledger.seq) {
        if (current.seq > ledger.seq + 1) {
          log.warn({ expected: ledger.seq + 1, got: current.seq }, 'the agent skipped part of its spool: connection ended, so that it sends again from what is acknowledged');
          stopping.abort();
          onGap();
          break;
        }
        await persist('refused' in current ? 'dead letter' : current.type, async () => { taken = await take(current); });
        if (stopping.signal.aborted) break;
        ledger.advance(current.seq + taken - 1);
      }
      unsaved += taken;
      for (const { bytes } of queue.splice(0, taken)) waiting -= bytes;
      if (full && queue.length <= HIGH_WATER / 2 && waiting <= HIGH_WATER_BYTES / 2) { full = false; congested(false); }
      const backlogDone = !drained && ledger.seq >= backlogLast;
      if (queue.length === 0 || unsaved >= BATCH || backlogDone) {
        await settling;
        settling = settle();
        unsaved = 0;
      }
      if (queue.length === 0 || backlogDone) await settling;
      if (backlogDone) await finishBacklog();
    }
    await settling;
  }
  async function finishBacklog(): Promise<void> {
    await persist('backlog', makeBacklogGood);
    await persist('spool position', () => ledger.save());
    if (stopping.signal.aborted) return;
    drained = true;
    onDrained();
  }
  function kick(): void {
    if (running || stopping.signal.aborted) return;
    running = run().finally(() => {
      running = undefined;
      if (stopping.signal.aborted) return;
      if (queue.length > 0) kick();
    });
  }
  // Not at once: the caller has to have what this returns.
  queueMicrotask(kick);

  return {
    push(frame, bytes) {
      queue.push({ frame, bytes });
      waiting += bytes;
      if (!full && (queue.length >= HIGH_WATER || waiting >= HIGH_WATER_BYTES)) { full = true; congested(true); }
      kick();
    },
    drained: () => drained,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
