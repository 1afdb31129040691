/** The two clocks: the system's, and one that tests move by hand. */
import type { Clock } from '../ports.js';

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => { clearTimeout(timer); };
  },
};

/** A clock that stands still until `advance`; due timers fire in order of time, then of setting. */
export class FakeClock implements Clock {
  private time: number;
  private order = 0;
  /** When the earliest timer set since the last sort falls due. */
  private newest = Infinity;
  private readonly timers = new Map<number, { due: number; callback: () => void }>();

  constructor(start: string | number) {
    this.time = typeof start === 'number' ? start : Date.parse(start);
  }

  now(): number {
    return this.time;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const id = ++this.order;
    const due = this.time + Math.max(0, ms);
    this.timers.set(id, { due, callback });
    this.newest = Math.min(this.newest, due);
    return () => { this.timers.delete(id); };
  }

  /** Moves time forward by `ms`, firing what falls due on the way. Timers set by a callback count too. */
  advance(ms: number): void {
    const end = this.time + ms;
    do {
      this.newest = Infinity;
      const due = [...this.timers].filter(([, timer]) => timer.due <= end).sort(([a, one], [b, two]) => one.due - two.due || a - b);
      for (const [id, timer] of due) {
        // One that was set on the way and comes before: sort again.
        if (this.newest < timer.due) break;
        if (!this.timers.delete(id)) continue;
        this.time = Math.max(this.time, timer.due);
        timer.callback();
      }
    } while (this.newest <= end);
    this.time = end;
  }
}
