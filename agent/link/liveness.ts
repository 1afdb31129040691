/**
 * Whether somebody is at the other end. It is asked (ping) with each heartbeat and while there is something to tell. Who does not
 * answer is gone, or TCP tries so seldom by now that a new connection is through sooner. Time is monotonic: clocks may jump.
 */
import { performance } from 'node:perf_hooks';

export interface LivenessOptions {
  /** Sends a ping: any word of the other end afterwards is an answer. */
  ping(): void;
  /** The other end fell silent. */
  onSilent(): void;
  answerWithinMs?: number;
  askEveryMs?: number;
}

/** For an answer, besides the time that what was sent before the question may take. */
const ANSWER_WITHIN_MS = 20_000;
/** While there is something to tell. */
const ASK_EVERY_MS = 10_000;
/** The slowest line that is still one, bytes a millisecond (64 kbit/s). */
const SLOWEST_LINE = 8;
/** A timer this late: this process was stopped, and did not listen either. */
const LATE_MS = 2_000;

export class Liveness {
  readonly #options: Required<LivenessOptions>;
  #passed = performance.now();
  #asked = -Infinity;
  /** Bytes sent since the last word of the other end. */
  #unanswered = 0;
  /** Runs while an answer is awaited. */
  #question: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LivenessOptions) {
    this.#options = { answerWithinMs: ANSWER_WITHIN_MS, askEveryMs: ASK_EVERY_MS, ...options };
  }

  /** Since anything passed, either way, ms. */
  get silenceMs(): number {
    return performance.now() - this.#passed;
  }

  sent(bytes: number): void {
    this.#passed = performance.now();
    this.#unanswered += bytes;
    if (this.#passed - this.#asked > this.#options.askEveryMs) this.ask();
  }

  heard(): void {
    this.#passed = performance.now();
    this.#unanswered = 0;
    clearTimeout(this.#question);
    this.#question = undefined;
  }

  /** One question at a time. */
  ask(): void {
    if (this.#stopped || this.#question) return;
    this.#passed = this.#asked = performance.now();
    this.#options.ping();
    this.#await(this.#options.answerWithinMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#question);
  }

  #await(ms: number): void {
    const due = performance.now() + ms;
    this.#question = setTimeout(() => {
      this.#question = undefined;
      const now = performance.now();
      const rest = this.#asked + this.#options.answerWithinMs + this.#unanswered / SLOWEST_LINE - now;
      if (now > due + LATE_MS) this.ask();
      else if (rest > 0) this.#await(rest);
      else this.#options.onSilent();
    }, ms);
  }
}
