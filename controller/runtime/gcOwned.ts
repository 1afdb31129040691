/**
 * Owners and what they own: an object whose owners are all gone goes too. Foreground: an owner waits until those that block
 * it are gone. Orphan: dependants are set free first. Each look is at one object: how many dependants an owner has matters
 * only once, when its deletion begins.
 */
import { apiVersionOf, kinds, resources, type Kind } from '#crds/kinds.js';
import { keyOf, type ObjectKey, type OwnerReference } from '#crds/meta.js';
import { Conflict, NotFound } from '#crds/objectStore.js';
import type { Turns } from './gcTurns.js';
import type { CacheEvent, ReconcileContext, Result } from './types.js';

export const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
/** Caches of two kinds may differ by a moment: a deletion that waits looks again. */
const AGAIN_MS = 1000;

/** Kinds that own or are owned. */
export const ownedKinds = kinds.filter((kind) => kind !== 'Event' && kind !== 'Lease');

export type AnyStored = CacheEvent['object'];

export function kindOf(reference: OwnerReference): Kind | undefined {
  const kind = reference.kind as Kind;
  return Object.hasOwn(resources, kind) && apiVersionOf(kind) === reference.apiVersion ? kind : undefined;
}

/** What a collection decides from, and the turns that all of them share. */
export interface CollectContext extends ReconcileContext {
  turns: Turns;
}

/** Gone already or made anew: both fine. */
export async function remove(kind: Kind, object: AnyStored, ctx: ReconcileContext, propagationPolicy: 'Background' | 'Foreground' = 'Background'): Promise<void> {
  try {
    await ctx.store.delete(kind, keyOf(object), { ...ctx.writer, preconditions: { uid: object.metadata.uid }, propagationPolicy });
  } catch (error) {
    if (!(error instanceof NotFound) && !(error instanceof Conflict)) throw error;
  }
}

/** Asked by every event, so answered from the caches at once: is there anything to collect about this object? */
export function needsLook({ metadata: { ownerReferences = [], deletionTimestamp } }: AnyStored, { cache }: ReconcileContext): boolean {
  if (deletionTimestamp !== undefined) return true;
  return ownerReferences.some((reference) => {
    const kind = kindOf(reference);
    const owner = kind && (cache.getByUid(kind, reference.uid) as AnyStored | undefined);
    return kind !== undefined && (owner === undefined || isLeaving(owner));
  });
}

/** Dependants of an owner that is gone, or whose deletion begins. */
export function dependantsOf(uid: string, { cache }: ReconcileContext): { kind: Kind; objects: readonly AnyStored[] }[] {
  return ownedKinds.map((kind) => ({ kind, objects: cache.byIndex(kind, 'owner', uid) as readonly AnyStored[] }));
}

export async function collectOwned(kind: Kind, key: ObjectKey, ctx: CollectContext): Promise<Result> {
  const object = ctx.cache.get(kind, key) as AnyStored | undefined;
  if (!object) return {};
  if (object.metadata.deletionTimestamp !== undefined) return finishDeletion(kind, object, ctx);
  const references = object.metadata.ownerReferences ?? [];
  const staying: OwnerReference[] = [];
  let leaving = 0;
  for (const reference of references) {
    const owner = await ownerOf(reference, object, ctx);
    if (owner === 'absent') continue;
    if (owner !== 'unknown' && isLeaving(owner)) leaving++;
    else staying.push(reference);
  }
  if (references.length === 0 || staying.length === references.length) return {};
  if (staying.length > 0) await setOwners(kind, object, staying, ctx);
  else await remove(kind, object, ctx, leaving > 0 && hasAny('owner', object, ctx) ? 'Foreground' : 'Background');
  return {};
}

function isLeaving({ metadata }: AnyStored): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FOREGROUND) === true;
}

/** In any kind, from an index: `owner` for what it owns, `blocks` for what its deletion waits for. */
function hasAny(index: 'owner' | 'blocks', { metadata: { uid } }: AnyStored, { cache }: ReconcileContext): boolean {
  return ownedKinds.some((kind) => cache.anyByIndex(kind, index, uid) !== undefined);
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

async function setOwners(kind: Kind, object: AnyStored, ownerReferences: OwnerReference[], ctx: ReconcileContext): Promise<void> {
  try {
    await ctx.store.patchMeta(kind, keyOf(object), { ownerReferences }, { ...ctx.writer, resourceVersion: object.metadata.resourceVersion });
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
}

/** Dependants have been woken when the deletion began; here the finalizer goes once nothing is left to wait for, and with it the object. */
async function finishDeletion(kind: Kind, object: AnyStored, ctx: CollectContext): Promise<Result> {
  const { finalizers = [], uid } = object.metadata;
  const foreground = finalizers.includes(FOREGROUND);
  if (!foreground && !finalizers.includes(ORPHAN)) return {};
  if (foreground && hasAny('blocks', object, ctx)) return { requeueAfter: AGAIN_MS };
  if (!foreground && hasAny('owner', object, ctx)) {
    for (const { kind: its, objects } of dependantsOf(uid, ctx)) {
      await ctx.turns.forEach(objects, async (dependant) => {
        const others = (dependant.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
        // Someone else wrote it meanwhile: the next look takes it as it is then.
        await setOwners(its, dependant, others, ctx).catch((error: unknown) => { if (!(error instanceof Conflict)) throw error; });
      });
    }
    return { requeueAfter: AGAIN_MS };
  }
  const remaining = finalizers.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  try {
    await ctx.store.patchMeta(kind, keyOf(object), { finalizers: remaining }, { ...ctx.writer, resourceVersion: object.metadata.resourceVersion });
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
  return {};
}
