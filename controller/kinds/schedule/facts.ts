/** Reads everything a schedule's status depends on. */
import type { Host, ResticJob, Schedule } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { afterBlackouts, blackoutProblem } from '#crds/blackout.js';
import { cronProblem, timeZoneProblem } from '#crds/schedule.js';
import { hostsOf } from '../../plan/select.js';
import { isFinished } from '../../runtime/indexes.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import type { ScheduleFacts } from './machine.js';

export interface GatheredSchedule {
  facts: ScheduleFacts;
  now: number;
  matched: number;
  synced: number;
  /** Hosts whose agent has this schedule and cannot run it, with its words. */
  stalledOn: string[];
  /** The newest finished run, when it is newer than what the status says. */
  lastRun?: Stored<ResticJob>;
  /** Epoch ms, without the jitter of the hosts. */
  nextRun?: number;
}

export function gatherScheduleFacts(schedule: Stored<Schedule>, ctx: ReconcileContext): GatheredSchedule {
  const now = ctx.clock.now();
  const problem = problemOf(schedule, ctx);
  const hosts = reachedBy(schedule, ctx);
  let synced = 0;
  const stalledOn: string[] = [];
  const zones = new Set<string>();
  for (const host of hosts.values()) {
    const { desiredRevision, appliedRevision, agent } = host.status ?? {};
    if (desiredRevision !== undefined && desiredRevision === appliedRevision) synced++;
    const stalled = host.status?.stalledSchedules?.find(({ name }) => name === schedule.metadata.name);
    if (stalled) stalledOn.push(`host ${host.metadata.name}: ${stalled.message}`);
    if (agent?.timeZone && !timeZoneProblem(agent.timeZone)) zones.add(agent.timeZone);
  }
  return { facts: { problem }, now, matched: hosts.size, synced, stalledOn, lastRun: lastRunOf(schedule, ctx), nextRun: nextRunOf(schedule, problem !== undefined, zones, now, ctx) };
}

function problemOf(schedule: Stored<Schedule>, { cache, namespace, nextFire }: ReconcileContext): ScheduleFacts['problem'] {
  const { spec } = schedule;
  const cron = cronProblem(spec.schedule);
  if (cron) return { reason: 'InvalidCron', message: `spec.schedule: ${cron}` };
  const zone = spec.timeZone === undefined ? undefined : timeZoneProblem(spec.timeZone);
  if (zone) return { reason: 'InvalidTimeZone', message: `spec.timeZone: ${zone}` };
  const blackout = blackoutProblem(nextFire, spec.blackout ?? [], spec.timeZone ?? 'UTC');
  if (blackout) return { reason: 'InvalidBlackout', message: blackout };
  const missing = spec.sourceGroupRefs.filter((ref) => !cache.get('SourceGroup', { namespace, name: ref.name })).map((ref) => ref.name);
  if (missing.length > 0) return { reason: 'GroupNotFound', message: `SourceGroup ${missing.join(', ')} (spec.sourceGroupRefs) does not exist` };
  return undefined;
}

/** Hosts that run it through any of its groups, by name. */
function reachedBy(schedule: Stored<Schedule>, { cache, namespace }: ReconcileContext): Map<string, Stored<Host>> {
  const hosts = new Map<string, Stored<Host>>();
  for (const ref of schedule.spec.sourceGroupRefs) {
    const group = cache.get('SourceGroup', { namespace, name: ref.name });
    for (const host of group ? hostsOf(group, cache, namespace) : []) hosts.set(host.metadata.name, host);
  }
  return hosts;
}

function lastRunOf(schedule: Stored<Schedule>, { cache }: ReconcileContext): Stored<ResticJob> | undefined {
  let newest: Stored<ResticJob> | undefined;
  let at = parseTime(schedule.status?.lastRunTime) ?? 0;
  for (const job of cache.byIndex('ResticJob', 'schedule', schedule.metadata.name)) {
    if (!isFinished(job) || job.spec.dryRun || job.status?.reason === 'AlreadyRan') continue;
    const completed = parseTime(job.status?.completionTime) ?? 0;
    if (completed > at) [newest, at] = [job, completed];
  }
  return newest;
}

/** Of a schedule in the hosts' own zones: the earliest of them; unknown while no host has told its zone. */
function nextRunOf(schedule: Stored<Schedule>, stalled: boolean, zones: ReadonlySet<string>, now: number, ctx: ReconcileContext): number | undefined {
  const { spec } = schedule;
  if (spec.suspend || (stalled && (cronProblem(spec.schedule) ?? (spec.timeZone && timeZoneProblem(spec.timeZone)) ?? blackoutProblem(ctx.nextFire, spec.blackout ?? [], spec.timeZone ?? 'UTC')))) return undefined;
  const candidates = spec.timeZone ? [spec.timeZone] : [...zones];
  const startOf = (zone: string): number | undefined => {
    const due = ctx.nextFire(spec.schedule, zone, now);
    return due === undefined ? undefined : afterBlackouts(ctx.nextFire, spec.blackout ?? [], zone, due);
  };
  const due = candidates.map((zone) => startOf(zone)).filter((at): at is number => at !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}
