/** Counts attempts per key in fixed windows, in memory: a restart forgives, which is no way in at these rates. */

export interface Attempts {
  /** Takes one attempt. @returns seconds to wait when there is none left (nothing is taken then) */
  take(key: string): number | undefined;
  /** Gives one back: it was not the kind that is limited. */
  refund(key: string): void;
}

const MAX_KEYS = 20_000;

export function createAttempts({ max, windowMs, now }: { max: number; windowMs: number; now: () => number }): Attempts {
  const windows = new Map<string, { count: number; ends: number }>();

  function forget(time: number): void {
    for (const [key, window] of windows) if (window.ends <= time || windows.size > MAX_KEYS) windows.delete(key);
  }

  return {
    take(key) {
      const time = now();
      let window = windows.get(key);
      if (window === undefined || window.ends <= time) {
        if (windows.size >= MAX_KEYS) forget(time);
        window = { count: 0, ends: time + windowMs };
        windows.set(key, window);
      }
      if (window.count >= max) return Math.max(1, Math.ceil((window.ends - time) / 1000));
      window.count += 1;
      return undefined;
    },
    refund(key) {
      const window = windows.get(key);
      if (window && window.count > 0) window.count -= 1;
    },
  };
}
