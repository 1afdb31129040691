/** Time is a parameter: everything that decides by time takes a Clock, so that tests hold it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once after `ms`; returns the cancel function. */
  setTimer(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => { clearTimeout(timer); };
  },
};

/** RFC 3339 with milliseconds, as all frames carry time. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
