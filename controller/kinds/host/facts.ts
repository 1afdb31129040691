/** Reads everything a host's status depends on. */
import type { ReadyReason } from '#crds/conditions.js';
import type { Host, Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { afterBlackouts } from '#crds/blackout.js';
import { timeZoneProblem } from '#crds/schedule.js';
import type { HostLastBackup } from '#crds/types/host.gen.js';
import type { Plan } from '#crds/wire/agentProtocol.gen.js';
import { compilePlan, type CompiledPlan } from '../../plan/compile.js';
import { hookProblem } from '../../plan/hooks.js';
import { sharedTags } from '../../plan/policies.js';
import { oldest } from '../../plan/snapshotHost.js';
import { isFinished, repositoryOf } from '../../runtime/indexes.js';
import { parseTime, timestamp } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { conditionOf, type Finding } from '../../status/conditions.js';
import { GRACE_MS, isConnected } from './presence.js';
import type { HostFacts } from './machine.js';

export interface GatheredHost {
  facts: HostFacts;
  /** Epoch ms. */
  now: number;
  /** When holding the last state ends, if it holds. */
  holdEnds?: number;
  repository?: Stored<Repository>;
  plan: CompiledPlan;
  /** What is wrong with the spec or its references. */
  problem?: Finding<ReadyReason>;
  /** Tags whose retention is stopped because several groups share them (E2). */
  sharedTags: ReturnType<typeof sharedTags>;
  lastBackup?: HostLastBackup;
  /** Epoch ms. */
  nextBackup?: number;
}

export function gatherHostFacts(host: Stored<Host>, ctx: ReconcileContext): GatheredHost {
  const now = ctx.clock.now();
  const { cache, namespace } = ctx;
  const { agent, connection, lastSeenTime } = host.status ?? {};
  const connected = isConnected(host, { cache, namespace, now });
  const holds = connection !== undefined && !connected && now < ctx.startTime + GRACE_MS;
  const plan = compilePlan(host.metadata.name, ctx);
  return {
    facts: {
      suspended: host.spec.suspend === true,
      connected,
      everConnected: agent !== undefined || connection !== undefined || lastSeenTime !== undefined,
      intermittent: host.spec.presence === 'Intermittent',
      holdLastState: holds,
    },
    now,
    holdEnds: holds ? ctx.startTime + GRACE_MS : undefined,
    repository: cache.get('Repository', { namespace, name: repositoryOf(host) }),
    plan,
    problem: problemOf(host, plan, ctx),
    sharedTags: sharedTags(host, cache),
    lastBackup: lastBackupOf(host, cache.byIndex('ResticJob', 'host', host.metadata.name)),
    nextBackup: plan.ok && !host.spec.suspend ? nextBackupOf(plan.plan, agent?.timeZone, now, ctx) : undefined,
  };
}

function problemOf(host: Stored<Host>, plan: CompiledPlan, ctx: ReconcileContext): Finding<ReadyReason> | undefined {
  const { fingerprint } = host.spec.enrollment ?? {};
  const rivals = fingerprint === undefined ? [] : ctx.cache.byIndex('Host', 'fingerprint', fingerprint);
  const owner = rivals.length > 1 ? oldest(rivals, host) : undefined;
  if (owner) return { reason: 'FingerprintTaken', message: `spec.enrollment.fingerprint belongs to host ${owner}: one agent is one host` };
  return plan.ok ? hookProblem(host.spec.hooks, ctx) : { reason: plan.reason, message: plan.message };
}

/** Characters of an RFC 3339 time in UTC up to the second. */
const SECONDS = '2026-01-01T00:00:00'.length;

/** The newest finished backup among the jobs at hand, or what the status says already when that is newer: jobs go, the fact stays. */
function lastBackupOf(host: Stored<Host>, jobs: readonly Stored<ResticJob>[]): HostLastBackup | undefined {
  const known = host.status?.lastBackup;
  let newest: Stored<ResticJob> | undefined;
  let at = parseTime(known?.time) ?? 0;
  let good = known?.lastSuccessfulTime ?? (known?.result === 'Succeeded' ? known.time : undefined);
  // Nearly every job is older than what is known: to the second that shows without reading times.
  const since = (good ?? '').slice(0, SECONDS);
  for (const job of jobs) {
    if ((job.status?.completionTime ?? '').slice(0, SECONDS) < since) continue;
    if (job.spec.type !== 'Backup' || job.spec.dryRun || !isFinished(job) || job.status?.reason === 'AlreadyRan' || job.status?.reason === 'CancelledBeforeStart') continue;
    const completed = parseTime(job.status?.completionTime) ?? 0;
    if (completed > at || (completed === at && job.metadata.name === known?.jobName)) [newest, at] = [job, completed];
    if (resultOf(job) === 'Succeeded' && completed > (parseTime(good) ?? 0)) good = job.status?.completionTime;
  }
  const last = newest ? summaryOf(newest) : known;
  return last && good !== undefined ? { ...last, lastSuccessfulTime: good } : last;
}

export function resultOf(job: Stored<ResticJob>): HostLastBackup['result'] {
  const { phase } = job.status ?? {};
  if (phase === 'Succeeded') return conditionOf(job, 'Complete')?.status === 'False' ? 'Partial' : 'Succeeded';
  return phase === 'Cancelled' ? 'Cancelled' : 'Failed';
}

function summaryOf(job: Stored<ResticJob>): HostLastBackup {
  const { completionTime, startTime, snapshotID, summary } = job.status ?? {};
  const [start, end] = [parseTime(startTime), parseTime(completionTime)];
  const durationSeconds = summary?.durationSeconds ?? (start !== undefined && end !== undefined && end >= start ? (end - start) / 1000 : undefined);
  return {
    time: completionTime,
    result: resultOf(job),
    jobName: job.metadata.name,
    ...(snapshotID === undefined ? {} : { snapshotID }),
    ...(summary?.bytesAdded === undefined ? {} : { bytesAdded: summary.bytesAdded }),
    ...(durationSeconds === undefined ? {} : { durationSeconds }),
  };
}

/** The next moment a schedule of the plan starts a backup, with this host's jitter. While the host's own zone is unknown, so are firings in it. */
function nextBackupOf(plan: Plan, ownZone: string | undefined, now: number, ctx: ReconcileContext): number | undefined {
  const here = ownZone !== undefined && !timeZoneProblem(ownZone) ? ownZone : undefined;
  const suspended = new Set(plan.groups.filter((group) => group.suspend).map((group) => group.uid));
  let next: number | undefined;
  for (const schedule of plan.schedules) {
    const zone = schedule.timeZone ?? here;
    if (zone === undefined || schedule.groups.every((uid) => suspended.has(uid))) continue;
    const jitter = schedule.jitterSeconds * 1000;
    const due = ctx.nextFire(schedule.schedule, zone, now - jitter);
    const start = due === undefined ? undefined : afterBlackouts(ctx.nextFire, schedule.blackout ?? [], zone, due + jitter);
    if (start !== undefined && (next === undefined || start < next)) next = start;
  }
  return next;
}

export function nextBackupText(at: number | undefined): string | undefined {
  return at === undefined ? undefined : timestamp(at);
}
