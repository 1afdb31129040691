/** How much one host may send: a bucket that holds a minute's worth and refills steadily. Over it the host is made to wait. */
import type { Clock } from '#controller/ports.js';

export interface Quota {
  /** Counts `amount`, which always fits. @returns milliseconds to wait before taking more; 0 within the quota */
  take(amount: number): number;
}

export function createQuota(perMinute: number, clock: Clock): Quota {
  let left = perMinute;
  let at = clock.now();
  return {
    take(amount) {
      const now = clock.now();
      // A clock that was set back refills nothing.
      left = Math.min(perMinute, left + (Math.max(0, now - at) * perMinute) / 60_000) - amount;
      at = now;
      return left >= 0 ? 0 : Math.ceil((-left * 60_000) / perMinute);
    },
  };
}

/** Quotas of one host, kept over its connections. */
export interface HostQuotas { frames: Quota; snapshots: Quota }

/** Frames of any type: far above what an agent with a month of spool sends. */
export const FRAMES_PER_MINUTE = 6000;
/** Snapshots listed or removed: six whole lists of 10,000. */
export const SNAPSHOTS_PER_MINUTE = 60_000;

export function createHostQuotas(clock: Clock): HostQuotas {
  return { frames: createQuota(FRAMES_PER_MINUTE, clock), snapshots: createQuota(SNAPSHOTS_PER_MINUTE, clock) };
}
