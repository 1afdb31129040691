/** A clock that tests push. Timers run on the machine's own time, which stands still while it sleeps; the wall clock may be set apart from it. */
import type { Clock } from '#agent/clock.js';

interface Timer { at: number; order: number; callback: () => void }

export class TestClock implements Clock {
  #now: number;
  #mono = 0;
  #order = 0;
  #timers = new Set<Timer>();

  constructor(start: string | number) {
    this.#now = typeof start === 'string' ? Date.parse(start) : start;
  }

  now(): number {
    return this.#now;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { at: this.#mono + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => { this.#timers.delete(timer); };
  }

  /** Time passes and timers fire. */
  pass(seconds: number): void {
    const end = this.#mono + seconds * 1_000;
    while (this.#fireNext(end));
    this.#advance(end);
  }

  /** As pass, and `settle` is awaited after every timer: what it began is over before time goes on. */
  async passSettled(seconds: number, settle: () => Promise<void>): Promise<void> {
    const end = this.#mono + seconds * 1_000;
    await settle();
    while (this.#fireNext(end)) await settle();
    this.#advance(end);
  }

  /** The wall clock moves, the machine does not run. Negative: the clock was set back. */
  sleep(seconds: number): void {
    this.#now += seconds * 1_000;
  }

  #fireNext(end: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order))) next = timer;
    if (!next) return false;
    this.#timers.delete(next);
    this.#advance(next.at);
    next.callback();
    return true;
  }

  #advance(mono: number): void {
    this.#now += mono - this.#mono;
    this.#mono = mono;
  }
}
