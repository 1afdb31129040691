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
  private readonly timers = new Map<number, { due: number; callback: () => void }>();

  constructor(start: string | number) {
    this.time = typeof start === 'number' ? start : Date.parse(start);
  }

  now(): number {
    return this.time;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const id = ++this.order;
    this.timers.set(id, { due: this.time + Math.max(0, ms), callback });
    return () => { this.timers.delete(id); };
  }

  /** Moves time forward by `ms`, firing what falls due on the way. Timers set by a callback count too. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let next: [number, { due: number; callback: () => void }] | undefined;
      for (const entry of this.timers) if (entry[1].due <= end && (!next || entry[1].due < next[1].due)) next = entry;
      if (!next) break;
      this.timers.delete(next[0]);
      this.time = Math.max(this.time, next[1].due);
      next[1].callback();
    }
    this.time = end;
  }
}
