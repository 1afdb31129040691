/** The fleet as lists show it, a host's settings, and its end. */
import type { Host, Repository } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { BandwidthInput, HostItem } from '#crds/operator/operator.gen.js';
import { repositoryOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import { dependantsOfHost, refuseInUse } from './dependants.js';
import { inBodyTerms, invalid } from './problem.js';
import { isOnline } from './reach.js';
import { route, type Call, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const hosts: RouteTable = {
  'GET /api/hosts': route({ may: 'list hosts', reply: shapes.items(shapes.HostItem) }, ({ objects: { cache }, services: { clock } }) => ({
    items: cache.list('Host').map((host) => toItem(host, cache, clock.now())).sort((a, b) => (a.name < b.name ? -1 : 1)),
  })),
  'GET /api/hosts/:host': route({ may: 'get hosts', reply: shapes.HostItem }, ({ host, objects: { cache }, services: { clock } }) => toItem(host, cache, clock.now())),
  'PUT /api/hosts/:host/bandwidth': route({ may: 'update hosts', body: shapes.BandwidthInput, reply: shapes.HostItem }, (call) => change(call, ({ bandwidth, ...spec }) => {
    const limits = bandwidthFrom(call.body, bandwidth ?? {});
    return { ...spec, ...(Object.keys(limits).length > 0 ? { bandwidth: limits } : {}) };
  })),
  'PUT /api/hosts/:host/mode': route({ may: 'update hosts', body: shapes.ModeInput, reply: shapes.HostItem }, (call) => change(call, (spec) => ({ ...spec, presence: call.body.always_on ? 'AlwaysOn' : 'Intermittent' }))),
  'PUT /api/hosts/:host/tags': route({ may: 'update hosts', body: shapes.TagsInput, reply: shapes.HostItem }, async ({ host, body, objects, services }) => {
    const asked = labelsFrom(body.tags);
    const removed = Object.fromEntries(Object.keys(host.metadata.labels ?? {}).filter((key) => isTag(key) && !Object.hasOwn(asked, key)).map((key) => [key, null]));
    return toItem(await inBodyTerms({ 'metadata.labels': 'tags' }, () => objects.patchMeta('Host', keyOf(host), { labels: { ...removed, ...asked } })), objects.cache, services.clock.now());
  }),
  // What the host owns follows it: groups, schedules, jobs, bearer, and the repository made for it. Its Secret is owned by nobody and stays (H4).
  'DELETE /api/hosts/:host': route({ may: 'delete hosts', status: 204 }, async ({ host, objects, principal, services: { log } }) => {
    refuseInUse(`host ${host.metadata.name}`, dependantsOfHost(host, objects.cache));
    await objects.remove('Host', host);
    log.info({ host: host.metadata.name, by: principal.name }, 'host deleted');
  }),
};

/** Left out keeps, null or 0 lifts (H6). */
function bandwidthFrom(body: BandwidthInput, stored: NonNullable<Host['spec']['bandwidth']>): NonNullable<Host['spec']['bandwidth']> {
  const limit = (asked: number | null | undefined, known: number | undefined): number | undefined => (asked === undefined ? known : asked || undefined);
  const [up, down] = [limit(body.upload_kibps, stored.uploadKiBps), limit(body.download_kibps, stored.downloadKiBps)];
  return { ...(up === undefined ? {} : { uploadKiBps: up }), ...(down === undefined ? {} : { downloadKiBps: down }) };
}

async function change({ host, objects, services }: Call<unknown>, spec: (stored: Host['spec']) => Host['spec']): Promise<HostItem> {
  return toItem(await objects.edit('Host', keyOf(host), (stored) => ({ ...stored, spec: spec(stored.spec) })), objects.cache, services.clock.now());
}

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
    open_alerts: 0, always_on: spec.presence !== 'Intermittent', upload_kibps: spec.bandwidth?.uploadKiBps ?? null, download_kibps: spec.bandwidth?.downloadKiBps ?? null, update_available: false, update_version: null,
  };
}

const lastBackupStatus = { Succeeded: 'succeeded', Partial: 'succeeded', Failed: 'failed', Cancelled: 'cancelled' } as const;

function statusOf(host: Stored<Host>, cache: Cache, now: number): HostItem['status'] {
  if (isOnline(cache, host, now)) return 'online';
  const { status } = host;
  if (status?.lastSeenTime === undefined && status?.connection === undefined && status?.agent === undefined) return 'pending';
  return host.spec.presence === 'Intermittent' ? 'asleep' : 'offline';
}

export function repositoryStatus(repository: Stored<Repository> | undefined): Pick<HostItem, 'repo_status' | 'repo_message'> {
  const message = repository?.status?.conditions?.find((condition) => condition.type === 'Available')?.message ?? '';
  switch (repository?.status?.phase) {
    case 'Ready': return { repo_status: 'ready' };
    case 'Initializing': return { repo_status: 'initializing' };
    case 'InitFailed': case 'Replaced': return { repo_status: 'init_failed', ...(message === '' ? {} : { repo_message: message }) };
    case 'Suspended': return { repo_status: repository.status.id === undefined ? 'unknown' : 'ready' };
    case 'Unknown': case undefined: return { repo_status: 'unknown' };
  }
}

/** Our own and Kubernetes' labels are not tags. */
const isTag = (key: string): boolean => !key.includes('restic-manager.io/') && !key.includes('kubernetes.io/');

/** Tags are labels (H2): a label without a value is its key. */
function tagsOf(labels: Record<string, string> = {}): string[] {
  return Object.entries(labels).filter(([key]) => isTag(key)).map(([key, value]) => (value === '' || value === 'true' ? key : `${key}=${value}`)).sort();
}

/** @throws Problem 422 for two values of one key */
function labelsFrom(tags: readonly string[]): Record<string, string> {
  const labels = new Map<string, string>();
  for (const [index, tag] of tags.entries()) {
    const at = tag.indexOf('=');
    const key = at < 0 ? tag : tag.slice(0, at);
    if (labels.has(key)) throw invalid(`tags[${String(index)}]`, `gives ${JSON.stringify(key)} a second value`);
    labels.set(key, at < 0 ? '' : tag.slice(at + 1));
  }
  return Object.fromEntries(labels);
}
