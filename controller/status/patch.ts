/**
 * The one status patch of a reconcile. It holds only what changed, so that it never touches the fields of another writer,
 * and carries the version that was read, so that a newer state is never overwritten by an older decision.
 */
import type { KindMap } from '#crds/kinds.js';
import { keyOf, type Condition, type Stored } from '#crds/meta.js';
import { Conflict, NotFound, type MergePatch } from '#crds/objectStore.js';
import { describeError } from '../runtime/loop.js';
import type { ReconcileContext, Recorder, Result } from '../runtime/types.js';
import { newStall, setCondition, type Conditioned } from './conditions.js';

/** Kinds with a status of ours. */
export type StatusKind = 'Host' | 'Repository' | 'SourceGroup' | 'Schedule' | 'ResticJob' | 'EnrollmentRequest';
type StatusOf<K extends StatusKind> = NonNullable<KindMap[K]['status']>;

/** RFC 7386 merge patch from one value to another, or undefined when they are equal. Lists are replaced whole. */
export function computeStatusPatch(from: object | undefined, to: object): MergePatch | undefined {
  const before = (from ?? {}) as Record<string, unknown>;
  const after = to as Record<string, unknown>;
  const patch: MergePatch = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, value] = [before[name], after[name]];
    if (equal(old, value)) continue;
    if (value === undefined) patch[name] = null;
    else if (isPlain(old) && isPlain(value)) patch[name] = computeStatusPatch(old, value);
    else patch[name] = value;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deep equality of JSON values; an absent and an undefined member are the same. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((member, index) => equal(member, b[index]));
  if (!isPlain(a) || !isPlain(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((name) => equal(left[name], right[name]));
}

/**
 * Runs `act` on a copy of the status and writes what it changed, on every way out; a new stall is also told in an Event. What
 * `act` tells becomes Events once the status says it too: a decision that lost to another writer is made again, and told once.
 * When it throws, its conditions are saved, with Ready=False/InternalError, but never phase or any other field; the error
 * goes on to the loop.
 * @throws Conflict when someone else wrote since the object was read: the loop tries again
 */
export async function withStatus<K extends StatusKind>(kind: K, object: Stored<KindMap[K]>, ctx: ReconcileContext, act: (status: StatusOf<K>, tell: Recorder) => Promise<Result> | Result): Promise<Result> {
  const before = (object as { status?: StatusOf<K> }).status;
  const draft = structuredClone(before ?? {}) as StatusOf<K> & Conditioned;
  let result: Result;
  const news: Parameters<Recorder['event']>[] = [];
  try {
    result = await act(draft, { event: (...event) => { news.push(event); } });
  } catch (error) {
    if (!(error instanceof Conflict)) await saveConditions(kind, object, ctx, draft.conditions, error);
    throw error;
  }
  if (object.metadata.generation !== undefined) draft.observedGeneration = object.metadata.generation;
  await write(kind, object, ctx, computeStatusPatch(before, draft));
  for (const event of news) ctx.recorder.event(...event);
  const stall = newStall(before, draft);
  if (stall) ctx.recorder.event(object, 'Warning', stall.reason, stall.message);
  return result;
}

async function write<K extends StatusKind>(kind: K, object: Stored<KindMap[K]>, ctx: ReconcileContext, patch: MergePatch | undefined): Promise<void> {
  if (!patch) return;
  const key = keyOf(object);
  const { resourceVersion } = object.metadata;
  try {
    await ctx.store.patchStatus(kind, key, patch, { ...ctx.writer, resourceVersion });
  } catch (error) {
    if (error instanceof NotFound) return; // deleted meanwhile: there is nothing left to say
    throw error;
  }
  await ctx.caughtUp(kind, key, resourceVersion);
}

async function saveConditions<K extends StatusKind>(kind: K, object: Stored<KindMap[K]>, ctx: ReconcileContext, conditions: Condition[] | undefined, cause: unknown): Promise<void> {
  const before = (object as { status?: Conditioned }).status;
  const saved: Conditioned = { ...(before ?? {}), conditions: structuredClone(conditions ?? before?.conditions ?? []) };
  setCondition(saved, 'Ready', 'False', { reason: 'InternalError', message: describeError(cause) }, { generation: object.metadata.generation, now: ctx.clock.now() });
  try {
    await write(kind, object, ctx, computeStatusPatch(before, saved));
  } catch (error) {
    ctx.log.warn({ kind, object: object.metadata.name, error: describeError(error) }, 'conditions of a failed reconcile could not be saved');
  }
}
