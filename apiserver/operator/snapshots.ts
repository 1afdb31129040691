/** The snapshots of a host, by pages; what is in one; how two of them differ. */
import type { Host, Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { SnapshotItem, SnapshotList, SnapshotsQuery, TreeList, TreeQuery } from '#crds/operator/operator.gen.js';
import { tagOf } from '#controller/plan/policies.js';
import { snapshotHostOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import type { SnapshotFilter, StoredSnapshot } from '../records/inventoryTypes.js';
import { readerFor, repositoryFor, requireRepository } from './hostRepository.js';
import { diffOrder } from './jobOrders.js';
import { makeJob, runReply } from './makeJob.js';
import { invalid } from './problem.js';
import { groupsOf, isOnline } from './reach.js';
import { route, type Call, type RouteTable } from './route.js';
import * as shapes from './shapes.js';
import { findSnapshot } from './snapshotIds.js';

const SHORT = 8;
const MOST = 1000;

export const snapshots: RouteTable = {
  'GET /api/hosts/:host/snapshots': route({ may: 'list hosts/snapshots', query: shapes.SnapshotsQuery, reply: shapes.SnapshotList }, list),
  'GET /api/hosts/:host/snapshots/:snapshot/tree': route({ may: 'get hosts/tree', query: shapes.TreeQuery, reply: shapes.TreeList }, tree),
  'POST /api/hosts/:host/snapshots/diff': route({ may: 'create resticjobs', body: shapes.DiffInput, reply: shapes.RunReply, status: 202 }, async (call) => runReply([await makeJob(call, diffOrder(call, call.body))])),
};

/** @throws Problem 422 for a limit or place that cannot be */
function list({ host, query, objects: { cache }, services: { records, clock } }: Call<undefined, SnapshotsQuery>): SnapshotList {
  const repository = repositoryFor(host, cache);
  const id = repository?.status?.id;
  const hostname = query.hostname ?? snapshotHostOf(host);
  const limit = Number(query.limit ?? '100');
  if (limit > MOST) throw invalid('limit', `must be at most ${String(MOST)}`);
  const page = id === undefined ? undefined : records.inventory.page(id, hostname, { limit, tag: query.tag, after: query.after, ...filterOf(query) });
  const owner = repository && hostCalled(hostname, repository, cache);
  const groups = groupsByTag(owner, cache);
  return {
    items: (page?.snapshots ?? []).map((snapshot) => toItem(snapshot, hostname, groups)), total: page?.matching ?? 0, next: page?.next ?? null,
    refreshed_at: page?.refreshedTime ?? null, stale: !owner || !isOnline(cache, owner, clock.now()),
    hostnames: (id === undefined ? [] : records.inventory.lists(id)).map((each) => ({
      hostname: each.hostname, count: each.count, host_id: (repository && hostCalled(each.hostname, repository, cache)?.metadata.uid) ?? null, refreshed_at: each.refreshedTime,
    })),
  };
}

/** @throws Problem 422 for what is no moment or no path */
function filterOf({ since, before, path }: SnapshotsQuery): Pick<SnapshotFilter, 'since' | 'before' | 'path'> {
  const moment = (field: 'since' | 'before', text: string | undefined): string | undefined => {
    if (text === undefined) return undefined;
    const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
    if (Number.isNaN(at)) throw invalid(field, 'must be a time as in 2026-11-26T03:44:00Z');
    return new Date(at).toISOString();
  };
  if (path !== undefined && !/^(\/|[A-Za-z]:[\\/])/.test(path)) throw invalid('path', 'must be absolute, as the snapshot shows it');
  return { since: moment('since', since), before: moment('before', before), path: path === '/' ? path : path?.replace(/\/+$/, '') };
}

/** The host whose snapshots carry this name of restic's. */
function hostCalled(hostname: string, { metadata }: Stored<Repository>, cache: Cache): Stored<Host> | undefined {
  return cache.byIndex('Host', 'snapshotHost', `${metadata.name}/${hostname}`)[0];
}

/** uids of the host's groups by tag. */
function groupsByTag(host: Stored<Host> | undefined, cache: Cache): Map<string, string[]> {
  const tags = new Map<string, string[]>();
  for (const group of host ? groupsOf(cache, host) : []) tags.set(tagOf(group), [...tags.get(tagOf(group)) ?? [], group.metadata.uid]);
  return tags;
}

/** Of a group is what carries its tag and no other (30-agent, snapshot identity); two groups of one tag claim it in vain (E2). */
function toItem({ id, time, tags = [], paths = [], filesProcessed, bytesProcessed }: StoredSnapshot, hostname: string, groups: ReadonlyMap<string, string[]>): SnapshotItem {
  const [tag, ...others] = tags;
  const claimed = tag === undefined || others.length > 0 ? [] : groups.get(tag) ?? [];
  return {
    id, short_id: id.slice(0, SHORT), time, hostname, tags, paths, size_bytes: bytesProcessed ?? null, files: filesProcessed ?? null,
    source_group_id: claimed[0] ?? null, managed: claimed.length === 1,
  };
}

/** Read by the host itself, or while it is away by the runner. @throws Problem 503 host_offline, 504 timeout, 404, 422 */
async function tree({ host, snapshot, query, objects: { cache }, services, principal }: Call<undefined, TreeQuery>): Promise<TreeList> {
  const path = query.path ?? '/';
  if (!path.startsWith('/')) throw invalid('path', 'must be absolute, as the snapshot shows it');
  const repository = requireRepository(host, cache);
  const { id } = findSnapshot(services, repository, snapshot, 'snapshot');
  const reader = readerFor(host, cache, services.clock.now());
  services.log.info({ host: host.metadata.name, repository: repository.metadata.name, snapshot: id, path, by: principal.name }, 'tree of a snapshot read');
  const page = await services.trees.list({ repositoryID: repository.status?.id ?? '', reader: reader.metadata.name, snapshot: id, path, after: query.after });
  const last = page.entries.at(-1);
  return {
    snapshot_id: id, path, listed_by: page.listedBy, listed_at: page.listedAt, next: page.more && last ? last.name : null,
    items: page.entries.map(({ name, path: full, type, size, mtime, mode, notText }) => ({ name, path: full, type, size: size ?? null, mtime: mtime ?? null, mode: mode ?? null, selectable: notText !== true })),
  };
}
