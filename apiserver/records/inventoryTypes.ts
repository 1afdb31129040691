/** The snapshots of every restic host of every repository, as agents reported them: kept as long as the repository is known. */
import type { SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';

export interface StoredSnapshot {
  /** 64 hex digits. */
  id: string;
  /** RFC 3339, UTC, milliseconds. */
  time: string;
  tags?: string[];
  paths?: string[];
  /** How many paths are not kept here, because they are too long together. */
  pathsLeftOut?: number;
  filesProcessed?: number;
  bytesProcessed?: number;
}

export interface SnapshotList {
  /** restic's host. */
  hostname: string;
  /** Snapshots in the list. */
  count: number;
  /** When restic was asked: the agent's clock, never later than the server's when it was taken. RFC 3339. */
  refreshedTime: string;
  /** Name of the Host whose agent reported it last. */
  reportedBy: string;
  /** SHA-256 hex of the sorted ids joined by line feeds. Absent: a large change is being written, or was cut off by a crash. */
  digest?: string;
}

/** Which snapshots of a list; every member given must hold. */
export interface SnapshotFilter {
  /** Carries this tag, maybe among others. */
  tag?: string;
  /** This is its only tag: so retention tells whose a snapshot is. */
  onlyTag?: string;
  /** None of these is its only tag: it belongs to no group (Unmanaged). */
  unmanagedBy?: readonly string[];
  /** Taken at this moment or later; RFC 3339, UTC, milliseconds. */
  since?: string;
  /** Taken before this moment; the same. */
  before?: string;
  /** Was made of this path: it, or a directory above it, is one of its paths. A snapshot whose paths are not all kept may hold it. */
  path?: string;
}

export interface SnapshotQuery extends SnapshotFilter {
  /** At most so many, 1 to 1,000; default 100. */
  limit?: number;
  /** `next` of the page before. */
  after?: string;
}

export interface SnapshotPage extends SnapshotList {
  /** Newest first. */
  snapshots: StoredSnapshot[];
  /** How many of the list the filter lets through; `count` without one. */
  matching: number;
  /** Absent: this is the last page. */
  next?: string;
}

export type ReportEffect =
  /** The list is as the report says, durably. */
  | 'taken'
  /** The page is kept; more belong to it. */
  | 'more'
  /** A change to a list that is not the one held: nothing was changed, the whole list is needed. */
  | 'otherBase';

/** A report that no repetition makes good; the message says what is wrong with it. */
export class InventoryRefused extends Error {
  override name = 'InventoryRefused';
}

export interface InventoryReader {
  /** Ids of repositories of which anything is kept. */
  repositories(): string[];
  /** The lists of a repository, by hostname. */
  lists(repositoryID: string): SnapshotList[];
  list(repositoryID: string, hostname: string): SnapshotList | undefined;
  /** Undefined: nobody ever reported this list, which is not the same as an empty one. */
  page(repositoryID: string, hostname: string, query?: SnapshotQuery): SnapshotPage | undefined;
  /** The ids of a list, sorted. */
  ids(repositoryID: string, hostname: string): string[];
  /** Snapshots per tag; a snapshot with two tags counts under both, one without tags under none. */
  tagCounts(repositoryID: string, hostname: string): Record<string, number>;
  /** Snapshots whose id begins so, of whatever hostname; two at most, which means ambiguous. @param idPrefix at least 8 hex digits, else none is found */
  find(repositoryID: string, idPrefix: string): (StoredSnapshot & { hostname: string })[];
}

export interface Inventory extends InventoryReader {
  /**
   * Takes one page. Taking it again changes nothing. Whether the reporter may speak of this hostname is the caller's business.
   * @param reporter name of the Host whose agent sent it
   * @throws InventoryRefused
   */
  take(report: SnapshotsReport, reporter: string): Promise<ReportEffect>;
  /** Removes everything of a repository. Returns how many records went. */
  forget(repositoryID: string): Promise<number>;
  /** Removes pages whose last one never came. Returns how many records went. */
  sweep(now: number): Promise<number>;
}

export interface TrendPoint {
  /** YYYY-MM-DD, UTC. */
  day: string;
  /** Absent: not known of that day, never 0. */
  sizeBytes?: number;
  snapshotCount?: number;
}

export interface TrendReader {
  /** Points of the last `days` days up to now, oldest first; days without figures have none. */
  read(repositoryID: string, days: number): TrendPoint[];
}

export interface Trend extends TrendReader {
  /** What is absent leaves what is known of that day as it is (E22). @param time epoch milliseconds */
  put(repositoryID: string, time: number, figures: { sizeBytes?: number; snapshotCount?: number }): Promise<void>;
}
