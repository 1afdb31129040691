import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Scratch } from '../../test/builders/agentParts.js';
import { before as moment, judge, type PlannedSnapshot } from './forgetGuard.js';
import { ForgetLedger } from './forgetLedger.js';
import { keepFlags } from './forgetPlan.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const now = Date.parse('2026-11-25T12:00:00Z');
const facts = { now, keepWithinFloor: '14d', maxRemovalPercent: 30 };

/** `count` known snapshots, one a day, the newest a day old; the oldest `gone` are to go. */
function daily(count: number, gone: number): PlannedSnapshot[] {
  return Array.from({ length: count }, (_, day) => ({ id: `s${day + 1}`, time: now - (day + 1) * DAY, remove: day >= count - gone, known: true, firstSeen: now - (day + 1) * DAY }));
}
const add = (change: Partial<PlannedSnapshot>): PlannedSnapshot => ({ id: 'other', time: now - 40 * DAY, remove: false, known: true, firstSeen: now - 40 * DAY, ...change });

describe('retention guard', () => {
  const rows: [string, PlannedSnapshot[], Partial<typeof facts>, { remove: number; reasons?: string[]; unreported?: number }][] = [
    ['lets go what a policy does not keep', daily(40, 3), {}, { remove: 3 }],
    ['lets exactly the percentage go', daily(40, 12), {}, { remove: 12 }],
    ['holds one more than that', daily(40, 13), {}, { remove: 13, reasons: ['RemovesTooMuch'] }],
    ['lets a single one go however few there are', [...daily(2, 0), add({ remove: true })], {}, { remove: 1 }],
    ['holds two of three', [...daily(1, 0), add({ id: 'a', remove: true }), add({ id: 'b', remove: true })], {}, { remove: 2, reasons: ['RemovesTooMuch'] }],
    ['holds every second one at 0 percent', daily(40, 2), { maxRemovalPercent: 0 }, { remove: 2, reasons: ['RemovesTooMuch'] }],
    ['never lets go what is younger than the floor', daily(20, 20), { maxRemovalPercent: 100 }, { remove: 6 }],
    ['has no floor when it is 0', daily(20, 20), { maxRemovalPercent: 100, keepWithinFloor: '0d' }, { remove: 20 }],
    ['holds when one is from the future, forged to push out real ones', [...daily(40, 3), add({ time: now + 2 * HOUR })], {}, { remove: 3, reasons: ['FutureSnapshots'] }],
    ['holds when one was from the future when the runner first saw it', [...daily(40, 3), add({ time: now - DAY, firstSeen: now - 3 * DAY })], {}, { remove: 3, reasons: ['FutureSnapshots'] }],
    ['lets a clock be half an hour off', [...daily(40, 3), add({ time: now + HOUR / 2, firstSeen: now })], {}, { remove: 3 }],
    ['holds when one is unknown for a day', [...daily(40, 3), add({ known: false, firstSeen: now - DAY })], {}, { remove: 3, reasons: ['UnknownSnapshots'] }],
    ['rests while the report of one may be on its way', [...daily(40, 3), add({ known: false, firstSeen: now - DAY + 1, time: now - 2 * DAY })], {}, { remove: 3, unreported: 1 }],
    ['says every reason', [...daily(40, 20), add({ known: false }), add({ time: now + DAY })], {}, { remove: 20, reasons: ['RemovesTooMuch', 'UnknownSnapshots', 'FutureSnapshots'] }],
    ['holds nothing when nothing goes', [...daily(5, 0), add({ known: false }), add({ time: now + DAY })], {}, { remove: 0 }],
  ];
  for (const [sentence, list, change, { remove, reasons = [], unreported = 0 }] of rows) {
    it(sentence, () => {
      const verdict = judge(list, { ...facts, ...change });
      expect(verdict.remove).to.have.length(remove);
      expect(verdict.reasons).to.deep.equal(reasons);
      if (reasons.length === 0) expect(verdict.unreported).to.equal(remove === 0 ? verdict.unreported : unreported);
      expect(verdict.of).to.equal(list.length);
    });
  }

  it('counts restic\'s durations by the calendar', () => {
    expect(new Date(moment(Date.parse('2024-03-31T10:00:00Z'), '1y2m3d4h')).toISOString()).to.equal('2023-01-28T06:00:00.000Z');
    expect(moment(now, '14d')).to.equal(now - 14 * DAY);
  });
});

describe('retention as restic\'s flags', () => {
  it('names every rule, and is nothing when it is empty or only of tags: empty never means "delete all"', () => {
    expect(keepFlags({ keepLast: 1, keepHourly: 2, keepDaily: 3, keepWeekly: 4, keepMonthly: 5, keepYearly: 6, keepWithin: '7d', keepTags: ['hold'] })).to.deep.equal(['--keep-last=1', '--keep-hourly=2', '--keep-daily=3', '--keep-weekly=4', '--keep-monthly=5', '--keep-yearly=6', '--keep-within=7d', '--keep-tag=hold']);
    expect(keepFlags({})).to.deep.equal([]);
    expect(keepFlags({ keepLast: 0, keepTags: ['hold'] })).to.deep.equal([]);
  });
});

describe('ledger of a runner', () => {
  const scratch = new Scratch();
  afterEach(async () => scratch.clean());

  it('keeps when it first saw an id and that it was vouched for, over restarts, until the id is gone', async () => {
    const dir = await scratch.dir('ledger');
    const first = await ForgetLedger.open(dir, 'r');
    await first.see(['a', 'b'], (id) => id === 'a', 1_000);
    const second = await ForgetLedger.open(dir, 'r');
    await second.see(['a', 'b', 'c'], () => false, 2_000);
    const third = await ForgetLedger.open(dir, 'r');
    expect([third.get('a'), third.get('b'), third.get('c')]).to.deep.equal([{ firstSeen: 1_000, accepted: true }, { firstSeen: 1_000, accepted: false }, { firstSeen: 2_000, accepted: false }]);
    await third.see(['c'], () => true, 3_000);
    expect(JSON.parse(await readFile(third.path, 'utf8'))).to.deep.equal({ c: { firstSeen: 2_000, accepted: true } });
    expect((await stat(third.path)).mode & 0o777).to.equal(0o600);
    expect((await ForgetLedger.open(dir, 'other')).get('c'), 'of another repository').to.equal(undefined);
  });

  it('that does not parse is set aside, never overwritten', async () => {
    const dir = await scratch.dir('ledger');
    const { path } = await ForgetLedger.open(dir, 'r');
    await writeFile(path, '{broken');
    await (await ForgetLedger.open(dir, 'r')).see(['a'], () => false, 1);
    const aside = (await readdir(dir)).find((file) => file.includes('.corrupt-'));
    expect(await readFile(`${dir}/${aside ?? ''}`, 'utf8')).to.equal('{broken');
  });
});
