/**
 * What removes objects that are over: dependants of deleted owners (gcOwned.ts), jobs past their ttl or beyond the history
 * limits, old events. Decided from the caches and the clock; an owner is looked up in the store once more before its
 * dependants go, because caches of two kinds may differ by a moment. No event costs a walk over a kind or a bucket of an
 * index, and all passes together hold a bounded number of writes. Runs standalone, and wherever no controller-manager does.
 */
import type { Kind, ResticJob, Schedule } from '#crds/kinds.js';
import { keyOf, keyText, type ObjectKey, type Stored } from '#crds/meta.js';
import { collectOwned, dependantsOf, kindOf, needsLook, ownedKinds, remove, type AnyStored, type CollectContext } from './gcOwned.js';
import { createTurns } from './gcTurns.js';
import { historyBucket, isFinished, scheduleOf, upkeepBucket } from './indexes.js';
import { parseKey } from './loop.js';
import type { WorkQueue } from './queue.js';
import { parseTime, requeueAt } from './time.js';
import type { CacheEvent, ReconcileContext, Result } from './types.js';

const HOUR = 3_600_000;
/** A finished job stays at least this long, so that everyone who sums it up has seen it. */
const SEEN_MS = 5_000;
const EVENT_SWEEP_MS = 60_000;
const DEFAULT_HISTORY = 3;
/** Deletions that wait together share a commit. */
export const COLLECTORS = 64;
/** Writes in flight at once of those passes that have many. */
const TURNS = 200;

export interface Collector {
  onChange(event: CacheEvent): void;
  /** Looks at everything once: at the start. */
  resync(): void;
  collect(key: string): Promise<Result>;
}

/** Keys: `owned|Kind|namespace/name`, `job|namespace/name`, `upkeep|bucket`, `history|bucket`, `events`. */
export function createCollector(reconcileContext: ReconcileContext, queue: WorkQueue): Collector {
  const ctx: CollectContext = { ...reconcileContext, turns: createTurns(TURNS) };
  const lookAt = (kind: Kind, key: ObjectKey): void => { queue.add(`owned|${kind}|${keyText(key)}`); };

  function look(kind: Kind, object: AnyStored): void {
    if (needsLook(object, ctx)) lookAt(kind, keyOf(object));
    if (kind === 'ResticJob') lookAtJob(object as Stored<ResticJob>);
  }

  function lookAtJob(job: Stored<ResticJob>): void {
    if (!isFinished(job)) return;
    const upkeep = upkeepBucket(job);
    // The one that was the newest before may go now.
    if (upkeep !== undefined) queue.add(`upkeep|${upkeep}`);
    else if (job.spec.ttlSecondsAfterFinished !== undefined) queue.addAfter(`job|${keyText(keyOf(job))}`, expiryOf(job, job.spec.ttlSecondsAfterFinished, ctx) - ctx.clock.now());
    const bucket = historyBucket(job);
    if (bucket !== undefined) queue.addAfter(`history|${bucket}`, SEEN_MS);
  }

  function lookAtDependants(uid: string): void {
    for (const { kind, objects } of dependantsOf(uid, ctx)) for (const object of objects) lookAt(kind, keyOf(object));
  }

  /** Owners that may have waited for this one. */
  function lookAtOwners({ metadata: { namespace, ownerReferences = [] } }: AnyStored): void {
    for (const reference of ownerReferences) {
      const kind = kindOf(reference);
      const owner = kind && (ctx.cache.getByUid(kind, reference.uid) as AnyStored | undefined);
      if (kind && owner?.metadata.deletionTimestamp !== undefined) lookAt(kind, { namespace, name: reference.name });
    }
  }

  return {
    onChange(event) {
      const { kind, type, object, old } = event as { kind: Kind; type: string; object: AnyStored; old?: AnyStored };
      if (kind === 'Event' || kind === 'Lease') return;
      if (old && (type === 'DELETED' || old.metadata.ownerReferences?.length !== object.metadata.ownerReferences?.length)) lookAtOwners(old);
      if (type === 'DELETED') { lookAtDependants(object.metadata.uid); return; }
      look(kind, object);
      if (old && old.metadata.deletionTimestamp === undefined && object.metadata.deletionTimestamp !== undefined) lookAtDependants(object.metadata.uid);
      if (event.kind === 'Schedule' && event.old && limitsOf(event.old) !== limitsOf(event.object)) for (const job of ctx.cache.byIndex('ResticJob', 'schedule', event.object.metadata.name)) lookAtJob(job);
    },
    resync() {
      for (const kind of ownedKinds) for (const object of ctx.cache.list(kind)) look(kind, object);
      queue.add('events');
    },
    collect(key) {
      const [what, ...rest] = key.split('|');
      switch (what) {
        case 'owned': return collectOwned(rest[0] as Kind, parseKey(rest[1] ?? ''), ctx);
        case 'job': return collectExpired(parseKey(rest[0] ?? ''), ctx);
        case 'upkeep': return collectUpkeep(rest.join('|'), ctx);
        case 'history': return collectHistory(rest.join('|'), ctx);
        default: return collectEvents(ctx);
      }
    },
  };
}

function limitsOf({ spec }: Stored<Schedule>): string {
  return `${spec.successfulJobsHistoryLimit ?? DEFAULT_HISTORY}/${spec.failedJobsHistoryLimit ?? DEFAULT_HISTORY}`;
}

/** When the ttl of a finished job has passed, epoch ms. */
function expiryOf(job: Stored<ResticJob>, ttlSeconds: number, { clock }: ReconcileContext): number {
  return (parseTime(job.status?.completionTime) ?? clock.now()) + Math.max(ttlSeconds * 1000, SEEN_MS);
}

async function collectExpired(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const job = ctx.cache.get('ResticJob', key);
  const ttl = job?.spec.ttlSecondsAfterFinished;
  if (!job || ttl === undefined || !isFinished(job) || upkeepBucket(job) !== undefined) return {};
  const now = ctx.clock.now();
  const due = expiryOf(job, ttl, ctx);
  if (now < due) return requeueAt(now, due);
  await remove('ResticJob', job, ctx);
  return {};
}

/**
 * Those of one repository and type whose ttl has passed, except the newest: a monthly check is looked up for longer than a
 * week, a held plan waits for its approval.
 */
async function collectUpkeep(bucket: string, ctx: CollectContext): Promise<Result> {
  const now = ctx.clock.now();
  const jobs = ctx.cache.byIndex('ResticJob', 'upkeepOver', bucket);
  const newest = newestOf(jobs);
  const over: Stored<ResticJob>[] = [];
  let next = Infinity;
  for (const job of jobs) {
    const ttl = job.spec.ttlSecondsAfterFinished;
    if (ttl === undefined || job === newest) continue;
    const due = expiryOf(job, ttl, ctx);
    if (due <= now) over.push(job);
    else next = Math.min(next, due);
  }
  await ctx.turns.forEach(over, (job) => remove('ResticJob', job, ctx));
  return next === Infinity ? {} : requeueAt(now, next);
}

function endOf(job: Stored<ResticJob>): number {
  return parseTime(job.status?.completionTime) ?? 0;
}

/** The one that ended last; of those that ended together, the last by name. */
function newestOf(jobs: readonly Stored<ResticJob>[]): Stored<ResticJob> | undefined {
  let newest: { job: Stored<ResticJob>; at: number } | undefined;
  for (const job of jobs) {
    const at = endOf(job);
    if (newest === undefined || at > newest.at || (at === newest.at && job.metadata.name > newest.job.metadata.name)) newest = { job, at };
  }
  return newest?.job;
}

/** Keeps the newest of each outcome per schedule, group and host. A schedule that is gone counts with the default limits (E23). */
async function collectHistory(bucket: string, ctx: CollectContext): Promise<Result> {
  const first = ctx.cache.anyByIndex('ResticJob', 'history', bucket);
  const name = first && scheduleOf(first);
  if (name === undefined) return {};
  const spec = ctx.cache.get('Schedule', { namespace: ctx.namespace, name })?.spec;
  const jobs = ctx.cache.byIndex('ResticJob', 'history', bucket);
  await ctx.turns.forEach([
    ...surplus(jobs.filter((job) => job.status?.phase === 'Succeeded'), spec?.successfulJobsHistoryLimit ?? DEFAULT_HISTORY),
    ...surplus(jobs.filter((job) => job.status?.phase !== 'Succeeded'), spec?.failedJobsHistoryLimit ?? DEFAULT_HISTORY),
  ], (job) => remove('ResticJob', job, ctx));
  return {};
}

function surplus(jobs: readonly Stored<ResticJob>[], limit: number): Stored<ResticJob>[] {
  if (jobs.length <= limit) return [];
  const ended = jobs.map((job) => ({ job, at: endOf(job) })).sort((a, b) => b.at - a.at);
  return ended.slice(limit).map(({ job }) => job);
}

async function collectEvents(ctx: CollectContext): Promise<Result> {
  const limit = ctx.clock.now() - HOUR;
  await ctx.turns.forEach(ctx.cache.list('Event').filter((event) => (parseTime(event.lastTimestamp) ?? parseTime(event.eventTime) ?? parseTime(event.metadata.creationTimestamp) ?? 0) < limit), (event) => remove('Event', event, ctx));
  return { requeueAfter: EVENT_SWEEP_MS };
}
