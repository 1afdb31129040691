/**
 * When a maintenance task is due: from the cron and zone in force, what was stored of it, and the clock. Pure. Older missed
 * moments collapse into the newest; a change of cron or zone makes nothing due for the time before it, unless something was
 * owed already.
 */
import type { ReadyReason } from '#crds/conditions.js';
import { latestDue } from '#crds/firing.js';
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { cronProblem, fnv1a, timeZoneProblem, type NextFire } from '#crds/schedule.js';
import { changedSince } from '../../plan/effectiveSince.js';
import { parseTime, timestamp } from '../../runtime/time.js';
import type { Finding } from '../../status/conditions.js';

export type Task = 'forget' | 'prune' | 'check';
export const tasks: readonly Task[] = ['forget', 'prune', 'check'];
export const typeOfTask = { forget: 'Forget', prune: 'Prune', check: 'Check' } as const;

/** What is stored of a task. */
export type TaskState = NonNullable<NonNullable<NonNullable<Repository['status']>['maintenance']>[Task]>;

/** The cron and IANA zone in force; suspended; or undefined while they cannot be told (no runner, none that ever connected). */
export type InForce = { cron: string; timeZone: string } | 'suspended' | undefined;

const defaults: Record<Task, (minute: number) => string> = {
  forget: (minute) => `${minute} 3 * * *`,
  prune: (minute) => `${minute} 4 * * 0`,
  check: (minute) => `${minute} 5 1 * *`,
};

/** The cron of a task without one: staggered over the hour by a stable hash (E13). */
export function defaultCron(task: Task, repositoryUID: string): string {
  return defaults[task](fnv1a(`${repositoryUID}/${task}`) % 60);
}

/** @param runnerZone of the runner's agent; undefined while unknown */
export function inForce(task: Task, repository: Stored<Repository>, runnerZone: string | undefined): InForce {
  const spec = repository.spec.maintenance?.[task];
  if (spec?.suspend) return 'suspended';
  const timeZone = spec?.timeZone ?? runnerZone;
  return timeZone === undefined ? undefined : { cron: spec?.schedule ?? defaultCron(task, repository.metadata.uid), timeZone };
}

/** The first mistake in the schedules of a repository's tasks. */
export function taskProblem(repository: Pick<Repository, 'spec'>, which: readonly Task[] = tasks): Finding<ReadyReason> | undefined {
  for (const task of which) {
    const { schedule, timeZone } = repository.spec.maintenance?.[task] ?? {};
    const cron = schedule === undefined ? undefined : cronProblem(schedule);
    if (cron) return { reason: 'InvalidCron', message: `spec.maintenance.${task}.schedule: ${cron}` };
    const zone = timeZone === undefined ? undefined : timeZoneProblem(timeZone);
    if (zone) return { reason: 'InvalidTimeZone', message: `spec.maintenance.${task}.timeZone: ${zone}` };
  }
  return undefined;
}

export interface TaskTimes {
  /** To be stored. */
  state?: TaskState;
  /** The newest moment that is owed, epoch ms. */
  due?: number;
  /** The next one after now, epoch ms. */
  next?: number;
}

/** Moment the task was last changed in the spec, epoch ms, as far as managedFields tell. */
export function taskChangedAt(task: Task, repository: Stored<Repository>): number {
  return changedSince(repository, ['f:spec', 'f:maintenance', `f:${task}`], ['f:schedule', 'f:timeZone', 'f:suspend']);
}

/**
 * @param stored what the status holds: without it everything until now is settled
 * @param changedAt when the task was last changed in the spec
 */
export function timesOfTask(current: InForce, stored: TaskState | undefined, { now, changedAt, nextFire }: { now: number; changedAt: number; nextFire: NextFire }): TaskTimes {
  if (current === undefined) return { state: stored };
  const schedule = current === 'suspended' ? current : `${current.cron} ${current.timeZone}`;
  // A stored time in the future (the clock was set back) counts as now.
  let last = Math.min(parseTime(stored?.lastDueTime) ?? now, now);
  if (stored?.schedule !== undefined && stored.schedule !== schedule) {
    const changed = changedAt > last ? Math.min(changedAt, now) : now;
    const before = parseSchedule(stored.schedule);
    if (!before || latestDue(nextFire, before.cron, before.timeZone, last, changed) === undefined) last = changed;
  }
  const state = { lastDueTime: timestamp(last), schedule };
  if (current === 'suspended') return { state };
  const { cron, timeZone } = current;
  return { state, due: latestDue(nextFire, cron, timeZone, last, now), next: nextFire(cron, timeZone, now) };
}

function parseSchedule(text: string): { cron: string; timeZone: string } | undefined {
  const at = text.lastIndexOf(' ');
  return at < 0 ? undefined : { cron: text.slice(0, at), timeZone: text.slice(at + 1) };
}
