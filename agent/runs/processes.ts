/** What this agent knows of processes of this machine: its own dead children, and who lives. */
import { hostname } from 'node:os';
import type { Clock } from '../clock.js';
import type { UnlockFacts } from '../restic/unlock.js';
import { platform } from '../platform/here.js';
import type { Journal } from './journal.js';

const SECOND_MS = 1_000;

/** What the unlock rule needs to know of this machine. */
export function unlockFacts({ journal, clock, clockSkewMs }: { journal: Journal; clock: Clock; clockSkewMs(): number | undefined }): UnlockFacts {
  return {
    hostname: hostname(),
    now: clock.now(),
    clockSkewMs: clockSkewMs(),
    alive: (pid) => platform.isRunning(pid),
    ownDeadChild: (pid, lockTime) => journal.children.some((child) => child.pid === pid && child.time <= lockTime + SECOND_MS && !platform.isRunning(pid)),
  };
}
