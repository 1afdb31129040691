/**
 * Who may run beside whom on this host. Pure: from what waits and what runs follows who begins now and what each other one
 * waits for.
 *
 *   light      Restore, Diff, Unlock   at once, they count for nothing
 *   turn       Backup, Init            maxConcurrentJobs at one time; one backup of a group
 *   exclusive  Forget, Prune, Check    alone: restic itself would refuse a backup beside them
 *
 * First come, first served: nobody overtakes an exclusive job that waits, or backups without end would starve it.
 */
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';

export type Lane = 'light' | 'turn' | 'exclusive';

export function laneOf(type: JobIdentity['type']): Lane {
  switch (type) {
    case 'Restore': case 'Diff': case 'Unlock': return 'light';
    case 'Backup': case 'Init': return 'turn';
    case 'Forget': case 'Prune': case 'Check': return 'exclusive';
  }
}

/** One job in line or at work. */
export interface Place {
  job: string;
  type: JobIdentity['type'];
  /** Of a backup: its source group. */
  group: string | undefined;
  /** Why it may not begin whatever the others do; undefined when nothing of its own holds it. */
  heldBack: string | undefined;
}

export interface Admission<P extends Place> {
  start: P[];
  /** What the others wait for, in a sentence. */
  waits: { place: P; why: string }[];
}

/** @param waiting in the order they came */
export function admit<P extends Place>(waiting: readonly P[], active: readonly P[], maxConcurrentJobs: number): Admission<P> {
  const admission: Admission<P> = { start: [], waits: [] };
  const working = active.filter(({ type }) => laneOf(type) !== 'light');
  let ahead: P | undefined;
  for (const place of waiting) {
    const why = place.heldBack ?? (laneOf(place.type) === 'light' ? undefined : obstacle(place, working, ahead, maxConcurrentJobs));
    if (why === undefined) {
      admission.start.push(place);
      if (laneOf(place.type) !== 'light') working.push(place);
      continue;
    }
    admission.waits.push({ place, why });
    if (place.heldBack === undefined && laneOf(place.type) === 'exclusive') ahead ??= place;
  }
  return admission;
}

function obstacle(place: Place, working: readonly Place[], ahead: Place | undefined, max: number): string | undefined {
  const alone = working.find(({ type }) => laneOf(type) === 'exclusive');
  if (alone) return `waits for ${alone.type} ${alone.job}, which needs the repository for itself`;
  const [first] = working;
  if (laneOf(place.type) === 'exclusive') {
    if (first) return `waits for ${first.type} ${first.job}: it needs the repository for itself`;
    return ahead && `waits for its turn behind ${ahead.type} ${ahead.job}`;
  }
  if (ahead) return `waits for its turn behind ${ahead.type} ${ahead.job}`;
  const same = working.find(({ type, group }) => type === place.type && group === place.group);
  if (same) return place.type === 'Backup' ? `waits for ${same.job}, a backup of the same source group` : `waits for ${same.job}, which opens the repository already`;
  if (working.length >= max) return `waits for its turn: ${working.map(({ job }) => job).join(', ')} ${working.length === 1 ? 'runs' : 'run'}, and maxConcurrentJobs of this host is ${max}`;
  return undefined;
}
