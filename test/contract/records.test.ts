/** Records on LMDB: logs stored once and cut over quota, outcomes, dead letters, facts, sweeping (J2, J3, J7). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { FORMAT, openRecords, type Records } from '#apiserver/records/index.js';
import { LOG_QUOTA } from '#apiserver/records/logBook.js';
import { openEnvironment } from '#apiserver/stores/environment.js';
import { Unavailable } from '#crds/objectStore.js';
import { textOf, type LogLine, type LogLines } from '#crds/wire/logLines.js';
import type { Outcome } from '#controller/ports.js';
import { missing } from './children.js';
import { refusal } from './contractTools.js';

const DAY = 86_400_000;
const job = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
const line = (seq: number, payload = `line ${seq}`): LogLine => ({ seq, ts: '2026-01-01T00:00:00.000Z', stream: 'stdout', payload });
const lines = (from: number, to: number, payload?: string): LogLine[] => Array.from({ length: to - from + 1 }, (_, index) => line(from + index, payload));
const batch = (from: number, to: number, payload?: string): LogLines => ({ firstSeq: from, lines: lines(from, to, payload).map(textOf) });
const outcome = (uid: string): Outcome => ({ uid, observed: { runID: uid, phase: 'Succeeded' }, recordedTime: '2026-01-01T00:00:00Z' });

describe('records on LMDB', function () {
  this.timeout(60_000);
  let dir: string;
  let time = Date.parse('2026-01-01T00:00:00Z');
  let records: Records;
  const reopen = async (): Promise<void> => { await records.close(); records = await openRecords({ dir, now: () => time }); };
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rm-records-'));
    time = Date.parse('2026-01-01T00:00:00Z');
    records = await openRecords({ dir, now: () => time });
  });
  afterEach(async () => {
    await records.close();
    rmSync(dir, { recursive: true });
  });

  function readAll(name: string, limit = 1000): LogLine[] {
    const all: LogLine[] = [];
    for (let from = 1; ;) {
      const page = records.readLog(job(name), from, limit);
      if (page.lines.length === 0) return all;
      all.push(...page.lines);
      from = page.next;
    }
  }

  describe('logs', () => {
    it('stores a batch that comes twice, or overlaps, once and in order', async () => {
      await records.appendLog(job('a'), batch(1, 10));
      await records.appendLog(job('a'), batch(1, 10));
      await Promise.all([records.appendLog(job('a'), batch(8, 15)), records.appendLog(job('a'), batch(8, 20))]);
      expect(readAll('a')).to.deep.equal(lines(1, 20));
      expect(records.lastLogSeq(job('a'))).to.equal(20);
      await reopen();
      await records.appendLog(job('a'), batch(5, 21));
      expect(readAll('a')).to.deep.equal(lines(1, 21));
    });

    it('is empty for a job without a log', () => {
      expect(records.readLog(job('none'))).to.deep.equal({ lines: [], next: 1 });
      expect(records.lastLogSeq(job('none'))).to.equal(0);
    });

    it('reads from a line in the middle, at most as many as asked, and says where to go on', async () => {
      await records.appendLog(job('a'), batch(1, 100));
      await records.appendLog(job('a'), batch(101, 150));
      expect(records.readLog(job('a'), 37, 5)).to.deep.equal({ lines: lines(37, 41), next: 42 });
      expect(records.readLog(job('a'), 99, 4)).to.deep.equal({ lines: lines(99, 102), next: 103 });
      expect(records.readLog(job('a'), 151)).to.deep.equal({ lines: [], next: 151 });
      expect(records.readLog(job('a')).lines).to.have.length(150);
    });

    it('does not mix jobs whose names begin alike', async () => {
      await records.appendLog(job('a'), batch(1, 3, 'a'));
      await records.appendLog(job('a-b'), batch(1, 3, 'ab'));
      await records.appendLog(job('ab'), batch(1, 3, 'b'));
      await records.deleteLog(job('a'));
      expect(readAll('a')).to.deep.equal([]);
      expect(readAll('a-b')).to.deep.equal(lines(1, 3, 'ab'));
      expect(records.lastLogSeq(job('a'))).to.equal(0);
    });

    it('stores every line once whatever order and overlap batches come in (property)', async () => {
      let run = 0;
      await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 0, max: 30 }), fc.boolean()), { minLength: 1, maxLength: 20 }), async (batches) => {
        const name = `p${(run += 1)}`;
        const expected = new Set<number>();
        let pending: Promise<void>[] = [];
        for (const [from, length, wait] of batches) {
          for (const { seq } of lines(from, from + length)) expected.add(seq);
          pending.push(records.appendLog(job(name), batch(from, from + length)));
          if (wait) { await Promise.all(pending); pending = []; }
        }
        await Promise.all(pending);
        const sorted = [...expected].sort((a, b) => a - b);
        expect(readAll(name, 7).map((each) => each.seq)).to.deep.equal(sorted);
        expect(records.lastLogSeq(job(name))).to.equal(sorted.at(-1));
      }), { numRuns: 60 });
    });

    it('keeps text exactly: control characters, lone surrogates aside, any script', async () => {
      const payload = 'tab\t nul\u0000 quote" back\\ \u{1F600} größe \u2028';
      await records.appendLog(job('a'), batch(1, 1, payload));
      expect(readAll('a')).to.deep.equal([line(1, payload)]);
    });

    it('keeps the beginning and the end of a log over its quota and counts what it cut', async () => {
      const payload = 'x'.repeat(900);
      const total = 30_000;
      for (let from = 1; from <= total; from += 500) await records.appendLog(job('big'), batch(from, from + 499, payload));
      await records.appendLog(job('big'), batch(1, 2000, payload));
      const kept = readAll('big');
      const mark = kept.findIndex((each) => each.stream === 'agent');
      const said = /^\.\.\. (\d+) lines \(([\d.]+) MiB\) left out here/.exec(kept[mark]?.payload ?? '');
      expect(said, kept[mark]?.payload).not.to.equal(null);
      const head = kept.slice(0, mark);
      const tail = kept.slice(mark + 1);
      expect(head.map((each) => each.seq)).to.deep.equal(Array.from({ length: head.length }, (_, index) => index + 1));
      expect(tail.map((each) => each.seq)).to.deep.equal(Array.from({ length: tail.length }, (_, index) => total - tail.length + 1 + index));
      expect(head.length + tail.length + Number(said?.[1])).to.equal(total);
      const bytes = [...head, ...tail].reduce((sum, each) => sum + Buffer.byteLength(textOf(each)) + 1, 0);
      expect(bytes).to.be.within(LOG_QUOTA * 0.98, LOG_QUOTA);
      expect(records.lastLogSeq(job('big'))).to.equal(total);
      await records.deleteLog(job('big'));
      expect(readAll('big')).to.deep.equal([]);
    });

    it('shares commits: a hundred jobs logging at once', async () => {
      const commits = async (): Promise<number> => {
        await records.close();
        const environment = openEnvironment(dir, 'records');
        const count = Number(environment.get('m/commit'));
        await environment.close();
        records = await openRecords({ dir, now: () => time });
        return count;
      };
      const before = await commits();
      await Promise.all(Array.from({ length: 100 }, async (_, index) => { for (let from = 1; from < 50; from += 10) await records.appendLog(job(`j${index}`), batch(from, from + 9)); }));
      expect(await commits() - before).to.be.at.most(12);
      for (let index = 0; index < 100; index += 1) expect(readAll(`j${index}`)).to.have.length(50);
    });

    it('deletes a log whose lines are still on their way', async () => {
      const appended = records.appendLog(job('a'), batch(1, 10));
      const deleted = records.deleteLog(job('a'));
      const again = records.appendLog(job('a'), batch(3, 4));
      await Promise.all([appended, deleted, again]);
      expect(readAll('a')).to.deep.equal(lines(3, 4));
    });
  });

  describe('outcomes', () => {
    it('keeps the first of two and finds it after a restart', async () => {
      await records.putOutcome(job('a'), outcome('one'));
      await Promise.all([records.putOutcome(job('a'), outcome('two')), records.putOutcome(job('b'), outcome('b1')), records.putOutcome(job('b'), outcome('b2'))]);
      await reopen();
      expect(records.findOutcome(job('a'))).to.deep.equal(outcome('one'));
      expect(records.findOutcome(job('b'))).to.deep.equal(outcome('b1'));
      expect(records.findOutcome(job('c'))).to.equal(undefined);
    });
  });

  describe('dead letters and facts', () => {
    it('keeps refused reports of a host, newest of too many, large ones cut', async () => {
      const host = { namespace: 'default', name: 'web1' };
      for (let index = 0; index < 205; index += 1) { if (index % 3 === 0) time += 1; await records.deadLetter(host, { index }, 'no such job'); }
      const letters = records.deadLetters(host);
      expect(letters).to.have.length(200);
      expect(letters.at(-1)).to.deep.include({ reason: 'no such job', frame: { index: 204 } });
      expect(letters.map(({ frame }) => (frame as { index: number }).index), 'in order, also those of one millisecond').to.deep.equal(Array.from({ length: 200 }, (_, index) => index + 5));
      await records.deadLetter(host, { blob: 'x'.repeat(100_000) }, 'too large');
      expect(JSON.stringify(records.deadLetters(host).at(-1)).length).to.be.lessThan(5000);
      expect(records.deadLetters({ namespace: 'default', name: 'web' })).to.deep.equal([]);
    });

    it('stores facts by name', async () => {
      expect(records.getFact('spool/web1')).to.equal(undefined);
      await records.putFact('spool/web1', 41);
      await Promise.all([records.putFact('spool/web1', 42), records.putFact('other', { a: [1] })]);
      await reopen();
      expect(records.getFact('spool/web1')).to.equal(42);
      await Promise.all([records.putFact('spool/web1/a', 1), records.putFact('spool/web2', 1)]);
      expect(records.factNames('spool/web1')).to.deep.equal(['spool/web1', 'spool/web1/a']);
      await records.removeFacts([...records.factNames('spool/web1'), 'spool/none']);
      expect(records.factNames('')).to.deep.equal(['other', 'spool/web2']);
      expect(records.getFact('other')).to.deep.equal({ a: [1] });
    });
  });

  describe('sweep', () => {
    it('removes logs after 30 days and outcomes after 400, not before', async () => {
      await records.appendLog(job('a'), batch(1, 10));
      await records.putOutcome(job('a'), outcome('a'));
      time += 20 * DAY;
      await records.appendLog(job('late'), batch(1, 5));
      await records.appendLog(job('a'), batch(11, 12));
      time += 12 * DAY;
      expect(await records.sweep(time)).to.equal(0);
      expect(readAll('a')).to.have.length(12);
      time += 20 * DAY;
      expect(await records.sweep(time)).to.equal(2);
      expect(readAll('a')).to.deep.equal([]);
      expect(readAll('late')).to.deep.equal([]);
      expect(records.findOutcome(job('a'))).to.deep.equal(outcome('a'));
      time += 360 * DAY;
      expect(await records.sweep(time)).to.equal(1);
      expect(records.findOutcome(job('a'))).to.equal(undefined);
      expect(await records.sweep(time)).to.equal(0);
    });
  });

  it('reads logs of format 2, whose lines were objects, also when the first upgrade was cut short (E26)', async () => {
    await records.appendLog(job('new'), batch(1, 2));
    await records.appendLog(job('a'), batch(1, 2));
    await records.close();
    const environment = openEnvironment(dir, 'records');
    const old = lines(1, 2).map((each) => ({ ...each, payload: `${each.payload}: "x"\nagain` }));
    await environment.commit([{ key: 'm/format', value: '2' }, { key: 'l/default/a/000000000001', value: JSON.stringify(old) }, ...Array.from({ length: 250 }, (_, index) => ({ key: `l/default/b/${String(index + 1).padStart(12, '0')}`, value: JSON.stringify([line(index + 1)]) }))]);
    await environment.close();
    records = await openRecords({ dir, now: () => time });
    expect(readAll('a').map(({ payload }) => payload)).to.deep.equal(['line 1: "x" again', 'line 2: "x" again']);
    expect(readAll('b')).to.deep.equal(lines(1, 250));
    expect(readAll('new')).to.deep.equal(lines(1, 2));
  });

  it('refuses a newer format by name', async () => {
    await records.close();
    const environment = openEnvironment(dir, 'records');
    await environment.commit([{ key: 'm/format', value: String(FORMAT + 1) }]);
    await environment.close();
    expect((await refusal(openRecords({ dir }))).message).to.contain(`newer version (format ${FORMAT + 1}`);
    const mended = openEnvironment(dir, 'records');
    await mended.commit([{ key: 'm/format', value: String(FORMAT) }]);
    await mended.close();
    records = await openRecords({ dir });
  });

  it('refuses writes on a full disk by name, reads on, and writes again when there is space (Q4)', async function () {
    const lack = missing('root');
    if (lack !== undefined) { if (this.test !== undefined) this.test.title += ` (not here: needs ${lack})`; return this.skip(); }
    const small = join(dir, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small]);
    try {
      const tight = await openRecords({ dir: small });
      let full: Error | undefined;
      let last = 0;
      for (let from = 1; full === undefined; from += 50) await tight.appendLog(job('a'), batch(from, from + 49, 'x'.repeat(500))).then(() => { last = from + 49; }, (error: Error) => { full = error; });
      expect(full).to.be.instanceOf(Unavailable);
      expect((full as Unavailable).diskFull).to.equal(true);
      expect(tight.lastLogSeq(job('a'))).to.equal(last);
      expect(tight.readLog(job('a'), 1, 100_000).lines).to.have.length(last);
      execFileSync('mount', ['-o', 'remount,size=12m', small]);
      await tight.appendLog(job('a'), batch(last + 1, last + 50, 'x'.repeat(500)));
      expect(tight.readLog(job('a'), 1, 100_000).lines).to.have.length(last + 50);
      await tight.close();
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  });
});
