/**
 * Compiles the plan of one host: everything its agent must do, from Host, Repository, Secret, SourceGroups and Schedules.
 * Pure over the caches and deterministic, so that any process with the same objects gets the same revision.
 * A plan that cannot be made right (a reference is missing, a Secret is not fit) is not made at all: the agent keeps the
 * last one, because a backup must not be lost over a mistake in an object.
 */
import { createHmac } from 'node:crypto';
import type { ReadyReason } from '#crds/conditions.js';
import { parseDuration } from '#crds/duration.js';
import type { Host, Repository, Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { cronProblem, jitterSeconds, timeZoneProblem } from '#crds/schedule.js';
import type { Plan, PlanGroup, PlanRepository, PlanSchedule } from '#crds/wire/agentProtocol.gen.js';
import { canonicalJson, MAX_FRAME_BYTES } from '#crds/wire/frames.js';
import { repositoryOf, snapshotHostOf } from '../runtime/indexes.js';
import type { Cache } from '../runtime/types.js';
import { planRepository } from './access.js';
import { resolveAdminCredentials } from './adminCredentials.js';
import { resolveCredentials, type Credentials } from './credentials.js';
import { effectiveSince } from './effectiveSince.js';
import { planHooks } from './hooks.js';
import { tagOf } from './policies.js';
import { resolveRunner } from './runner.js';
import { groupsOf } from './select.js';
import { snapshotHostTakenBy } from './snapshotHost.js';

export interface PlanInput { cache: Cache; planKey: Uint8Array; namespace: string }

export type PlanProblem = Extract<ReadyReason, 'HostNotFound' | 'RepositoryNotFound' | 'SecretNotFound' | 'SecretNotLabelled' | 'SecretIncomplete' | 'SecretVariableRefused' | 'SnapshotHostTaken' | 'PlanTooLarge'>;
export type CompiledPlan = { ok: true; plan: Plan; revision: string } | { ok: false; reason: PlanProblem; message: string };

/** Room left in a frame for the envelope and the revision. */
const ENVELOPE_BYTES = 1024;
/** Default upper bound of the delay of a schedule whose groups reach a host through a selector. */
const SELECTOR_JITTER_SECONDS = 900;
/** Default wait before the second attempt of a backup. */
const BACKOFF_SECONDS = 60;

/** @returns the plan and its revision: HMAC-SHA256 hex, under planKey, of its canonical JSON */
export function compilePlan(hostName: string, input: PlanInput): CompiledPlan {
  const { cache, namespace } = input;
  const host = cache.get('Host', { namespace, name: hostName });
  if (!host) return { ok: false, reason: 'HostNotFound', message: `Host ${namespace}/${hostName} does not exist` };
  const repository = cache.get('Repository', { namespace, name: repositoryOf(host) });
  if (!repository) return { ok: false, reason: 'RepositoryNotFound', message: `Repository ${namespace}/${repositoryOf(host)} does not exist` };
  const taken = snapshotHostTakenBy(host, cache);
  if (taken) return { ok: false, reason: 'SnapshotHostTaken', message: `snapshotHost ${snapshotHostOf(host)} is used by host ${taken} in repository ${repository.metadata.name}; two hosts under one name would mix their snapshots` };
  const credentials = resolveCredentials(repository, input);
  if (!credentials.ok) return { ok: false, reason: credentials.reason, message: credentials.message };

  const groups = groupsOf(host, cache);
  // No backup may go to a repository that is not the pinned one. Credentials stay, so that it can be looked at again.
  const schedules = repository.spec.suspend || repository.status?.phase === 'Replaced' ? [] : planSchedules(host, groups, cache);
  const { resources, maxConcurrentJobs = 1 } = host.spec;
  const plan: Plan = {
    hostName: host.metadata.name,
    hostUID: host.metadata.uid,
    snapshotHost: snapshotHostOf(host),
    presence: host.spec.presence ?? 'AlwaysOn',
    ...(host.spec.suspend ? { suspend: true } : {}),
    repository: repositoryOnHost(repository, credentials.credentials, host, input),
    ...(host.spec.bandwidth ? { bandwidth: host.spec.bandwidth } : {}),
    ...(resources && Object.keys(resources).length > 0 ? { resources } : {}),
    ...(maxConcurrentJobs > 1 ? { maxConcurrentJobs } : {}),
    groups: groups.map((group) => planGroup(group, host, input)),
    schedules,
  };
  const text = canonicalJson(plan);
  const bytes = Buffer.byteLength(text) + ENVELOPE_BYTES;
  if (bytes > MAX_FRAME_BYTES) return { ok: false, reason: 'PlanTooLarge', message: `the plan of host ${hostName} has ${bytes} bytes, the limit is ${MAX_FRAME_BYTES}: use fewer or shorter source groups and hooks` };
  return { ok: true, plan, revision: createHmac('sha256', input.planKey).update(text).digest('hex') };
}

/** The repository as this host gets it: on the runner with where its admin credential comes from. */
function repositoryOnHost(repository: Stored<Repository>, credentials: Credentials, host: Stored<Host>, input: PlanInput): PlanRepository {
  const planned = planRepository(repository, credentials);
  const runner = resolveRunner(repository, input);
  if (!runner.ok || runner.host.metadata.uid !== host.metadata.uid) return planned;
  // A mistake in the admin Secret is the repository's to tell: backups need none of it.
  const admin = resolveAdminCredentials(repository, input);
  return { ...planned, runner: true, ...(admin.ok && admin.from !== 'None' ? { adminCredentials: admin.from } : {}) };
}

function planGroup(group: Stored<SourceGroup>, host: Stored<Host>, input: PlanInput): PlanGroup {
  const { includes, excludes, excludeCaches, excludeIfPresent, excludeLargerThan, oneFileSystem, requireMount, skipIfUnchanged, windows, stdin, retry, activeDeadlineSeconds, suspend } = group.spec;
  const hooks = planHooks(group, host, input);
  return {
    uid: group.metadata.uid,
    name: group.metadata.name,
    tag: tagOf(group),
    includes: includes ?? [],
    ...(excludes ? { excludes } : {}),
    ...(excludeCaches ? { excludeCaches } : {}),
    ...(excludeIfPresent ? { excludeIfPresent } : {}),
    ...(excludeLargerThan === undefined ? {} : { excludeLargerThan }),
    ...(oneFileSystem ? { oneFileSystem } : {}),
    ...(requireMount ? { requireMount } : {}),
    ...(skipIfUnchanged ? { skipIfUnchanged } : {}),
    ...(windows?.useFsSnapshot ? { useFsSnapshot: true } : {}),
    ...(stdin ? { stdin: { command: stdin.command as [string, ...string[]], filename: stdin.filename } } : {}),
    ...(retry ? { retry: { maxAttempts: retry.maxAttempts, backoffSeconds: retry.backoffSeconds ?? BACKOFF_SECONDS } } : {}),
    ...(hooks ? { hooks } : {}),
    activeDeadlineSeconds: activeDeadlineSeconds ?? 86_400,
    ...(suspend ? { suspend: true } : {}),
  };
}

/** Schedules that reach the host through one of its groups, sorted by name; suspended and invalid ones are left out. */
function planSchedules(host: Stored<Host>, groups: readonly Stored<SourceGroup>[], cache: Cache): PlanSchedule[] {
  const reached = new Map<string, { schedule: Stored<Schedule>; groups: Stored<SourceGroup>[] }>();
  for (const group of groups) {
    for (const schedule of cache.byIndex('Schedule', 'sourceGroup', group.metadata.name)) {
      const entry = reached.get(schedule.metadata.name) ?? { schedule, groups: [] };
      entry.groups.push(group);
      reached.set(schedule.metadata.name, entry);
    }
  }
  return [...reached.values()]
    .filter(({ schedule: { spec } }) => !spec.suspend && !cronProblem(spec.schedule) && !(spec.timeZone && timeZoneProblem(spec.timeZone)) && !spec.blackout?.some(({ timeZone }) => timeZone !== undefined && timeZoneProblem(timeZone)))
    .sort((a, b) => (a.schedule.metadata.name < b.schedule.metadata.name ? -1 : 1))
    .map(({ schedule, groups: its }) => ({
      uid: schedule.metadata.uid,
      name: schedule.metadata.name,
      schedule: schedule.spec.schedule,
      ...(schedule.spec.timeZone ? { timeZone: schedule.spec.timeZone } : {}),
      groups: its.map((group) => group.metadata.uid),
      jitterSeconds: jitterOf(schedule, its, host),
      catchUp: { enabled: schedule.spec.catchUp?.enabled ?? true, settleSeconds: schedule.spec.catchUp?.settleSeconds ?? 60 },
      ...(schedule.spec.startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds: schedule.spec.startingDeadlineSeconds }),
      ...(schedule.spec.blackout?.length ? { blackout: schedule.spec.blackout } : {}),
      effectiveSince: effectiveSince(schedule, host),
    }));
}

/** The fixed delay, in seconds, of one host under one schedule. `groups` are those through which it reaches the host. */
export function jitterOf(schedule: Stored<Schedule>, groups: readonly Stored<SourceGroup>[], host: Stored<Host>): number {
  const given = schedule.spec.jitter === undefined ? undefined : parseDuration(schedule.spec.jitter);
  const bound = given === undefined ? (groups.some((group) => group.spec.hostSelector) ? SELECTOR_JITTER_SECONDS : 0) : Math.floor(given / 1000);
  return jitterSeconds(schedule.metadata.uid, host.metadata.uid, bound);
}
