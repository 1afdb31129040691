/**
 * Records of earlier formats, in steps that may be taken again; the format is written last.
 *   1 -> 2: a host's snapshots were one fact (`f/snapshots/<uid>`), whole and unfiltered: dropped, because its agent reports
 *           them again with the next backup or when asked. Snapshots known from outcomes get their index.
 *   2 -> 3: log lines were JSON objects: they become texts.
 */
import type { Outcome } from '#controller/ports.js';
import { textOf, type LogLine } from '#crds/wire/logLines.js';
import type { Change, Environment } from '../stores/environment.js';
import { DAY, dayOf, endOf } from './keys.js';
import { CLOCK_TOLERANCE_MS, knownKey } from './knownSnapshots.js';

const STEP = 1000;
/** Chunks of log are large. */
const LOG_STEP = 100;

/** @param from the format of the file @param outcomeDays how long outcomes, and what is known from them, are kept */
export async function upgradeRecords(environment: Environment, from: number, to: number, outcomeDays: number): Promise<void> {
  if (from < 2) {
    await each(environment, 'o/', STEP, (_key, value) => indexOf(JSON.parse(value) as Outcome, outcomeDays));
    await environment.commit([...environment.keys('f/snapshots/')].map((key) => ({ key })));
  }
  if (from < 3) await each(environment, 'l/', LOG_STEP, (key, value) => (value.startsWith('[') ? [{ key, value: asTexts(value) }] : []));
  await environment.commit([{ key: 'm/format', value: String(to) }]);
}

/** Walks what begins with `prefix`, a transaction each `step` entries. */
async function each(environment: Environment, prefix: string, step: number, change: (key: string, value: string) => Change[]): Promise<void> {
  for (let start = prefix; ;) {
    const changes: Change[] = [];
    let last: string | undefined;
    for (const { key, value } of environment.range(start, endOf(prefix), step)) {
      changes.push(...change(key, value));
      last = key;
    }
    if (changes.length > 0) await environment.commit(changes);
    if (last === undefined) return;
    start = `${last}!`; // before every character of a name
  }
}

function asTexts(chunk: string): string {
  return (JSON.parse(chunk) as LogLine[]).map((line) => textOf({ ...line, payload: line.payload.replaceAll('\n', ' ') })).join('\n');
}

function indexOf({ observed, recordedTime }: Outcome, outcomeDays: number): Change[] {
  const { repositoryID, snapshotID, completionTime } = observed;
  const recorded = Date.parse(recordedTime);
  if (repositoryID === undefined || snapshotID === undefined || Number.isNaN(recorded) || Date.parse(completionTime ?? '') > recorded + CLOCK_TOLERANCE_MS) return [];
  const key = knownKey({ repositoryID, snapshotID }, recorded);
  return key === undefined ? [] : [{ key, value: '""' }, { key: `e/${dayOf(recorded + outcomeDays * DAY)}/${key}`, value: '""' }];
}
