/**
 * The work queue: keys wait in it once however often they are added, a key is never handed to two workers, and a key
 * added while it is worked on comes again afterwards. Failures back off exponentially, with jitter, to a cap.
 * Keys may share a lane (all jobs of one host): a lane is worked on by one worker at a time. Every step takes constant time,
 * however many keys wait, in however many lanes.
 * The shape is that of client-go's rate-limiting workqueue.
 */
import type { Clock } from '../ports.js';

export interface QueueOptions {
  clock: Clock;
  /** First delay after a failure, ms. */
  baseDelay?: number;
  maxDelay?: number;
  lane?: (key: string) => string;
  /** In [0, 1); injected by tests. */
  random?: () => number;
}

/** No timer is set for longer: setTimeout wraps at 24.8 days, and a wall clock may be moved. */
export const MAX_DELAY = 3_600_000;

export class WorkQueue {
  private readonly clock: Clock;
  private readonly baseDelay: number;
  private readonly maxDelay: number;
  private readonly lane: (key: string) => string;
  private readonly random: () => number;
  private readonly ready = new Line();
  private readonly active = new Set<string>();
  private readonly again = new Set<string>();
  /** The lane of each key being worked on, and the lanes so taken. */
  private readonly lanes = new Map<string, string>();
  private readonly busyLanes = new Set<string>();
  /** Keys whose turn came while their lane was taken. They wait for a lane that is busy, or of which a key is in `resumed`. */
  private readonly parked = new Map<string, Line>();
  private readonly parkedKeys = new Set<string>();
  /** Keys whose lane has become free, with that lane: they have stood in line already, so they come first. */
  private readonly resumed: { key: string; from: string }[] = [];
  private readonly delayed = new Map<string, { due: number; cancel: () => void }>();
  private readonly failures = new Map<string, number>();
  /** When a throttled key was let through last, or will be next. */
  private readonly lastThrottled = new Map<string, number>();
  private readonly takers: ((key: string | undefined) => void)[] = [];
  private readonly idlers: (() => void)[] = [];
  private stopped = false;

  constructor(options: QueueOptions) {
    this.clock = options.clock;
    this.baseDelay = options.baseDelay ?? 50;
    this.maxDelay = options.maxDelay ?? 300_000;
    this.lane = options.lane ?? ((key) => key);
    this.random = options.random ?? Math.random;
  }

  add(key: string): void {
    if (this.stopped) return;
    if (this.active.has(key)) this.again.add(key);
    else if (!this.parkedKeys.has(key)) this.ready.add(key);
    this.serve();
  }

  /** Adds after `ms` (at most one hour). An earlier pending add of the key stays; a later one is replaced. */
  addAfter(key: string, ms: number): void {
    if (this.stopped) return;
    const wait = Math.min(Math.max(0, ms), MAX_DELAY);
    if (wait === 0) { this.add(key); return; }
    const due = this.clock.now() + wait;
    const pending = this.delayed.get(key);
    if (pending) {
      if (pending.due <= due && pending.due > this.clock.now()) return;
      pending.cancel();
    }
    const cancel = this.clock.setTimer(wait, () => {
      this.delayed.delete(key);
      this.add(key);
    });
    this.delayed.set(key, { due, cancel });
  }

  /** Adds at once when the last throttled add lies `interval` ms back, else then: for aggregates that many events touch. */
  addThrottled(key: string, interval: number): void {
    const now = this.clock.now();
    const last = this.lastThrottled.get(key);
    if (last !== undefined && last <= now + interval && now < last + interval) {
      const due = last > now ? last : last + interval;
      this.lastThrottled.set(key, due);
      this.addAfter(key, due - now);
      return;
    }
    this.lastThrottled.set(key, now);
    if (this.lastThrottled.size > 10_000) for (const [old, at] of this.lastThrottled) if (now - at > interval) this.lastThrottled.delete(old);
    this.add(key);
  }

  /** Adds after the back-off of a key that failed. Returns the delay in ms. */
  addRateLimited(key: string): number {
    const count = this.failures.get(key) ?? 0;
    this.failures.set(key, count + 1);
    const full = Math.min(this.maxDelay, this.baseDelay * 2 ** Math.min(count, 30));
    const delay = full * (0.5 + this.random() / 2);
    this.addAfter(key, delay);
    return delay;
  }

  /** Ends the back-off of a key. */
  forget(key: string): void {
    this.failures.delete(key);
  }

  failuresOf(key: string): number {
    return this.failures.get(key) ?? 0;
  }

  /** The next key, waiting for one; undefined once stopped. The taker must call `done`. */
  take(): Promise<string | undefined> {
    if (this.stopped) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.takers.push(resolve);
      this.serve();
    });
  }

  done(key: string): void {
    this.active.delete(key);
    const lane = this.lanes.get(key);
    if (lane !== undefined) {
      this.lanes.delete(key);
      this.busyLanes.delete(lane);
      this.resume(lane);
    }
    if (this.again.delete(key) && !this.stopped) this.ready.add(key);
    this.serve();
    this.settle();
  }

  /** Keys waiting now, delayed ones not counted. */
  get length(): number {
    return this.ready.size + this.parkedKeys.size;
  }

  /** True when nothing waits and nothing is worked on; delayed keys do not count. */
  get idle(): boolean {
    return this.length === 0 && this.active.size === 0;
  }

  whenIdle(): Promise<void> {
    if (this.idle) return Promise.resolve();
    return new Promise((resolve) => { this.idlers.push(resolve); });
  }

  /** No more keys are handed out; `whenIdle` resolves when the workers are done. */
  stop(): void {
    this.stopped = true;
    for (const { cancel } of this.delayed.values()) cancel();
    this.delayed.clear();
    this.ready.clear();
    this.again.clear();
    this.parked.clear();
    this.parkedKeys.clear();
    this.resumed.length = 0;
    for (const taker of this.takers.splice(0)) taker(undefined);
    this.settle();
  }

  private serve(): void {
    while (this.takers.length > 0) {
      const key = this.nextKey();
      if (key === undefined) return;
      this.takers.shift()?.(key);
    }
  }

  private nextKey(): string | undefined {
    for (;;) {
      const resumed = this.resumed.shift();
      const key = resumed?.key ?? this.ready.take();
      if (key === undefined) return undefined;
      this.parkedKeys.delete(key);
      const lane = this.lane(key);
      // It has gone to another lane: the one it waited for is somebody else's turn.
      if (resumed && resumed.from !== lane) this.resume(resumed.from);
      if (!this.busyLanes.has(lane)) {
        this.active.add(key);
        this.lanes.set(key, lane);
        this.busyLanes.add(lane);
        return key;
      }
      const waiting = this.parked.get(lane) ?? new Line();
      waiting.add(key);
      this.parked.set(lane, waiting);
      this.parkedKeys.add(key);
    }
  }

  /** Lets one of those that wait for a lane have its turn: letting all go would only park them again, each time. */
  private resume(lane: string): void {
    const waiting = this.parked.get(lane);
    const key = waiting?.take();
    if (key !== undefined) this.resumed.push({ key, from: lane });
    if (waiting?.size === 0) this.parked.delete(lane);
  }

  private settle(): void {
    if (this.idle) for (const idler of this.idlers.splice(0)) idler();
  }
}

/** Keys in the order they came, each once. */
class Line {
  private readonly keys = new Set<string>();
  /** Where taking stands. Begun anew for each key it would skip all that were taken before, again and again. */
  private walk = this.keys.values();

  get size(): number {
    return this.keys.size;
  }

  add(key: string): void {
    this.keys.add(key);
  }

  /** Keys added meanwhile join the line; at its end it begins again. */
  take(): string | undefined {
    if (this.keys.size === 0) return undefined;
    let next = this.walk.next();
    if (next.done === true) {
      this.walk = this.keys.values();
      next = this.walk.next();
    }
    if (next.value !== undefined) this.keys.delete(next.value);
    return next.value;
  }

  clear(): void {
    this.keys.clear();
  }
}
