/** A clock that tests push. Timers follow the time the machine is awake; `sleep` moves only the wall clock. */
import type { Clock } from '#agent/clock.js';

export class TestClock implements Clock {
  #now: number;
  #mono = 0;
  #timers: { at: number; callback: () => void }[] = [];

  /** @param start RFC 3339 */
  constructor(start: string) {
    this.#now = Date.parse(start);
  }

  now(): number {
    return this.#now;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { at: this.#mono + ms, callback };
    this.#timers.push(timer);
    return () => { this.#timers = this.#timers.filter((one) => one !== timer); };
  }

  /** Time passes and timers fire. */
  pass(seconds: number): void {
    const end = this.#mono + seconds * 1_000;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now += next.at - this.#mono;
      this.#mono = next.at;
      next.callback();
    }
    this.#now += end - this.#mono;
    this.#mono = end;
  }

  /** The wall clock moves, the machine does not run. */
  sleep(seconds: number): void {
    this.#now += seconds * 1_000;
  }
}
