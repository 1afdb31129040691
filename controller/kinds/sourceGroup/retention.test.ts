import { expect } from 'chai';
import type { SourceGroup } from '#crds/kinds.js';
import { aGroup, aSchedule } from '../../../test/builders/objects.js';
import { nextFire } from '../../runtime/cron.js';
import { alignmentOf, retentionText } from './retention.js';

type Retention = SourceGroup['spec']['retention'];
const group = (retention?: Retention): SourceGroup => aGroup('docs', retention ? { retention } : {});

describe('the retention of a group', () => {
  it('reads as restic\'s short options', () => {
    expect(retentionText(group({ keepDaily: 7, keepWeekly: 4, keepMonthly: 12 }))).to.equal('7d 4w 12m');
    expect(retentionText(group({ keepYearly: 3, keepLast: 2, keepHourly: 24, keepWithin: '2y5m', keepTags: ['a', 'b'] }))).to.equal('2l 24H 3y within 2y5m tags a,b');
    for (const none of [undefined, {}, { keepTags: [] }]) expect(retentionText(group(none))).to.equal('none');
    expect(retentionText(group({ keepTags: Array.from({ length: 32 }, () => 'x'.repeat(200)) }))).to.have.length(256);
  });

  const verdict = (retention: Retention, ...schedules: ReturnType<typeof aSchedule>[]): string => {
    const { aligned, reason, message } = alignmentOf(group(retention), schedules, { now: Date.parse('2026-03-02T12:00:00Z'), nextFire });
    return `${String(aligned)} ${reason}: ${message}`;
  };
  const every = (schedule: string, spec: object = {}): ReturnType<typeof aSchedule> => aSchedule('s', ['docs'], { schedule, ...spec });

  it('is aligned when some enabled schedule feeds each of its periods (S4)', () => {
    for (const [retention, cron] of [[{ keepDaily: 7, keepWeekly: 4, keepMonthly: 12, keepYearly: 5 }, '0 2 * * *'], [{ keepHourly: 24 }, '@hourly'], [{ keepHourly: 9 }, '0 9-17 * * 1-5'], [{ keepDaily: 7 }, '30 2 * * 1-5'], [{ keepWeekly: 4 }, '@weekly'], [{ keepMonthly: 12 }, '0 3 1 * *'], [{ keepYearly: 2 }, '@yearly'], [{ keepLast: 3, keepWithin: '30d' }, '@yearly']] as const) {
      expect(verdict(retention, every(cron)), cron).to.match(/^true Aligned/);
    }
    expect(verdict({ keepDaily: 7 }, every('@weekly'), every('@daily'))).to.match(/^true/);
    expect(verdict({ keepDaily: 7 }, every('30 2 * * *', { timeZone: 'Europe/Berlin' }))).to.match(/^true/);
  });
  it('names the periods that no enabled schedule feeds (S4)', () => {
    expect(verdict({ keepHourly: 24, keepDaily: 7 }, every('@daily'))).to.equal('false CadenceMismatch: no enabled schedule runs this group hourly, so spec.retention.keepHourly reaches further back than it says');
    expect(verdict({ keepDaily: 7, keepWeekly: 4 }, every('@monthly'))).to.equal('false CadenceMismatch: no enabled schedule runs this group daily, so spec.retention.keepDaily, spec.retention.keepWeekly reach further back than it says');
    expect(verdict({ keepWeekly: 4 }, every('0 2 1,15 * *'))).to.match(/^false/);
  });
  it('does not count schedules that are suspended or wrong, and says when there is none', () => {
    const none = 'false CadenceMismatch: no enabled schedule runs this group, so spec.retention.keepDaily reaches further back than it says';
    expect(verdict({ keepDaily: 7 }, every('@daily', { suspend: true }), every('61 * * * *'), every('@daily', { timeZone: 'Mars/Olympus' }))).to.equal(none);
    expect(verdict({ keepDaily: 7 })).to.equal(none);
  });
  it('has nothing to be fed when it keeps everything', () => { expect(verdict({}, every('@daily'))).to.equal('true NoRetention: spec.retention keeps everything: forget leaves this group out'); });
});
