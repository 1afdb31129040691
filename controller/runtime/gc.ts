/**
 * What removes objects that are over: dependants of deleted owners, jobs past their ttl or beyond the history limits, old
 * events. Decided from the caches and the clock; an owner is looked up in the store once more before its dependants go,
 * because caches of two kinds may differ by a moment. Runs standalone, and wherever no controller-manager does.
 */
import { apiVersionOf, kinds, resources, type Kind, type ResticJob } from '#crds/kinds.js';
import { keyOf, keyText, type ObjectKey, type OwnerReference, type Stored } from '#crds/meta.js';
import { Conflict, NotFound } from '#crds/objectStore.js';
import { historyBucket, isFinished, scheduleOf } from './indexes.js';
import { parseKey } from './loop.js';
import type { WorkQueue } from './queue.js';
import { parseTime, requeueAt } from './time.js';
import type { CacheEvent, ReconcileContext, Result } from './types.js';

const HOUR = 3_600_000;
/** A finished job stays at least this long, so that everyone who sums it up has seen it. */
const SEEN_MS = 5_000;
const EVENT_SWEEP_MS = 60_000;
const BATCH = 200;
const DEFAULT_HISTORY = 3;
const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/** Kinds that own or are owned. */
const ownedKinds = kinds.filter((kind) => kind !== 'Event' && kind !== 'Lease');

type AnyStored = CacheEvent['object'];

export interface Collector {
  onChange(event: CacheEvent): void;
  /** Looks at everything once: at the start. */
  resync(): void;
  collect(key: string): Promise<Result>;
}

/** Keys: `owned|Kind|namespace/name`, `job|namespace/name`, `history|bucket`, `events`. */
export function createCollector(ctx: ReconcileContext, queue: WorkQueue): Collector {
  function look(kind: Kind, object: AnyStored): void {
    const { ownerReferences, deletionTimestamp } = object.metadata;
    if ((ownerReferences?.length ?? 0) > 0 || deletionTimestamp !== undefined) queue.add(`owned|${kind}|${keyText(keyOf(object))}`);
    if (kind === 'ResticJob') lookAtJob(object as Stored<ResticJob>);
  }

  function lookAtJob(job: Stored<ResticJob>): void {
    if (!isFinished(job)) return;
    if (job.spec.ttlSecondsAfterFinished !== undefined) queue.add(`job|${keyText(keyOf(job))}`);
    const bucket = historyBucket(job);
    if (bucket !== undefined) queue.addAfter(`history|${bucket}`, SEEN_MS);
  }

  return {
    onChange(event) {
      if (event.kind === 'Event' || event.kind === 'Lease') return;
      if (event.type !== 'DELETED') {
        look(event.kind, event.object);
        if (event.kind === 'Schedule' && event.type === 'MODIFIED') for (const job of ctx.cache.byIndex('ResticJob', 'schedule', event.object.metadata.name)) lookAtJob(job);
        return;
      }
      for (const kind of ownedKinds) for (const dependant of ctx.cache.byIndex(kind, 'owner', event.object.metadata.uid)) queue.add(`owned|${kind}|${keyText(keyOf(dependant))}`);
      for (const reference of event.object.metadata.ownerReferences ?? []) {
        const kind = kindOf(reference);
        if (kind) queue.add(`owned|${kind}|${keyText({ namespace: event.object.metadata.namespace, name: reference.name })}`);
      }
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
        case 'history': return collectHistory(rest.join('|'), ctx);
        default: return collectEvents(ctx);
      }
    },
  };
}

function kindOf(reference: OwnerReference): Kind | undefined {
  const kind = reference.kind as Kind;
  return Object.hasOwn(resources, kind) && apiVersionOf(kind) === reference.apiVersion ? kind : undefined;
}

async function remove(kind: Kind, object: AnyStored, ctx: ReconcileContext, propagationPolicy: 'Background' | 'Foreground' = 'Background'): Promise<void> {
  try {
    await ctx.store.delete(kind, keyOf(object), { ...ctx.writer, preconditions: { uid: object.metadata.uid }, propagationPolicy });
  } catch (error) {
    if (!(error instanceof NotFound) && !(error instanceof Conflict)) throw error;
  }
}

async function collectOwned(kind: Kind, key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const object = ctx.cache.get(kind, key) as AnyStored | undefined;
  if (!object) return {};
  if (object.metadata.deletionTimestamp !== undefined) return finishDeletion(kind, object, ctx);
  const references = object.metadata.ownerReferences ?? [];
  const present: OwnerReference[] = [];
  let leaving = false;
  for (const reference of references) {
    const owner = await ownerOf(reference, object, ctx);
    if (owner === 'absent') continue;
    present.push(reference);
    if (owner !== 'unknown' && owner.metadata.deletionTimestamp !== undefined && owner.metadata.finalizers?.includes(FOREGROUND)) leaving = true;
  }
  if (references.length > 0 && present.length === 0) await remove(kind, object, ctx);
  else if (leaving && present.length === 1) await remove(kind, object, ctx, 'Foreground');
  else if (present.length < references.length) await ctx.store.patchMeta(kind, key, { ownerReferences: present }, { ...ctx.writer, resourceVersion: object.metadata.resourceVersion });
  return {};
}

/** Owners of kinds that are not served here are taken to be there. */
async function ownerOf(reference: OwnerReference, of: AnyStored, ctx: ReconcileContext): Promise<AnyStored | 'absent' | 'unknown'> {
  const kind = kindOf(reference);
  if (!kind) return 'unknown';
  const cached = ctx.cache.getByUid(kind, reference.uid);
  if (cached) return cached;
  try {
    const stored = await ctx.store.get(kind, { namespace: of.metadata.namespace, name: reference.name });
    return stored.metadata.uid === reference.uid ? stored : 'absent';
  } catch (error) {
    if (error instanceof NotFound) return 'absent';
    throw error;
  }
}

/** Foreground: dependants first. Orphan: dependants are set free. Then the finalizer goes, and with it the object. */
async function finishDeletion(kind: Kind, object: AnyStored, ctx: ReconcileContext): Promise<Result> {
  const finalizers = object.metadata.finalizers ?? [];
  const foreground = finalizers.includes(FOREGROUND);
  if (!foreground && !finalizers.includes(ORPHAN)) return {};
  let left = 0;
  for (const dependantKind of ownedKinds) {
    for (const dependant of ctx.cache.byIndex(dependantKind, 'owner', object.metadata.uid) as readonly AnyStored[]) {
      if (foreground) {
        if (dependant.metadata.ownerReferences?.some((reference) => reference.uid === object.metadata.uid && reference.blockOwnerDeletion)) left++;
        if (dependant.metadata.deletionTimestamp === undefined) await remove(dependantKind, dependant, ctx, 'Foreground');
      } else {
        const others = (dependant.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== object.metadata.uid);
        await ctx.store.patchMeta(dependantKind, keyOf(dependant), { ownerReferences: others }, { ...ctx.writer, resourceVersion: dependant.metadata.resourceVersion });
      }
    }
  }
  if (left > 0) return { requeueAfter: 1000 };
  const remaining = finalizers.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  try {
    await ctx.store.patchMeta(kind, keyOf(object), { finalizers: remaining }, { ...ctx.writer, resourceVersion: object.metadata.resourceVersion });
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
  return {};
}

async function collectExpired(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const job = ctx.cache.get('ResticJob', key);
  const ttl = job?.spec.ttlSecondsAfterFinished;
  if (!job || ttl === undefined || !isFinished(job)) return {};
  const now = ctx.clock.now();
  const due = (parseTime(job.status?.completionTime) ?? now) + Math.max(ttl * 1000, SEEN_MS);
  if (now < due) return requeueAt(now, due);
  await remove('ResticJob', job, ctx);
  return {};
}

/** Keeps the newest of each outcome per schedule, group and host. A schedule that is gone counts with the default limits (E23). */
async function collectHistory(bucket: string, ctx: ReconcileContext): Promise<Result> {
  const jobs = [...ctx.cache.byIndex('ResticJob', 'history', bucket)].sort((a, b) => (parseTime(b.status?.completionTime) ?? 0) - (parseTime(a.status?.completionTime) ?? 0));
  const [first] = jobs;
  const name = first && scheduleOf(first);
  if (name === undefined) return {};
  const spec = ctx.cache.get('Schedule', { namespace: ctx.namespace, name })?.spec;
  const succeeded = jobs.filter((job) => job.status?.phase === 'Succeeded').slice(spec?.successfulJobsHistoryLimit ?? DEFAULT_HISTORY);
  const others = jobs.filter((job) => job.status?.phase !== 'Succeeded').slice(spec?.failedJobsHistoryLimit ?? DEFAULT_HISTORY);
  const surplus = [...succeeded, ...others];
  for (const job of surplus.slice(0, BATCH)) await remove('ResticJob', job, ctx);
  return surplus.length > BATCH ? { requeueAfter: 1000 } : {};
}

async function collectEvents(ctx: ReconcileContext): Promise<Result> {
  const limit = ctx.clock.now() - HOUR;
  const old = ctx.cache.list('Event').filter((event) => (parseTime(event.lastTimestamp) ?? parseTime(event.eventTime) ?? parseTime(event.metadata.creationTimestamp) ?? 0) < limit);
  for (const event of old.slice(0, BATCH)) await remove('Event', event, ctx);
  return { requeueAfter: old.length > BATCH ? 1000 : EVENT_SWEEP_MS };
}
