/**
 * Records of earlier formats, in steps that may be taken again; the format is written last.
 *   1 -> 2: a host's snapshots were one fact (`f/snapshots/<uid>`), whole and unfiltered: dropped, because its agent reports
 *           them again with the next backup or when asked. Snapshots known from outcomes get their index.
 */
import type { Outcome } from '#controller/ports.js';
import type { Change, Environment } from '../stores/environment.js';
import { DAY, dayOf, endOf } from './keys.js';
import { CLOCK_TOLERANCE_MS, knownKey } from './knownSnapshots.js';

const STEP = 1000;

/** @param outcomeDays how long outcomes, and what is known from them, are kept */
export async function upgradeRecords(environment: Environment, format: number, outcomeDays: number): Promise<void> {
  for (let start = 'o/'; ;) {
    const changes: Change[] = [];
    let last: string | undefined;
    for (const { key, value } of environment.range(start, endOf('o/'), STEP)) {
      changes.push(...indexOf(JSON.parse(value) as Outcome, outcomeDays));
      last = key;
    }
    if (changes.length > 0) await environment.commit(changes);
    if (last === undefined) break;
    start = `${last}!`; // before every character of a name
  }
  const facts = [...environment.keys('f/snapshots/')];
  await environment.commit([...facts.map((key) => ({ key })), { key: 'm/format', value: String(format) }]);
}

function indexOf({ observed, recordedTime }: Outcome, outcomeDays: number): Change[] {
  const { repositoryID, snapshotID, completionTime } = observed;
  const recorded = Date.parse(recordedTime);
  if (repositoryID === undefined || snapshotID === undefined || Number.isNaN(recorded) || Date.parse(completionTime ?? '') > recorded + CLOCK_TOLERANCE_MS) return [];
  const key = knownKey({ repositoryID, snapshotID }, recorded);
  return key === undefined ? [] : [{ key, value: '""' }, { key: `e/${dayOf(recorded + outcomeDays * DAY)}/${key}`, value: '""' }];
}
