/**
 * The retention guard: pure. Forget is where a mistake, a wrong clock or an intruder's forged snapshots would cost real ones, so
 * what goes beyond the usual waits for a person. Judged for each policy by itself: one host's loss must not hide among others.
 */
import type { ForgetArgs } from '#crds/wire/agentProtocol.gen.js';

export type HoldReason = 'RemovesTooMuch' | 'UnknownSnapshots' | 'FutureSnapshots';
export type ForgetPolicy = NonNullable<ForgetArgs['policies']>[number];

export interface PlannedSnapshot {
  id: string;
  /** Epoch ms, as the snapshot says. */
  time: number;
  /** restic's policy does not keep it. */
  remove: boolean;
  /** Vouched for by a backup of this system or by a person. */
  known: boolean;
  /** When this runner first saw it, epoch ms on the clock of `now`. */
  firstSeen: number;
}

export interface GuardFacts {
  /** Epoch ms, by the server's clock where it is known. */
  now: number;
  /** As restic writes durations, e.g. 14d. */
  keepWithinFloor: string;
  maxRemovalPercent: number;
}

export interface Verdict {
  /** What may go, younger ones than the floor left out. */
  remove: string[];
  of: number;
  /** What the policy does not keep and the floor does. */
  young: number;
  /** Why a person must approve it. */
  reasons: HoldReason[];
  /** Snapshots whose report may still be on its way: the policy rests this time. */
  unreported: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export function judge(snapshots: readonly PlannedSnapshot[], { now, keepWithinFloor, maxRemovalPercent }: GuardFacts): Verdict {
  const floor = before(now, keepWithinFloor);
  const unkept = snapshots.filter((snapshot) => snapshot.remove);
  const remove = unkept.filter(({ time }) => time < floor).map(({ id }) => id);
  const of = snapshots.length;
  const strangers = snapshots.filter(({ known }) => !known);
  const future = snapshots.some(({ time, firstSeen }) => time > now + HOUR || time > firstSeen + HOUR);
  const reasons: HoldReason[] = [];
  // one snapshot a night is the usual, however few there are
  if (remove.length > Math.max(1, Math.floor((of * maxRemovalPercent) / 100))) reasons.push('RemovesTooMuch');
  if (strangers.some(({ firstSeen }) => now - firstSeen >= DAY)) reasons.push('UnknownSnapshots');
  if (future) reasons.push('FutureSnapshots');
  return { remove, of, young: unkept.length - remove.length, reasons: remove.length > 0 ? reasons : [], unreported: reasons.includes('UnknownSnapshots') ? 0 : strangers.length };
}

/** The moment a restic duration (`2y5m7d3h`) before `now`, epoch ms; years and months by the calendar, UTC. */
export function before(now: number, duration: string): number {
  const part = (unit: string): number => Number(new RegExp(`(\\d+)${unit}`).exec(duration)?.[1] ?? 0);
  const date = new Date(now);
  date.setUTCFullYear(date.getUTCFullYear() - part('y'));
  date.setUTCMonth(date.getUTCMonth() - part('m'));
  return date.getTime() - part('d') * DAY - part('h') * HOUR;
}
