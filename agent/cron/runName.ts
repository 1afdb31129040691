/** The name of a run the agent begins itself: the same on every report of it, different from every other run. */
import { createHash } from 'node:crypto';

export interface RunParts { scheduleUid: string; groupUid: string; hostUid: string; /** RFC 3339. */ due: string; runNumber: number }

/** `<schedule cut at 40>-<10 hex of sha256(JSON of [schedule uid, group uid, host uid, due, run number])>` */
export function runName(scheduleName: string, { scheduleUid, groupUid, hostUid, due, runNumber }: RunParts): string {
  const hash = createHash('sha256').update(JSON.stringify([scheduleUid, groupUid, hostUid, due, runNumber])).digest('hex').slice(0, 10);
  return `${scheduleName.slice(0, 40).replace(/[-.]+$/, '')}-${hash}`;
}
