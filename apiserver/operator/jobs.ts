/** Work: ask for it, see it, read its log, cancel it. A job asked for by a person is refused at once when its host is away (E9). */
import { labels, newObject, type Host, type ResticJob, type Schedule, type SourceGroup } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { JobInput, JobItem } from '#crds/operator/operator.gen.js';
import { repositoryOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import { logPieces, ndjsonLine, textLine } from './jobLog.js';
import { uniqueName } from './names.js';
import { ownedBy, randomHex, withSpec } from './objects.js';
import { invalid, Problem } from './problem.js';
import { coversHost, groupsOf, isOnline } from './reach.js';
import { route, TextReply, type Call, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

const SEVEN_DAYS_SECONDS = 7 * 86_400;

export const jobs: RouteTable = {
  'GET /api/hosts/:host/jobs': route({ may: 'list resticjobs', reply: shapes.items(shapes.JobItem) }, ({ host, objects: { cache } }) => ({
    items: [...cache.byIndex('ResticJob', 'host', host.metadata.name)].sort(newestFirst).map((job) => toItem(job, cache)),
  })),
  'POST /api/hosts/:host/jobs': route({ may: 'create resticjobs', body: shapes.JobInput, reply: shapes.RunReply, status: 202 }, async (call) => {
    const job = await createFromInput(call);
    return { job_id: job.metadata.uid, job_ids: [job.metadata.uid] };
  }),
  'GET /api/jobs/:job': route({ may: 'get resticjobs', reply: shapes.JobItem }, ({ job, objects: { cache } }) => toItem(job, cache)),
  'GET /api/jobs/:job/log.txt': route({ may: 'get resticjobs/log' }, ({ job, services: { records } }) => new TextReply('text/plain; charset=utf-8', `${job.metadata.name}.txt`, logPieces(records, keyOf(job), textLine))),
  'GET /api/jobs/:job/log.ndjson': route({ may: 'get resticjobs/log' }, ({ job, services: { records } }) => new TextReply('application/x-ndjson; charset=utf-8', `${job.metadata.name}.ndjson`, logPieces(records, keyOf(job), ndjsonLine))),
  'POST /api/jobs/:job/cancel': route({ may: 'update resticjobs', reply: shapes.JobItem, status: 202 }, async ({ job, objects }) => {
    if (isFinished(job)) throw new Problem(409, 'job_finished', `job ${job.metadata.name} is over already: ${statusOf(job)}`);
    if (job.spec.cancel === true) return toItem(job, objects.cache);
    return toItem(await objects.update('ResticJob', withSpec(job, { ...job.spec, cancel: true })), objects.cache);
  }),
};

/** @throws Problem 503 host_offline */
export function refuseOffline(host: Stored<Host>, cache: Cache, now: number): void {
  if (!isOnline(cache, host, now)) throw new Problem(503, 'host_offline', `host ${host.metadata.name} is not connected: nothing was started`);
}

/** @throws Problem 503 host_offline */
export async function runBackup(call: Call<unknown>, group: Stored<SourceGroup>, schedule?: Stored<Schedule>): Promise<Stored<ResticJob>> {
  return create(call, 'Backup', { group, ...(schedule ? { schedule } : {}) });
}

async function create({ host, objects, principal, services }: Call<unknown>, type: ResticJob['spec']['type'], { group, schedule, more = {} }: { group?: Stored<SourceGroup>; schedule?: Stored<Schedule>; more?: Partial<ResticJob['spec']> }): Promise<Stored<ResticJob>> {
  refuseOffline(host, objects.cache, services.clock.now());
  const name = host.metadata.name;
  return objects.create('ResticJob', newObject('ResticJob', {
    name: uniqueName(`${group ? group.metadata.name : name}-${type.toLowerCase()}`, randomHex(10)),
    ownerReferences: [ownedBy(host)],
    labels: { [labels.host]: name, [labels.origin]: 'User', ...(group ? { [labels.sourceGroup]: group.metadata.name } : {}), ...(schedule ? { [labels.schedule]: schedule.metadata.name } : {}) },
  }, {
    spec: {
      hostRef: { name }, type, ...(group ? { sourceGroupRef: { name: group.metadata.name } } : {}),
      origin: { type: 'User', name: principal.name }, ttlSecondsAfterFinished: SEVEN_DAYS_SECONDS, ...more,
    },
  }));
}

const deadlines = { starting_deadline_seconds: 'startingDeadlineSeconds', active_deadline_seconds: 'activeDeadlineSeconds' } as const;

/** kind and args of a body: the type's spec block in snake_case. */
async function createFromInput(call: Call<JobInput>): Promise<Stored<ResticJob>> {
  const { body: { kind, args }, host, objects } = call;
  const { source_group_id: groupId, ...rest } = (args ?? {}) as Record<string, unknown>;
  const more: Partial<ResticJob['spec']> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (!isDeadline(name)) throw invalid(`args.${name}`, 'is not a known field');
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) throw invalid(`args.${name}`, 'must be a whole number of seconds');
    more[deadlines[name]] = value;
  }
  switch (kind) {
    case 'backup': return create(call, 'Backup', { group: findGroup(host, groupId, objects.cache), more });
    case 'init':
      if (groupId !== undefined) throw invalid('args.source_group_id', 'is only for kind backup');
      return create(call, 'Init', { more: { ...more, repositoryRef: { name: repositoryOf(host) } } });
    default: throw invalid('kind', `${JSON.stringify(kind)} is none of backup, init`);
  }
}

function isDeadline(name: string): name is keyof typeof deadlines {
  return Object.hasOwn(deadlines, name);
}

/** Left out, it is the host's only group. */
function findGroup(host: Stored<Host>, id: unknown, cache: Cache): Stored<SourceGroup> {
  const field = 'args.source_group_id';
  const own = groupsOf(cache, host);
  if (id === undefined || id === null) {
    const [only, ...others] = own;
    if (!only || others.length > 0) throw invalid(field, only ? 'is required: the host has several source groups' : 'the host has no source group');
    return only;
  }
  const group = own.find((each) => each.metadata.uid === id || each.metadata.name === id || each.spec.tag === id);
  if (!group || !coversHost(group, host)) throw invalid(field, 'is not a source group of this host');
  return group;
}

const statuses = { Queued: 'queued', Offered: 'queued', Running: 'running', Succeeded: 'succeeded', Failed: 'failed', Cancelled: 'cancelled' } as const;

function statusOf(job: Pick<ResticJob, 'status'>): JobItem['status'] {
  return statuses[job.status?.phase ?? 'Queued'];
}

function isFinished(job: Pick<ResticJob, 'status'>): boolean {
  return !['queued', 'running'].includes(statusOf(job));
}

function newestFirst(a: Stored<ResticJob>, b: Stored<ResticJob>): number {
  if (a.metadata.creationTimestamp === b.metadata.creationTimestamp) return a.metadata.name < b.metadata.name ? 1 : -1;
  return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1;
}

function toItem(job: Stored<ResticJob>, cache: Cache): JobItem {
  const { metadata, spec, status } = job;
  const find = (kind: 'Host' | 'SourceGroup', name: string | undefined): string | undefined => (name === undefined ? undefined : cache.get(kind, { namespace: metadata.namespace, name })?.metadata.uid ?? name);
  const partial = status?.conditions?.some((condition) => condition.type === 'Complete' && condition.status === 'False' && condition.reason === 'Partial') === true;
  return {
    id: metadata.uid, name: metadata.name, host_id: find('Host', spec.hostRef.name) ?? spec.hostRef.name, kind: spec.type.toLowerCase(), status: statusOf(job), ...(partial ? { partial } : {}),
    reason: status?.reason ?? null, message: status?.message ?? null, source_group_id: find('SourceGroup', spec.sourceGroupRef?.name) ?? null,
    created_at: metadata.creationTimestamp, started_at: status?.startTime ?? null, finished_at: status?.completionTime ?? null,
    exit_code: status?.exitCode ?? null, snapshot_id: status?.snapshotID ?? null, summary: status?.summary === undefined ? null : { ...status.summary },
  };
}
