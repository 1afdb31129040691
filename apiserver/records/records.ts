/**
 * The records port: what is not an object. Job logs and outcomes, inventories and trends; audit later. Keys of logs and
 * outcomes are job names, because `namespace/name` is a job's idempotency key: its outcome outlives the object (400 days).
 */
import type { LogLine, LogLines } from '#crds/wire/logLines.js';
import type { ObjectKey } from '#crds/meta.js';
import type { Outcome, Outcomes } from '#controller/ports.js';
import type { Inventory, Trend } from './inventoryTypes.js';

export interface LogPage {
  lines: LogLine[];
  /** The seq to ask for next. */
  next: number;
}

/** A snapshot that a backup of a host of the repository says it made. */
export interface KnownSnapshot {
  repositoryID: string;
  /** As restic told it: 64 hex digits, or the first 8 (restic 0.14). */
  snapshotID: string;
  /** restic's host. */
  hostname: string;
}

export interface Records extends Outcomes {
  /** @param backup the snapshot the job made: known from now on, as long as the outcome is kept */
  putOutcome(job: ObjectKey, outcome: Outcome, backup?: KnownSnapshot): Promise<void>;
  /** First 16 digits of the ids that backups reported, the newest first, at most `limit`. */
  knownSnapshots(repositoryID: string, limit: number): string[];
  readonly inventory: Inventory;
  readonly trend: Trend;
  /**
   * Appends lines; a seq that is already stored is skipped, so a batch sent twice is stored once. Resolves when durable.
   * Lines over the job's quota are counted and cut in the middle.
   */
  appendLog(job: ObjectKey, lines: LogLines): Promise<void>;
  /** Lines with seq >= from, in order, at most `limit` (default 1,000). */
  readLog(job: ObjectKey, from?: number, limit?: number): LogPage;
  /** Highest stored seq, or 0. */
  lastLogSeq(job: ObjectKey): number;
  deleteLog(job: ObjectKey): Promise<void>;
  /** A report that must be refused for good: kept for people, acknowledged, never blocking those behind it. */
  deadLetter(host: ObjectKey, frame: unknown, reason: string): Promise<void>;
  deadLetters(host: ObjectKey): { time: string; reason: string; frame: unknown }[];
  /** Small durable facts of the server by name, e.g. the highest spool sequence accepted from an agent. */
  getFact(name: string): unknown;
  /** Resolves when durable. */
  putFact(name: string, value: unknown): Promise<void>;
  /** Names of facts that begin so, in order. */
  factNames(prefix: string): string[];
  /** Resolves when durable; names that are no fact are fine. */
  removeFacts(names: readonly string[]): Promise<void>;
  /** Removes logs and outcomes older than their retention. Returns how many records went. */
  sweep(now: number): Promise<number>;
  close(): Promise<void>;
}
