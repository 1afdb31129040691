/** When a host's repository is looked after, whether that works, and the bounds of its guard (J8, X6). */
import type { Repository } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { LastRun, MaintenanceInput, MaintenanceItem, MaintenanceTask } from '#crds/operator/operator.gen.js';
import { cronProblem, timeZoneProblem } from '#crds/schedule.js';
import { defaultCron, tasks, type Task } from '#controller/kinds/repository/tasks.js';
import { guardOf } from '#controller/plan/policies.js';
import type { Cache } from '#controller/runtime/types.js';
import { conditionOf } from '#controller/status/conditions.js';
import { heldPlan } from './heldPlan.js';
import { requireRepository, runnerOf } from './hostRepository.js';
import { inBodyTerms, invalid } from './problem.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

type Spec = Repository['spec'];
const CHECKED_PERCENT = 5;

export const repoMaintenance: RouteTable = {
  'GET /api/hosts/:host/repo-maintenance': route({ may: 'get repositories', reply: shapes.MaintenanceItem }, ({ host, objects: { cache } }) => toMaintenance(requireRepository(host, cache), cache)),
  'PUT /api/hosts/:host/repo-maintenance': route({ may: 'update repositories', body: shapes.MaintenanceInput, reply: shapes.MaintenanceItem }, async ({ host, body, objects }) => {
    const repository = requireRepository(host, objects.cache);
    refuseBadTimes(body);
    for (const field of ['max_removal_percent', 'keep_within_floor'] as const) if (body[field] !== undefined && !sameBound(field, body, repository)) objects.require('approveforget', 'Repository', field);
    const stored = await inBodyTerms({ 'spec.maintenance': 'maintenance', 'spec.retentionGuard.keepWithinFloor': 'keep_within_floor' }, () => objects.edit('Repository', keyOf(repository), (current) => ({ ...current, spec: specFrom(body, current.spec) })));
    return toMaintenance(stored, objects.cache);
  }),
};

function refuseBadTimes(body: MaintenanceInput): void {
  for (const task of tasks) {
    const { schedule, time_zone: zone } = body[task] ?? {};
    const cron = schedule ? cronProblem(schedule) : undefined;
    if (cron !== undefined) throw invalid(`${task}.schedule`, cron);
    const wrong = zone ? timeZoneProblem(zone) : undefined;
    if (wrong !== undefined) throw invalid(`${task}.time_zone`, wrong);
  }
}

function sameBound(field: 'max_removal_percent' | 'keep_within_floor', body: MaintenanceInput, { spec }: Stored<Repository>): boolean {
  const { maxRemovalPercent, keepWithinFloor } = spec.retentionGuard ?? {};
  return (body[field] ?? undefined) === (field === 'max_removal_percent' ? maxRemovalPercent : keepWithinFloor);
}

/** Left out keeps; null or blank is the default again. */
function specFrom(body: MaintenanceInput, { maintenance, retentionGuard, ...spec }: Spec): Spec {
  const next = Object.fromEntries(tasks.flatMap((task): [Task, object][] => {
    const { schedule, time_zone: zone, suspended, ...more } = body[task] ?? {};
    const percent = 'read_data_subset_percent' in more ? more.read_data_subset_percent : undefined;
    const known = maintenance?.[task] ?? {};
    const changed = compact({
      ...known, schedule: over(schedule, known.schedule), timeZone: over(zone, known.timeZone), suspend: suspended === undefined ? known.suspend : suspended || undefined,
      ...(task === 'check' ? { readDataSubsetPercent: over(percent, maintenance?.check?.readDataSubsetPercent) } : {}),
    });
    return Object.keys(changed).length === 0 ? [] : [[task, changed]];
  }));
  const guard = compact({ maxRemovalPercent: over(body.max_removal_percent, retentionGuard?.maxRemovalPercent), keepWithinFloor: over(body.keep_within_floor, retentionGuard?.keepWithinFloor) });
  return { ...spec, ...(Object.keys(next).length > 0 ? { maintenance: next } : {}), ...(Object.keys(guard).length > 0 ? { retentionGuard: guard } : {}) };
}

const over = <T>(asked: T | null | undefined, known: T | undefined): T | undefined => (asked === undefined ? known : asked === '' ? undefined : asked ?? undefined);
const compact = (object: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

export function toMaintenance(repository: Stored<Repository>, cache: Cache): MaintenanceItem {
  const { spec, status } = repository;
  const runner = runnerOf(repository, cache);
  const current = conditionOf(repository, 'MaintenanceCurrent');
  const guard = guardOf(repository);
  const task = (name: Task): MaintenanceTask => {
    const { schedule, timeZone, suspend } = spec.maintenance?.[name] ?? {};
    return { schedule: schedule ?? null, effective_schedule: schedule ?? defaultCron(name, repository.metadata.uid), time_zone: timeZone ?? null, suspended: suspend === true, last: lastRun(lastOf(name, status), repository, cache) };
  };
  return {
    forget: task('forget'), prune: task('prune'), check: { ...task('check'), read_data_subset_percent: spec.maintenance?.check?.readDataSubsetPercent ?? CHECKED_PERCENT },
    max_removal_percent: guard.maxRemovalPercent, keep_within_floor: guard.keepWithinFloor, runner_id: runner?.metadata.uid ?? null, runner_name: runner?.metadata.name ?? null,
    next: status?.nextMaintenance ?? null, current: current && current.status !== 'Unknown' ? current.status === 'True' : null, reason: current?.reason ?? null, message: current?.message ?? null,
    approval: heldPlan(repository, cache),
  };
}

type Last = NonNullable<Repository['status']>['lastForget'];

function lastOf(task: Task, status: Repository['status']): Last {
  switch (task) {
    case 'forget': return status?.lastForget;
    case 'prune': return status?.lastPrune;
    case 'check': return status?.lastCheck;
  }
}

const results = { Succeeded: 'succeeded', Failed: 'failed', Cancelled: 'cancelled' } as const;

export function lastRun(last: Last, { metadata }: Stored<Repository>, cache: Cache): LastRun | null {
  if (last?.time === undefined || last.result === undefined) return null;
  const job = last.jobName === undefined ? undefined : cache.get('ResticJob', { namespace: metadata.namespace, name: last.jobName });
  return { at: last.time, status: results[last.result], reason: last.reason ?? null, message: last.message ?? null, job_id: job?.metadata.uid ?? null };
}
