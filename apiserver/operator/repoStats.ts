/** The health of a host's repository (R6). What nobody knows is null, never 0. */
import { keyOf } from '#crds/meta.js';
import type { RepoStats, RepoStatsQuery } from '#crds/operator/operator.gen.js';
import { snapshotHostOf } from '#controller/runtime/indexes.js';
import { canDelete, requireRepository, runnerOf } from './hostRepository.js';
import { repositoryStatus } from './hosts.js';
import { lastRun } from './repoMaintenance.js';
import { route, type Call, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

const DAYS = '90';
const protections = { Enforced: 'enforced', NotEnforced: 'not_enforced', Unknown: 'unknown' } as const;

export const repoStats: RouteTable = {
  'GET /api/hosts/:host/repo-stats': route({ may: 'get repositories', query: shapes.RepoStatsQuery, reply: shapes.RepoStats }, stats),
};

function stats({ host, query, objects: { cache }, services: { records, clock } }: Call<undefined, RepoStatsQuery>): RepoStats {
  const repository = requireRepository(host, cache);
  const { metadata, spec, status = {} } = repository;
  const runner = runnerOf(repository, cache);
  const { repo_status, repo_message } = repositoryStatus(repository);
  const { id } = status;
  return {
    repository_id: metadata.uid, repository_name: keyOf(repository).name, restic_id: id ?? null, repo_status, repo_message: repo_message ?? null, suspended: spec.suspend === true,
    format_version: status.formatVersion ?? null, size_bytes: status.sizeBytes ?? null, uncompressed_size_bytes: status.uncompressedSizeBytes ?? null, snapshot_count: status.snapshotCount ?? null, observed_at: status.observed?.time ?? null,
    deletion_protection: protections[status.deletionProtection ?? 'Unknown'], can_delete: canDelete(repository, cache), runner_id: runner?.metadata.uid ?? null, runner_name: runner?.metadata.name ?? null,
    locks: (status.locks ?? []).map(({ hostname, pid, time, exclusive }) => ({ hostname: hostname ?? null, pid: pid ?? null, created_at: time ?? null, exclusive: exclusive === true, age_seconds: ageOf(time, clock.now()) })),
    last_forget: lastRun(status.lastForget, repository, cache), last_prune: lastRun(status.lastPrune, repository, cache), last_check: lastRun(status.lastCheck, repository, cache),
    trend: id === undefined ? [] : records.trend.read(id, Number(query.days ?? DAYS)).map(({ day, sizeBytes, snapshotCount }) => ({ day, size_bytes: sizeBytes ?? null, snapshot_count: snapshotCount ?? null })),
    snapshots_per_tag: id === undefined ? [] : Object.entries(records.inventory.tagCounts(id, snapshotHostOf(host))).map(([tag, count]) => ({ tag, count })).sort((a, b) => (a.tag < b.tag ? -1 : 1)),
  };
}

function ageOf(time: string | undefined, now: number): number | null {
  const at = time === undefined ? NaN : Date.parse(time);
  return Number.isNaN(at) ? null : Math.max(0, Math.round((now - at) / 1000));
}
