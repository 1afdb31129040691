/** How long to wait before the next try. Half of it is chance, so that a fleet does not come back as one. */
export interface BackoffRule { baseMs: number; capMs: number }

export const reconnect: BackoffRule = { baseMs: 500, capMs: 15_000 };
export const announcing: BackoffRule = { baseMs: 2_000, capMs: 120_000 };
/** Nothing changes by itself: another protocol, a denial, a second agent of this identity. */
export const HOURLY_MS = 3_600_000;
export const DUPLICATE_MS = 300_000;

/** @param attempt failures in a row, from 0; @param random in [0, 1) */
export function backoffMs({ baseMs, capMs }: BackoffRule, attempt: number, random: number): number {
  return jittered(Math.min(capMs, baseMs * 2 ** Math.min(attempt, 20)), random);
}

/** Between half of it and all of it. */
export function jittered(ms: number, random: number): number {
  return Math.round(ms * (0.5 + random / 2));
}
