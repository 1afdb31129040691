/** The fleet as lists show it, and the end of a host. */
import type { Host, Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { HostItem } from '#crds/operator/operator.gen.js';
import { repositoryOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import { dependantsOfHost, refuseInUse } from './dependants.js';
import { isOnline } from './reach.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const hosts: RouteTable = {
  'GET /api/hosts': route({ may: 'list hosts', reply: shapes.items(shapes.HostItem) }, ({ objects: { cache }, services: { clock } }) => ({
    items: cache.list('Host').map((host) => toItem(host, cache, clock.now())).sort((a, b) => (a.name < b.name ? -1 : 1)),
  })),
  'GET /api/hosts/:host': route({ may: 'get hosts', reply: shapes.HostItem }, ({ host, objects: { cache }, services: { clock } }) => toItem(host, cache, clock.now())),
  // What the host owns follows it: groups, schedules, jobs, bearer, and the repository made for it. Its Secret is owned by nobody and stays (H4).
  'DELETE /api/hosts/:host': route({ may: 'delete hosts', status: 204 }, async ({ host, objects, principal, services: { log } }) => {
    refuseInUse(`host ${host.metadata.name}`, dependantsOfHost(host, objects.cache));
    await objects.remove('Host', host);
    log.info({ host: host.metadata.name, by: principal.name }, 'host deleted');
  }),
};

function toItem(host: Stored<Host>, cache: Cache, now: number): HostItem {
  const { spec, status, metadata } = host;
  const repository = cache.get('Repository', { namespace: metadata.namespace, name: repositoryOf(host) });
  const { agent, lastBackup } = status ?? {};
  return {
    id: metadata.uid, name: metadata.name, status: statusOf(host, cache, now), suspended: spec.suspend === true, ...repositoryStatus(repository),
    last_backup_status: lastBackup?.result === undefined ? null : lastBackupStatus[lastBackup.result], last_backup_at: lastBackup?.time ?? null,
    ...(lastBackup?.result === 'Partial' ? { partial: true } : {}),
    tags: tagsOf(metadata.labels), os: agent?.os ?? null, arch: agent?.arch ?? null, agent_version: agent?.version ?? null, restic_version: agent?.resticVersion ?? null,
    repo_size_bytes: repository?.status?.sizeBytes ?? null, snapshot_count: repository?.status?.snapshotCount ?? null,
    open_alerts: 0, always_on: spec.presence !== 'Intermittent', update_available: false, update_version: null,
  };
}

const lastBackupStatus = { Succeeded: 'succeeded', Partial: 'succeeded', Failed: 'failed', Cancelled: 'cancelled' } as const;

function statusOf(host: Stored<Host>, cache: Cache, now: number): HostItem['status'] {
  if (isOnline(cache, host, now)) return 'online';
  const { status } = host;
  if (status?.lastSeenTime === undefined && status?.connection === undefined && status?.agent === undefined) return 'pending';
  return host.spec.presence === 'Intermittent' ? 'asleep' : 'offline';
}

function repositoryStatus(repository: Stored<Repository> | undefined): Pick<HostItem, 'repo_status' | 'repo_message'> {
  const message = repository?.status?.conditions?.find((condition) => condition.type === 'Available')?.message ?? '';
  switch (repository?.status?.phase) {
    case 'Ready': return { repo_status: 'ready' };
    case 'Initializing': return { repo_status: 'initializing' };
    case 'InitFailed': case 'Replaced': return { repo_status: 'init_failed', ...(message === '' ? {} : { repo_message: message }) };
    case 'Suspended': return { repo_status: repository.status.id === undefined ? 'unknown' : 'ready' };
    case 'Unknown': case undefined: return { repo_status: 'unknown' };
  }
}

/** Tags are labels (H2): a label without a value is its key. Our own and Kubernetes' labels are not tags. */
function tagsOf(labels: Record<string, string> = {}): string[] {
  return Object.entries(labels).filter(([key]) => !key.includes('restic-manager.io/') && !key.includes('kubernetes.io/')).map(([key, value]) => (value === '' || value === 'true' ? key : `${key}=${value}`)).sort();
}
