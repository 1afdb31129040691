/** What decisions need from outside the object store. Implemented in apiserver/, injected by cmd/. */
import type { ObjectKey } from '#crds/meta.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';

/** How a job ended, kept 400 days, so that a re-created name gets its stored result and never runs again. */
export interface Outcome {
  uid: string;
  /** The last observed block of the finished job. */
  observed: ResticJobObserved;
  /** RFC 3339. */
  recordedTime: string;
}

export interface Outcomes {
  /** Synchronous: a read of local memory or an embedded store. */
  findOutcome(job: ObjectKey): Outcome | undefined;
  /** Resolves when durable; an outcome already there is kept. */
  putOutcome(job: ObjectKey, outcome: Outcome): Promise<void>;
}

/** Time is a parameter everywhere in controller/ and agent/cron. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once after `ms`; returns the cancel function. Capped by the caller at 1 h. */
  setTimer(ms: number, callback: () => void): () => void;
}

/** Structured log; pino fits. Secrets never enter it. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}
