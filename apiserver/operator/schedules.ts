/** When a host is backed up: list, create, change, delete, run now. */
import { labels, newObject, type Host, type ResticJob, type Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { ScheduleItem, ScheduleUpdate } from '#crds/operator/operator.gen.js';
import { cronProblem } from '#crds/schedule.js';
import { tagOf } from '#controller/plan/policies.js';
import type { Cache } from '#controller/runtime/types.js';
import { refuseOffline, runBackup, runReply } from './makeJob.js';
import { uniqueName } from './names.js';
import { ownedBy, randomHex, withSpec, type Objects } from './objects.js';
import { inBodyTerms, invalid, Problem } from './problem.js';
import { coversHost, groupsOf, schedulesOf } from './reach.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const schedules: RouteTable = {
  'GET /api/hosts/:host/schedules': route({ may: 'list schedules', reply: shapes.items(shapes.ScheduleItem) }, ({ host, objects: { cache } }) => ({ items: schedulesOf(cache, host).map((schedule) => toItem(schedule, host, cache)) })),
  'POST /api/hosts/:host/schedules': route({ may: 'create schedules', body: shapes.ScheduleInput, reply: shapes.ScheduleItem, status: 201 }, async ({ host, body, objects }) => {
    const object = newObject('Schedule', { name: uniqueName(host.metadata.name, randomHex(8)), labels: { [labels.host]: host.metadata.name }, ownerReferences: [ownedBy(host)] }, { spec: await specFrom(body, undefined, host, objects) });
    return toItem(await inBodyTerms(terms, () => objects.create('Schedule', object)), host, objects.cache);
  }),
  'PUT /api/hosts/:host/schedules/:schedule': route({ may: 'update schedules', body: shapes.ScheduleUpdate, reply: shapes.ScheduleItem }, async ({ host, schedule, body, objects }) => {
    refuseShared(schedule, host, objects.cache, 'change');
    const spec = await specFrom(body, schedule.spec, host, objects);
    return toItem(await inBodyTerms(terms, () => objects.update('Schedule', withSpec(schedule, spec))), host, objects.cache);
  }),
  'DELETE /api/hosts/:host/schedules/:schedule': route({ may: 'delete schedules', status: 204 }, async ({ host, schedule, objects }) => {
    refuseShared(schedule, host, objects.cache, 'delete');
    await objects.remove('Schedule', schedule);
  }),
  'POST /api/hosts/:host/schedules/:schedule/run': route({ may: 'create resticjobs', reply: shapes.RunReply, status: 202 }, async (call) => {
    const { host, schedule, objects, services } = call;
    refuseOffline(host, objects.cache, services.clock.now());
    const wanted = new Set(schedule.spec.sourceGroupRefs.map((ref) => ref.name));
    const groups = groupsOf(objects.cache, host).filter((group) => wanted.has(group.metadata.name));
    const jobs: Stored<ResticJob>[] = [];
    for (const group of groups) jobs.push(await runBackup(call, group, schedule));
    return runReply(jobs);
  }),
};

const terms = { 'spec.schedule': 'cron', 'spec.timeZone': 'time_zone', 'spec.sourceGroupRefs': 'source_group_ids' };

/** What a body asks for; left out keeps what is stored. @throws Problem 422 */
async function specFrom({ cron, time_zone: zone, enabled, source_group_ids: ids }: ScheduleUpdate, stored: Schedule['spec'] | undefined, host: Stored<Host>, objects: Objects): Promise<Schedule['spec']> {
  const problem = cron === undefined ? undefined : cronProblem(cron);
  if (problem !== undefined) throw invalid('cron', problem);
  const names = ids && [...new Set(await Promise.all(ids.map((id, index) => groupName(host, id, index, objects))))];
  const { timeZone, suspend, ...kept } = stored ?? { schedule: '', sourceGroupRefs: [] };
  const inZone = zone === undefined ? timeZone : (zone ?? undefined);
  const stopped = enabled === undefined ? suspend : !enabled;
  return { ...kept, ...(cron === undefined ? {} : { schedule: cron }), ...(names ? { sourceGroupRefs: names.map((name) => ({ name })) } : {}), ...(inZone === undefined || inZone === '' ? {} : { timeZone: inZone }), ...(stopped ? { suspend: true } : {}) };
}

/** A schedule that other hosts run too is not changed through one of them. @throws Problem 409 shared */
function refuseShared({ metadata, spec }: Stored<Schedule>, host: Stored<Host>, cache: Cache, verb: 'change' | 'delete'): void {
  const foreign = spec.sourceGroupRefs.find(({ name }) => {
    const group = cache.get('SourceGroup', { namespace: metadata.namespace, name });
    return group !== undefined && group.spec.hostRef?.name !== host.metadata.name;
  });
  if (foreign) throw new Problem(409, 'shared', `schedule ${metadata.name} also runs source group ${foreign.name}, which other hosts have: ${verb} it where it is declared`);
}

/** A schedule made for a host lists that host's own groups only; a group of a selector would drag other hosts in. */
async function groupName(host: Stored<Host>, id: string, index: number, objects: Objects): Promise<string> {
  const field = `source_group_ids[${String(index)}]`;
  const group = await objects.find('SourceGroup', id) ?? groupsOf(objects.cache, host).find((each) => tagOf(each) === id);
  if (!group) throw invalid(field, `there is no source group ${JSON.stringify(id)}`);
  if (group.spec.hostRef?.name !== host.metadata.name) throw invalid(field, coversHost(group, host) ? `source group ${group.metadata.name} is shared by several hosts: schedule it with a Schedule of its own` : `source group ${group.metadata.name} belongs to another host`);
  return group.metadata.name;
}

function toItem({ metadata, spec, status }: Stored<Schedule>, host: Stored<Host>, cache: Cache): ScheduleItem {
  return {
    id: metadata.uid, object_name: metadata.name, cron: spec.schedule, time_zone: spec.timeZone ?? null, enabled: spec.suspend !== true,
    source_group_ids: spec.sourceGroupRefs.map((ref) => cache.get('SourceGroup', { namespace: metadata.namespace, name: ref.name })?.metadata.uid ?? ref.name),
    next_run_at: status?.nextRun ?? null, last_run_at: status?.lastRunTime ?? null,
    desired_revision: host.status?.desiredRevision ?? null, applied_revision: host.status?.appliedRevision ?? null,
  };
}
