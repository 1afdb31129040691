/**
 * The unlock rule. `restic unlock` takes every lock it deems stale: older than 30 minutes by this host's clock, or of this
 * host name with no such process. Both can be wrong (a clock, a PID namespace, two hosts of one name), and taking a live lock
 * destroys data. So it runs only when everything it would take is this agent's own dead child, or older than two hours by
 * server time while our clock is right. Never `--remove-all`.
 * @see restic internal/restic/lock.go, Lock.Stale
 */
import { locks, type Lock } from './locks.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface UnlockFacts {
  /** Name of this machine, as restic writes it into locks. */
  hostname: string;
  /** Epoch ms, this host's clock. */
  now: number;
  /** This clock minus the server's, ms; undefined when the server was never heard. */
  clockSkewMs: number | undefined;
  /** Is there a live process with this pid here? */
  alive(pid: number): boolean;
  /** Was this a child of this agent that is dead now? `lockTime`: a lock older than the child is not its. */
  ownDeadChild(pid: number, lockTime: number): boolean;
}

const RESTIC_STALE_MS = 30 * 60_000;
const OLD_MS = 2 * 3_600_000;
const MAX_SKEW_MS = 5 * 60_000;

export type UnlockDecision = { act: 'none' } | { act: 'unlock'; taken: Lock[] } | { act: 'leave'; spared: Lock[] };

/** What to do about these locks. Pure. */
export function decideUnlock(list: readonly Lock[], facts: UnlockFacts): UnlockDecision {
  const taken = list.filter((lock) => facts.now - lock.time > RESTIC_STALE_MS || (lock.hostname === facts.hostname && !facts.alive(lock.pid)));
  if (taken.length === 0) return { act: 'none' };
  const spared = taken.filter((lock) => !isOwn(lock, facts) && !isOld(lock, facts));
  return spared.length > 0 ? { act: 'leave', spared } : { act: 'unlock', taken };
}

function isOwn(lock: Lock, facts: UnlockFacts): boolean {
  return lock.hostname === facts.hostname && facts.ownDeadChild(lock.pid, lock.time);
}

function isOld(lock: Lock, facts: UnlockFacts): boolean {
  if (facts.clockSkewMs === undefined || Math.abs(facts.clockSkewMs) >= MAX_SKEW_MS) return false;
  return facts.now - facts.clockSkewMs - lock.time > OLD_MS;
}

const TRIES = 6;
const TRY_AGAIN_MS = 500;

/**
 * Applies the rule and looks again: `left` is what really remains. A dead child that nobody has reaped yet (its parent died
 * with it) still has its pid, so restic spares its lock for a moment: that is waited for, three seconds at most.
 * @throws ResticError
 */
export async function unlock(restic: Restic, facts: UnlockFacts, signal?: AbortSignal): Promise<{ decision: UnlockDecision; left: Lock[] }> {
  const list = await locks(restic, signal);
  const decision = decideUnlock(list, facts);
  if (decision.act !== 'unlock') return { decision, left: list };
  const wanted = new Set(decision.taken.map((lock) => lock.id));
  for (let tries = 1; ; tries++) {
    await restic.run('unlock', [], { signal });
    const left = await locks(restic, signal);
    const spared = left.filter((lock) => wanted.has(lock.id));
    if (spared.length === 0) return { decision, left };
    if (tries === TRIES) return { decision: { act: 'leave', spared }, left };
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
  }
}

/** `held by pid 4711 on db1 for 12 minutes` for each, so that a person can judge. */
export function describeLocks(list: readonly Lock[], now: number): string {
  return list.map((lock) => `held by pid ${lock.pid} on ${lock.hostname} for ${Math.max(0, Math.round((now - lock.time) / 60_000))} minutes${lock.exclusive ? ' (exclusively)' : ''}`).join('; ');
}

/**
 * A person's act: `restic unlock`, which removes what restic deems stale (never --remove-all). Succeeded/Completed with
 * summary.locksRemoved, a line of the log per lock; Failed/RepositoryLocked when locks stay, naming each and when restic would
 * deem it stale.
 * @param now epoch ms, this host's clock
 * @throws ResticError, ResticAborted
 */
export async function unlockStale(restic: Restic, now: number, { onLine, signal }: CommandIo): Promise<CommandOutcome> {
  const before = await locks(restic, signal);
  for (const lock of before) onLine('agent', `lock ${lock.id.slice(0, 8)} ${describeLocks([lock], now)}`);
  const { code } = await restic.run('unlock', [], { signal, onLine });
  const left = before.length === 0 ? [] : await locks(restic, signal);
  const summary = { locksRemoved: before.filter(({ id }) => !left.some((lock) => lock.id === id)).length, locksLeft: left.length };
  if (left.length > 0) {
    const stale = left.map((lock) => `${describeLocks([lock], now)}, stale for restic from ${new Date(lock.time + RESTIC_STALE_MS).toISOString()}`).join('; ');
    return { phase: 'Failed', reason: 'RepositoryLocked', message: `removed ${summary.locksRemoved} of ${before.length} locks; what stays restic takes for alive: ${stale}. End what holds it, or run an Unlock again then`.slice(0, 4096), exitCode: code, summary };
  }
  return { phase: 'Succeeded', reason: 'Completed', message: before.length === 0 ? 'there was no lock' : `removed ${summary.locksRemoved === 1 ? 'the lock' : `${summary.locksRemoved} locks`}: ${describeLocks(before, now)}`.slice(0, 4096), exitCode: code, summary };
}
