/** A job as /api shows it. */
import type { ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { JobItem } from '#crds/operator/operator.gen.js';
import { repositoryNameOf } from '#controller/runtime/jobs.js';
import type { Cache } from '#controller/runtime/types.js';
import { conditionOf } from '#controller/status/conditions.js';

const statuses = { Queued: 'queued', Offered: 'queued', Running: 'running', Succeeded: 'succeeded', Failed: 'failed', Cancelled: 'cancelled' } as const;

export function statusOf(job: Pick<ResticJob, 'status'>): JobItem['status'] {
  return statuses[job.status?.phase ?? 'Queued'];
}

export function isFinished(job: Pick<ResticJob, 'status'>): boolean {
  return !['queued', 'running'].includes(statusOf(job));
}

export function newestFirst(a: Stored<ResticJob>, b: Stored<ResticJob>): number {
  if (a.metadata.creationTimestamp === b.metadata.creationTimestamp) return a.metadata.name < b.metadata.name ? 1 : -1;
  return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1;
}

export function toItem(job: Stored<ResticJob>, cache: Cache): JobItem {
  const { metadata, spec, status } = job;
  const at = (name: string): { namespace: string; name: string } => ({ namespace: metadata.namespace, name });
  const idOf = (kind: 'Host' | 'SourceGroup' | 'Repository', name: string | undefined): string | null => (name === undefined ? null : cache.get(kind, at(name))?.metadata.uid ?? name);
  const host = cache.get('Host', at(spec.hostRef.name));
  const complete = conditionOf(job, 'Complete');
  const { hash, remove = 0, of = 0, reasons = [] } = status?.forgetPlan ?? {};
  return {
    id: metadata.uid, name: metadata.name, host_id: host?.metadata.uid ?? spec.hostRef.name, kind: spec.type.toLowerCase(), status: statusOf(job), ...(complete?.status === 'False' && complete.reason === 'Partial' ? { partial: true } : {}),
    reason: status?.reason ?? null, message: status?.message ?? null, source_group_id: idOf('SourceGroup', spec.sourceGroupRef?.name), repository_id: idOf('Repository', repositoryNameOf(job, host)),
    origin: spec.origin?.type.toLowerCase() ?? null, started_by: spec.origin?.name ?? null, dry_run: spec.dryRun === true, cancel_requested: spec.cancel === true,
    created_at: metadata.creationTimestamp, started_at: status?.startTime ?? null, finished_at: status?.completionTime ?? null,
    exit_code: status?.exitCode ?? null, snapshot_id: status?.snapshotID ?? null, summary: status?.summary === undefined ? null : { ...status.summary }, args: argsOf(spec, idOf),
    attempts: status?.attempts ?? null, warnings: status?.warnings ?? null, skipped_files: status?.skippedFiles ?? [], target_directory: status?.targetDirectory ?? null,
    forget_plan: hash === undefined ? null : { hash, remove, of, reasons },
  };
}

/** What was asked for, in the words of JobInput. */
function argsOf({ restore, diff, check, forget, bandwidth, sourceGroupRef, dryRun, startingDeadlineSeconds: starting, activeDeadlineSeconds: active }: ResticJob['spec'], idOf: (kind: 'SourceGroup' | 'Repository', name: string | undefined) => string | null): Record<string, unknown> | null {
  const args: Record<string, unknown> = {
    source_group_id: sourceGroupRef && idOf('SourceGroup', sourceGroupRef.name), ...diff, read_data_subset_percent: check?.readDataSubsetPercent, snapshot_ids: forget?.snapshotIDs, approved_plan: forget?.approvedPlan,
    ...(restore ? {
      snapshot_id: restore.snapshot, source_repository_id: restore.repositoryRef && idOf('Repository', restore.repositoryRef.name), paths: restore.paths ?? ['/'], in_place: restore.inPlace === true,
      target_directory: restore.targetDirectory, overwrite: restore.overwrite?.replaceAll(/(?<=.)[A-Z]/g, '_$&').toLowerCase(), verify: restore.verify === true,
    } : {}),
    dry_run: dryRun, upload_kibps: bandwidth?.uploadKiBps, download_kibps: bandwidth?.downloadKiBps, starting_deadline_seconds: starting, active_deadline_seconds: active,
  };
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  return given.length === 0 ? null : Object.fromEntries(given);
}
