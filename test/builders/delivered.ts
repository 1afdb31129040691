/** What a run left behind, held against what the server tells of it: lost and doubled are found here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { World } from './world.js';
import { until } from './until.js';

const SUMMARY = '"message_type":"summary"';
/** Of the arguments of a call, one a line: a backup, not a look at its help text. */
const isBackup = (argv: string): boolean => argv.split('\n').includes('backup') && !argv.includes('--help');

/** The backups among the calls that teeRestic kept in `calls`, each by its path without .argv, .out, .err. */
export function backupCalls(calls: string): string[] {
  return readdirSync(calls).filter((name) => name.endsWith('.argv')).map((name) => join(calls, name)).filter((path) => isBackup(readFileSync(path, 'utf8'))).map((path) => path.slice(0, -'.argv'.length));
}

/** A whole log, once, in order: the numbers from 1 on without a gap. */
export async function expectUnbroken(world: World, job: string): Promise<Awaited<ReturnType<World['logOf']>>> {
  const log = await world.logOf(job);
  expect(log.map(({ seq }) => seq), `log of ${job}`).to.deep.equal(log.map((_, index) => index + 1));
  return log;
}

/** Every line that restic printed for this backup, as teeRestic kept it in `calls`, is in its log once, in its order, byte for byte; status frames are no lines. */
export async function expectDelivered(world: World, job: string, calls: string): Promise<void> {
  const made = `"snapshot_id":"${(await world.get('ResticJob', job))?.status?.snapshotID ?? 'none'}`;
  const call = backupCalls(calls).find((path) => readFileSync(`${path}.out`, 'utf8').includes(made)) ?? expect.fail(`no call of restic made the snapshot of ${job}`);
  await until(`the whole log of ${job}`, async () => (await world.logOf(job)).some(({ payload }) => payload.includes(SUMMARY)), 60_000, 100);
  const log = await expectUnbroken(world, job);
  for (const stream of ['stdout', 'stderr'] as const) {
    const printed = readFileSync(`${call}.${stream === 'stdout' ? 'out' : 'err'}`, 'utf8').split('\n').slice(0, -1).filter((line) => !line.startsWith('{"message_type":"status"'));
    expect(log.filter((line) => line.stream === stream).map(({ payload }) => payload), `${stream} of ${job}`).to.deep.equal(printed);
  }
}

/** The result of this job was taken once, however often it was sent. */
export function expectOneResult(world: World, job: string): void {
  expect(world.server.log().split('\n').filter((line) => line.includes('"msg":"job finished"') && line.includes(`"job":"${job}"`)), `results of ${job} that the server took`).to.have.length(1);
}
