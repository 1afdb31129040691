/** One run in the supervisor's hands: where it stands, what stops it, how long it may take. */
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import type { Clock } from '../clock.js';
import type { Attempt } from './journal.js';
import type { JobArguments, StopReason } from './operations/operation.js';

export interface RunRequest {
  identity: JobIdentity;
  /** Start once the plan applied in the server's present epoch is of this generation or newer. Absent or 0: with any, or none. */
  planGeneration?: number;
  activeDeadlineSeconds?: number;
  /** What the job says beside its identity; may hold credentials, and is let go of when the run is over. */
  args?: JobArguments;
  /** The due moments it answers, for runs of the agent's own cron. */
  attempts?: Attempt[];
  /** uid of the source group, for runs of the agent's own cron. */
  group?: string;
}

/**
 *   waiting -> active -> over
 *      ^         |
 *      '- resting'      between two attempts: it is running for everybody, and takes no turn from others
 */
export type RunState = 'waiting' | 'active' | 'resting' | 'over';

export class Run {
  readonly request: RunRequest;
  abort = new AbortController();
  state: RunState = 'waiting';
  /** Epoch ms; 0 until it begins. */
  startTime = 0;
  attempts = 0;
  /** Its activeDeadlineSeconds, once it begins. */
  deadlineSeconds: number | undefined;
  stop: StopReason | undefined;
  over: Promise<void> = Promise.resolve();
  #turn: (() => void) | undefined;

  constructor(request: RunRequest) {
    this.request = request;
  }

  get id(): string {
    return this.request.identity.runID;
  }

  /** Journalled: only a report ends it. */
  get begun(): boolean {
    return this.startTime > 0;
  }

  stopFor(reason: StopReason): void {
    if (this.stop === undefined || this.stop === 'Stuck') this.stop = reason; // a stuck attempt may be followed by another, a stopped run not
    this.abort.abort();
  }

  /** An attempt that hung was stopped, and only it. */
  revive(): void {
    if (this.stop !== 'Stuck') return;
    this.stop = undefined;
    this.abort = new AbortController();
  }

  /** Takes its turn for another attempt. */
  take(): void {
    this.state = 'active';
    this.#turn?.();
  }

  /** Rests, then waits for its turn again. @param onWaiting called when it wants one. Resolves with false when it was stopped meanwhile. */
  async rest(ms: number, clock: Clock, onWaiting: () => void): Promise<boolean> {
    const { signal } = this.abort;
    this.state = 'resting';
    let cancel: () => void = () => undefined;
    await new Promise<void>((resolve) => {
      const onAbort = (): void => { resolve(); };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#turn = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      cancel = clock.setTimer(ms, () => {
        this.state = 'waiting';
        onWaiting();
      });
      if (signal.aborted) resolve();
    });
    cancel();
    this.#turn = undefined;
    this.state = 'active';
    return !signal.aborted;
  }

  /** Stops it when its time is over, retries included. Returns the cancel function. */
  limit(seconds: number | undefined, clock: Clock): () => void {
    if (seconds === undefined) return () => undefined;
    this.deadlineSeconds = seconds;
    const end = this.startTime + seconds * 1_000;
    let cancel: () => void = () => undefined;
    const arm = (): void => {
      const left = end - clock.now();
      if (left > 0) cancel = clock.setTimer(Math.min(left, 3_600_000), arm);
      else this.stopFor('DeadlineExceeded');
    };
    arm();
    return () => { cancel(); };
  }
}
