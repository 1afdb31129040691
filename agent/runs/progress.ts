/** The first progress goes out at once, later ones at most one a second, the newest wins (E23). Not kept: who was away reads the result. */
import type { JobProgress } from '#crds/wire/agentProtocol.gen.js';
import type { Clock } from '../clock.js';

const INTERVAL_MS = 1_000;

export class ProgressSender {
  readonly #send: (progress: JobProgress) => void;
  readonly #clock: Clock;
  #last = -Infinity;
  #waiting: JobProgress | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, send: (progress: JobProgress) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  report(progress: JobProgress): void {
    this.#waiting = progress;
    const due = this.#last + INTERVAL_MS - this.#clock.now();
    if (due <= 0) this.#pass();
    else this.#cancelTimer ??= this.#clock.setTimer(due, () => { this.#pass(); });
  }

  /** Nothing more is sent. */
  end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waiting = undefined;
  }

  #pass(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#waiting) return;
    this.#last = this.#clock.now();
    this.#send(this.#waiting);
    this.#waiting = undefined;
  }
}
