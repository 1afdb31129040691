/** How often strangers may knock. In memory: a restart forgives. */
import { createAttempts, type Attempts } from '../auth/attempts.js';

export interface Limits {
  /** Announcements, 10 a minute per source. */
  announce: Attempts;
  /** Wrong enrolment tokens, 20 a minute per source. */
  enroll: Attempts;
  /** Wrong bootstrap tokens, 20 a minute per source. */
  bootstrap: Attempts;
}

export const PENDING_PER_IP = 10;
export const PENDING_IN_ALL = 100;

export function createLimits(now: () => number): Limits {
  const perMinute = (max: number): Attempts => createAttempts({ max, windowMs: 60_000, now });
  return { announce: perMinute(10), enroll: perMinute(20), bootstrap: perMinute(20) };
}
