/** What a page of a snapshots report may hold, and what is kept of it. Pure. */
import { createHash } from 'node:crypto';
import type { Snapshot, SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { InventoryRefused, type SnapshotFilter, type StoredSnapshot } from './inventoryTypes.js';

/** Snapshots kept for one host in one repository. */
export const MOST_SNAPSHOTS = 50_000;
/** Characters of paths kept of one snapshot: a list of thousands must stay readable. */
const MOST_PATH_CHARACTERS = 4096;
const ID = /^[0-9a-f]{64}$/;

export interface ReportPage {
  snapshots: StoredSnapshot[];
  removed: string[];
}

/** @throws InventoryRefused naming the member that is wrong */
export function checkedPage(report: SnapshotsReport): ReportPage {
  const { repositoryID, hostname, base, digest, snapshots, removed = [] } = report;
  if (!ID.test(repositoryID)) throw new InventoryRefused('snapshots report: repositoryID is not 64 hex digits');
  if (hostname === '') throw new InventoryRefused('snapshots report: hostname is empty');
  if (!ID.test(digest)) throw new InventoryRefused('snapshots report: digest is not 64 hex digits');
  if (base !== undefined && !ID.test(base)) throw new InventoryRefused('snapshots report: base is not 64 hex digits');
  if (base === undefined && removed.length > 0) throw new InventoryRefused('snapshots report: removed needs base');
  const wrong = removed.find((id) => !ID.test(id));
  if (wrong !== undefined) throw new InventoryRefused(`snapshots report: removed holds ${JSON.stringify(wrong)}, which is no snapshot id`);
  return { snapshots: snapshots.map((snapshot) => kept(snapshot, hostname)), removed };
}

function kept({ id, time, hostname, tags, paths, filesProcessed, bytesProcessed }: Snapshot, listHost: string): StoredSnapshot {
  if (!ID.test(id)) throw new InventoryRefused(`snapshots report: ${JSON.stringify(id)} is no snapshot id (64 hex digits)`);
  if (hostname !== listHost) throw new InventoryRefused(`snapshots report of ${JSON.stringify(listHost)}: snapshot ${id.slice(0, 8)} is of ${JSON.stringify(hostname)}`);
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) throw new InventoryRefused(`snapshots report: the time of snapshot ${id.slice(0, 8)} is no time`);
  const shown = fitting(paths ?? []);
  const leftOut = (paths?.length ?? 0) - shown.length;
  return {
    id,
    time: at.toISOString(),
    ...(tags === undefined || tags.length === 0 ? {} : { tags }),
    ...(paths === undefined ? {} : { paths: shown }),
    ...(leftOut > 0 ? { pathsLeftOut: leftOut } : {}),
    ...(filesProcessed === undefined ? {} : { filesProcessed }),
    ...(bytesProcessed === undefined ? {} : { bytesProcessed }),
  };
}

function fitting(paths: readonly string[]): string[] {
  let room = MOST_PATH_CHARACTERS;
  return paths.filter((path) => (room -= path.length) >= 0);
}

/** SHA-256 hex of the sorted ids joined by line feeds. */
export function digestOf(ids: readonly string[]): string {
  return createHash('sha256').update([...ids].sort().join('\n')).digest('hex');
}

/** Does the filter ask for more than tags, which are counted without reading every snapshot? */
export function asksBeyondTags({ since, before, path }: SnapshotFilter): boolean {
  return since !== undefined || before !== undefined || path !== undefined;
}

export function filterMatches({ since, before, path, ...filter }: SnapshotFilter, { time, tags = [], paths = [], pathsLeftOut = 0 }: StoredSnapshot): boolean {
  if ((since !== undefined && time < since) || (before !== undefined && time >= before)) return false;
  if (path !== undefined && pathsLeftOut === 0 && !paths.some((own) => path === own || path.startsWith(own.endsWith('/') ? own : `${own}/`))) return false;
  return tagsMatch(filter, tags);
}

/** @param tags of one snapshot */
export function tagsMatch({ tag, onlyTag, unmanagedBy }: SnapshotFilter, tags: readonly string[]): boolean {
  const only = tags.length === 1 ? tags[0] : undefined;
  if (tag !== undefined && !tags.includes(tag)) return false;
  if (onlyTag !== undefined && only !== onlyTag) return false;
  return unmanagedBy === undefined || only === undefined || !unmanagedBy.includes(only);
}
