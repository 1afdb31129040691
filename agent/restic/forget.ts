/**
 * Removes snapshots: exactly those a person named, or what the policies do not keep, as restic itself plans it, behind the
 * guard. Lists again afterwards: only what is gone counts as removed, because restic 0.18 exits 0 against an append-only
 * server without deleting anything.
 * @see restic manual "Removing backup snapshots"
 */
import { createHash } from 'node:crypto';
import type { ForgetArgs } from '#crds/wire/agentProtocol.gen.js';
import { howToDelete, ResticError } from './exitCodes.js';
import { judge, type HoldReason } from './forgetGuard.js';
import type { ForgetLedger } from './forgetLedger.js';
import { planPolicies } from './forgetPlan.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';
import { snapshots } from './snapshots.js';

export interface ForgetOptions extends CommandIo {
  args: ForgetArgs;
  ledger: ForgetLedger;
  dryRun?: boolean;
  /** Epoch ms, this host's clock. */
  now: number;
  /** This clock minus the server's, ms; undefined when the server was never heard. */
  clockSkewMs: number | undefined;
}

/** Ids given to one restic: argv has room, and a failure leaves little undone. */
const BATCH = 500;

/**
 * Outcomes, all with summary.snapshotsRemoved and snapshotsKept: Succeeded/Completed, Succeeded/NothingRemoved;
 * Failed/ApprovalRequired (forgetPlan), Failed/AppendOnly (none of them went), Failed/ForgetIncomplete (some stayed).
 * @throws ResticError SnapshotNotFound (of snapshotIDs), RepositoryLocked, ...; ResticAborted
 */
export async function forget(restic: Restic, options: ForgetOptions): Promise<CommandOutcome> {
  const { args, ledger, signal, now } = options;
  const listed = await snapshots(restic, {}, signal);
  const reported = new Set(args.known);
  await ledger.see(listed.map(({ id }) => id), (id) => reported.has(id.slice(0, 16)), now);
  if (args.snapshotIDs) {
    const ids = resolve(args.snapshotIDs, listed.map(({ id }) => id), restic.address);
    return carryOut(restic, options, ids, listed.length, [], undefined);
  }
  const { ids, notes, held } = await plan(restic, options);
  for (const note of notes) options.onLine('agent', note);
  const hash = held.ids.length === 0 ? undefined : createHash('sha256').update(JSON.stringify([...held.ids].sort())).digest('hex');
  if (hash === undefined || args.approvedPlan !== hash) return carryOut(restic, options, ids, listed.length, notes, hash === undefined ? undefined : { hash, remove: held.ids.length, of: held.of, reasons: held.reasons, words: held.words });
  options.onLine('agent', `the plan ${hash.slice(0, 12)} was approved: ${held.ids.length} held snapshots go as well`);
  await ledger.see(listed.map(({ id }) => id), (id) => held.considered.has(id), now);
  return carryOut(restic, options, [...ids, ...held.ids], listed.length, notes, undefined);
}

interface Held { ids: string[]; considered: Set<string>; of: number; reasons: HoldReason[]; words: string[] }

/** What each policy removes, and what of it the guard holds. */
async function plan(restic: Restic, { args, ledger, signal, now, clockSkewMs }: ForgetOptions): Promise<{ ids: string[]; notes: string[]; held: Held }> {
  const { maxRemovalPercent, keepWithinFloor } = args.guard ?? { maxRemovalPercent: 30, keepWithinFloor: '14d' };
  const skew = clockSkewMs ?? 0;
  const ids: string[] = [];
  const notes: string[] = [];
  const held: Held = { ids: [], considered: new Set(), of: 0, reasons: [], words: [] };
  for (const { policy, keep, remove } of await planPolicies(restic, args.policies ?? [], signal)) {
    const facts = (gone: boolean) => ({ id, time }: { id: string; time: number }) => {
      const entry = ledger.get(id);
      return { id, time, remove: gone, known: entry?.accepted ?? false, firstSeen: (entry?.firstSeen ?? now) - skew };
    };
    const verdict = judge([...keep.map(facts(false)), ...remove.map(facts(true))], { now: now - skew, keepWithinFloor, maxRemovalPercent });
    const what = `${policy.host}/${policy.tag}`;
    if (verdict.young > 0) notes.push(`${what}: ${verdict.young} snapshots that the retention does not keep are younger than ${keepWithinFloor} and stay`);
    if (verdict.remove.length === 0) continue;
    if (verdict.reasons.length > 0) {
      held.ids.push(...verdict.remove);
      for (const { id } of [...keep, ...remove]) held.considered.add(id);
      held.of += verdict.of;
      held.reasons = [...new Set([...held.reasons, ...verdict.reasons])];
      held.words.push(`${verdict.remove.length} of ${verdict.of} of ${what} (${verdict.reasons.map((reason) => because[reason]).join(', ')})`);
      notes.push(`held: ${held.words.at(-1) ?? ''}`);
    } else if (verdict.unreported > 0) {
      notes.push(`${what} rests this time: ${verdict.unreported} of its snapshots are new and no backup of this system has reported them yet`);
    } else {
      ids.push(...verdict.remove);
      notes.push(`${what}: ${verdict.remove.length} of ${verdict.of} snapshots go`);
    }
  }
  return { ids, notes, held };
}

const because: Record<HoldReason, string> = {
  RemovesTooMuch: 'more than the guard lets go at once', UnknownSnapshots: 'among snapshots that no backup of this system reported', FutureSnapshots: 'among snapshots that say they are from the future',
};

type HeldPlan = NonNullable<CommandOutcome['forgetPlan']> & { words: string[] };

async function carryOut(restic: Restic, { dryRun, onLine, signal }: ForgetOptions, ids: readonly string[], total: number, notes: readonly string[], held: HeldPlan | undefined): Promise<CommandOutcome> {
  const rests = notes.filter((note) => / rests this time| and stay$/.test(note));
  if (dryRun) {
    const wait = held ? [`${held.remove ?? 0} would wait for approval: ${held.words.join('; ')}`] : [];
    return { phase: 'Succeeded', reason: ids.length > 0 || held ? 'Completed' : 'NothingRemoved', message: [`dry run: ${ids.length} of ${total} snapshots would be removed`, ...wait, ...rests].join('; ').slice(0, 4096), exitCode: 0, summary: { snapshotsRemoved: 0, snapshotsKept: total } };
  }
  let failure: ResticError | undefined;
  for (let from = 0; from < ids.length && !failure; from += BATCH) failure = await forgetIds(restic, ids.slice(from, from + BATCH), onLine, signal);
  const after = ids.length === 0 ? undefined : new Set((await snapshots(restic, {}, signal)).map(({ id }) => id));
  const stuck = after ? ids.filter((id) => after.has(id)) : [];
  const removed = ids.length - stuck.length;
  const summary = { snapshotsRemoved: removed, snapshotsKept: total - removed };
  if (stuck.length > 0) {
    if (failure && failure.reason !== 'AppendOnly' && failure.reason !== 'ResticFailed' && removed === 0) throw failure;
    const words = failure ? ` (${failure.message})` : '';
    const refusal = failure?.reason === 'AppendOnly' ? failure.message : `the storage at ${restic.address} refuses deletion to this account; ${howToDelete(restic.asAdmin)}${words}`;
    return removed === 0
      ? { phase: 'Failed', reason: 'AppendOnly', message: `${stuck.length} of ${ids.length} snapshots are still there: ${refusal}`.slice(0, 4096), exitCode: failure?.exitCode, summary }
      : { phase: 'Failed', reason: 'ForgetIncomplete', message: `${removed} of ${ids.length} snapshots were removed, ${stuck.length} are still there: ${stuck.slice(0, 10).map(short).join(', ')}${words}`.slice(0, 4096), exitCode: failure?.exitCode, summary };
  }
  const done = removed === 0 ? 'nothing was removed' : `removed ${removed} of ${total} snapshots`;
  if (held) {
    const { words, ...forgetPlan } = held;
    const command = `kubectl annotate repository ${restic.repository.name} --overwrite restic-manager.io/approve-forget=${forgetPlan.hash}`;
    return { phase: 'Failed', reason: 'ApprovalRequired', message: `${done}; ${forgetPlan.remove ?? 0} wait for approval: ${words.join('; ')}. Look at them, then approve with: ${command}`.slice(0, 4096), exitCode: 0, summary, forgetPlan };
  }
  return { phase: 'Succeeded', reason: removed === 0 ? 'NothingRemoved' : 'Completed', message: [done, ...rests].join('; ').slice(0, 4096), exitCode: 0, summary };
}

/** What restic said of it; whether they are gone is looked at by the caller. @throws ResticAborted */
async function forgetIds(restic: Restic, ids: readonly string[], onLine: CommandIo['onLine'], signal: AbortSignal): Promise<ResticError | undefined> {
  try {
    await restic.run('forget', [...ids], { accept: [3], signal, onLine: (stream, line) => { if (line !== '' && !line.startsWith('[')) onLine(stream, line); } }); // progress has no place in the log
    return undefined;
  } catch (error) {
    if (error instanceof ResticError && error.reason !== 'RepositoryLocked') return error;
    throw error;
  }
}

function resolve(wanted: readonly string[], all: readonly string[], address: string): string[] {
  const missing: string[] = [];
  const found = wanted.flatMap((id) => {
    const matches = all.filter((known) => known.startsWith(id));
    if (matches.length !== 1) missing.push(id);
    return matches;
  });
  if (missing.length > 0) throw new ResticError('SnapshotNotFound', `${missing.map(short).join(', ')}: not in the repository at ${address}, or not one snapshot alone; nothing was removed`);
  return [...new Set(found)];
}

const short = (id: string): string => id.slice(0, 8);
