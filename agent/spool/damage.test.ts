import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { JobFinished, JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { Scratch } from '../../test/builders/agentParts.js';
import { silentLog } from '../log.js';
import { Journal } from '../runs/journal.js';
import { Spool } from './spool.js';

const T0 = Date.parse('2026-11-24T00:00:00Z');
const finished = (job: string, size: number): JobFinished => ({ identity: { job, runID: job, type: 'Backup', startedBy: 'Agent' }, phase: 'Succeeded', reason: 'Completed', message: 'm'.repeat(size), completionTime: '2026-11-24T00:00:00.000Z' });

/** Somewhere in all the bytes of some files (half of the time about the end of a line): cut there, or one byte made another. Places as a share of the whole. */
const damages = fc.array(fc.record({ where: fc.integer({ min: 0, max: 999_999 }).map((part) => part / 1e6), lineEnd: fc.option(fc.constantFrom(-1, 0, 1), { nil: undefined, freq: 1 }), flip: fc.option(fc.integer({ min: 1, max: 255 }), { nil: undefined, freq: 1 }) }), { minLength: 1, maxLength: 3 });
type Damages = typeof damages extends fc.Arbitrary<infer T> ? T : never;

/** Damages the files, which count as one after the other, with `used` bytes of lines in each. Returns the first place hit. */
async function harm(files: readonly { path: string; used: number }[], all: Damages): Promise<{ file: number; offset: number }> {
  const total = files.reduce((sum, { used }) => sum + used + 64, 0); // some padding too
  const places = await Promise.all(all.map(async ({ where, lineEnd, flip }) => {
    let offset = Math.floor(where * total);
    let file = 0;
    for (; offset >= (files[file]?.used ?? 0) + 64; file++) offset -= (files[file]?.used ?? 0) + 64;
    const next = lineEnd === undefined ? -1 : (await readFile((files[file] as { path: string }).path)).indexOf(0x0a, offset);
    return { file, offset: next < 0 ? offset : next + 1 + (lineEnd ?? 0), flip };
  }));
  places.sort((a, b) => a.file - b.file || a.offset - b.offset);
  for (const { file, offset, flip } of places) {
    const { path } = files[file] as { path: string };
    const bytes = await readFile(path);
    if (offset >= bytes.length) continue; // cut off before
    if (flip !== undefined) bytes[offset]! ^= flip;
    await writeFile(path, flip === undefined ? bytes.subarray(0, offset) : bytes);
  }
  return places[0] as { file: number; offset: number };
}

const settings = { numRuns: Number(process.env['RM_TEST_RUNS'] ?? 60), seed: Number(process.env['RM_TEST_SEED'] ?? 20_261_127) };

describe('whatever the disk does to a file', function () {
  this.timeout(60_000 + settings.numRuns * 2_000);
  const scratch = new Scratch();
  after(() => scratch.clean());

  it('the spool opens, loses nothing that lies before the damage, gives no number again, and delivers only what was written', () => fc.assert(fc.asyncProperty(damages, fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 24 }), async (all, sizes) => {
    const options = { dir: join(await scratch.dir('damage'), 'spool'), log: silentLog, limitBytes: 32_768, segmentBytes: 4_096, freeShare: async () => Promise.resolve(1) };
    const spool = await Spool.open(options);
    const given = sizes.map((size, index) => finished(`job${index}`, size));
    for (const payload of given) await spool.append({ type: 'job.finished', payload });
    await spool.close();
    const names = (await readdir(options.dir)).filter((name) => name.endsWith('.jsonl')).sort();
    const files = await Promise.all(names.map(async (name) => {
      const path = join(options.dir, name);
      const used = (await readFile(path)).findLastIndex((byte) => byte !== 0) + 1;
      return { path, used, firstSeq: Number(name.slice(0, 16)), lines: (await readFile(path, 'latin1')).slice(0, used).split('\n').slice(0, -1).map(({ length }) => length + 1) };
    }));
    const hit = await harm(files, all);
    const whole = files.reduce((sum, { lines }, index) => {
      if (index !== hit.file) return index < hit.file ? sum + lines.length : sum;
      let end = 0;
      return sum + lines.filter((length) => (end += length) <= hit.offset).length;
    }, 0);

    const again = await Spool.open(options);
    const frames: { seq: number; type: string; payload: JobFinished }[] = [];
    for (let next = await again.nextAfter(0); next; next = await again.nextAfter(next.seq)) frames.push(JSON.parse(next.text) as typeof frames[number]);
    const jobs = frames.map(({ payload }) => payload.identity.job);
    expect(jobs.slice(0, whole), 'before the damage').to.deep.equal(given.slice(0, whole).map(({ identity: { job } }) => job));
    for (const { payload } of frames) expect(payload).to.deep.equal(given.find(({ identity: { job } }) => job === payload.identity.job));
    expect(new Set(jobs).size).to.equal(jobs.length);
    const number = await again.append({ type: 'job.finished', payload: finished('next', 1) });
    if (again.id === spool.id) {
      expect(jobs, 'nothing is missing under the old id').to.have.length(given.length);
      expect(number).to.equal(given.length + 1);
    }
    await again.close();
  }), settings));

  it('the journal opens, knows what lies before the damage, and gives no run number again', () => fc.assert(fc.asyncProperty(damages, fc.integer({ min: 1, max: 12 }), async (all, count) => {
    const path = join(await scratch.dir('damage'), 'journal.jsonl');
    const journal = await Journal.open(path, silentLog, T0);
    const ends: number[] = [];
    const usedOf = async (): Promise<number> => (await readFile(path)).findLastIndex((byte) => byte !== 0) + 1;
    let last = 0;
    for (let index = 0; index < count; index++) {
      const identity: JobIdentity = { job: `job${index}`, runID: `job${index}`, type: 'Backup', startedBy: 'Agent' };
      last = journal.nextRunNumber();
      await journal.start(identity, 't', [{ schedule: 's', group: 'g', due: T0 + index }]);
      await journal.finish(finished(`job${index}`, 10));
      ends.push(await usedOf());
    }
    await journal.close();
    const hit = await harm([{ path, used: await usedOf() }], all);
    const again = await Journal.open(path, silentLog, T0);
    const whole = ends.filter((end) => end <= hit.offset).length;
    for (let index = 0; index < whole; index++) expect(again.isFinished(`job${index}`), `job${index}`).to.equal(true);
    if (whole > 0) expect(again.attemptOf('s', 'g')?.due).to.be.at.least(T0 + whole - 1);
    expect(again.nextRunNumber()).to.be.greaterThan(last);
    for (const result of await again.results(0)) expect(result).to.deep.equal(finished(result.identity.job, 10));
    await again.close();
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  }), settings));
});
