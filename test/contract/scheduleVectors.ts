/** When a schedule is due, as a table: every adapter of a cron library must give exactly these moments. Written by hand from crontab(5) and the zones' rules. */
import { expect } from 'chai';
import { decideFiring, latestDue, type FiringDecision, type FiringFacts } from '#crds/firing.js';
import { afterBlackouts, type Blackout } from '#crds/blackout.js';
import type { NextFire } from '#crds/schedule.js';

export interface ScheduleVector { why: string; cron: string; zone: string; after: string; due: string[] }

export const scheduleVectors: readonly ScheduleVector[] = [
  { why: 'strictly after: a due moment does not repeat itself', cron: '0 3 * * *', zone: 'UTC', after: '2026-01-01T03:00:00Z', due: ['2026-01-02T03:00:00Z'] },
  { why: 'seconds do not matter', cron: '* * * * *', zone: 'UTC', after: '2026-01-01T03:00:31.500Z', due: ['2026-01-01T03:01:00Z', '2026-01-01T03:02:00Z'] },
  { why: 'a zone moves the moment', cron: '30 2 * * *', zone: 'Asia/Kolkata', after: '2026-01-01T00:00:00Z', due: ['2026-01-01T21:00:00Z'] },
  { why: 'a fixed time in a gap fires at the first valid moment after it', cron: '30 2 * * *', zone: 'Europe/Berlin', after: '2026-03-28T12:00:00Z', due: ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'] },
  { why: 'a fixed time in a repeated hour fires once', cron: '30 2 * * *', zone: 'Europe/Berlin', after: '2026-10-24T12:00:00Z', due: ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'] },
  { why: 'a wildcard hour follows elapsed time through a gap', cron: '0 * * * *', zone: 'Europe/Berlin', after: '2026-03-28T23:30:00Z', due: ['2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z'] },
  { why: 'a wildcard hour follows elapsed time through a repeat', cron: '0 * * * *', zone: 'Europe/Berlin', after: '2026-10-24T23:30:00Z', due: ['2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z'] },
  { why: 'midnight that a zone skips', cron: '0 0 * * *', zone: 'America/Sao_Paulo', after: '2018-11-03T12:00:00Z', due: ['2018-11-04T03:00:00Z', '2018-11-05T02:00:00Z'] },
  { why: 'a half-hour change of the offset', cron: '45 1 * * *', zone: 'Australia/Lord_Howe', after: '2026-04-03T00:00:00Z', due: ['2026-04-03T14:45:00Z', '2026-04-04T14:45:00Z', '2026-04-05T15:15:00Z'] },
  { why: 'leap day', cron: '0 0 29 2 *', zone: 'UTC', after: '2026-10-03T00:00:00Z', due: ['2028-02-29T00:00:00Z'] },
  { why: 'day of month or day of week, when both are given', cron: '0 0 13 * 5', zone: 'UTC', after: '2026-10-03T00:00:00Z', due: ['2026-10-09T00:00:00Z', '2026-10-13T00:00:00Z', '2026-10-16T00:00:00Z'] },
  { why: 'names of days and months, and ? for any day', cron: '0 0 ? MAR MON', zone: 'UTC', after: '2026-01-01T00:00:00Z', due: ['2026-03-02T00:00:00Z', '2026-03-09T00:00:00Z'] },
  { why: '7 is Sunday', cron: '0 0 * * 7', zone: 'UTC', after: '2026-11-23T00:00:00Z', due: ['2026-11-29T00:00:00Z'] },
  { why: 'a macro', cron: '@weekly', zone: 'UTC', after: '2026-11-23T00:00:00Z', due: ['2026-11-29T00:00:00Z'] },
  { why: 'a step in a range', cron: '10-30/10 8 * * *', zone: 'UTC', after: '2026-11-23T08:11:00Z', due: ['2026-11-23T08:20:00Z', '2026-11-23T08:30:00Z', '2026-11-24T08:10:00Z'] },
];

interface FiringVector { why: string; facts: Partial<FiringFacts>; now: string; expected: { fire?: string; origin?: string; lookAt?: string } }

const hourly = { schedule: '0 * * * *', effectiveSince: Date.parse('2026-01-01T00:30:00Z'), awakeSince: Date.parse('2026-01-01T00:00:00Z') };
const at = (text: string): number => Date.parse(text);

export const firingVectors: readonly FiringVector[] = [
  { why: 'nothing before the schedule became effective', facts: hourly, now: '2026-01-01T00:45:00Z', expected: { lookAt: '2026-01-01T01:00:00Z' } },
  { why: 'fires at its moment', facts: hourly, now: '2026-01-01T01:00:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'Schedule', lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'fires late when the agent was up but could not', facts: hourly, now: '2026-01-01T01:50:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'Schedule', lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'does not fire an attempted moment again', facts: { ...hourly, lastAttempted: at('2026-01-01T01:00:00Z') }, now: '2026-01-01T01:00:30Z', expected: { lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'several due moments coalesce into the latest', facts: hourly, now: '2026-01-01T05:10:00Z', expected: { fire: '2026-01-01T05:00:00Z', origin: 'Schedule', lookAt: '2026-01-01T06:00:00Z' } },
  { why: 'inside a blackout: waits for its end (X20)', facts: { ...hourly, blackouts: [{ from: '00:45', to: '03:20' }] }, now: '2026-01-01T01:00:00Z', expected: { lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'inside a blackout: nothing else is looked for before its end (X20)', facts: { ...hourly, blackouts: [{ from: '00:45', to: '03:20' }] }, now: '2026-01-01T03:00:00Z', expected: { lookAt: '2026-01-01T03:20:00Z' } },
  { why: 'at the end of a blackout the latest of what fell due inside runs once (X20)', facts: { ...hourly, blackouts: [{ from: '00:45', to: '03:20' }] }, now: '2026-01-01T03:20:00Z', expected: { fire: '2026-01-01T03:00:00Z', origin: 'Schedule', lookAt: '2026-01-01T04:00:00Z' } },
  { why: 'missed, and held back by a blackout: that does not make it late (X20)', facts: { ...hourly, blackouts: [{ from: '01:05', to: '09:10' }], awakeSince: at('2026-01-01T01:10:00Z'), lastAttempted: at('2026-01-01T00:00:00Z'), schedule: '0 1 * * *' }, now: '2026-01-01T09:10:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'CatchUp', lookAt: '2026-01-02T01:00:00Z' } },
  { why: 'waits for its jitter', facts: { ...hourly, jitterMs: 300_000 }, now: '2026-01-01T01:04:00Z', expected: { lookAt: '2026-01-01T01:05:00Z' } },
  { why: 'fires after its jitter, under the due moment', facts: { ...hourly, jitterMs: 300_000 }, now: '2026-01-01T01:05:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'Schedule', lookAt: '2026-01-01T02:05:00Z' } },
  { why: 'missed while asleep: waits until the host has settled', facts: { ...hourly, awakeSince: at('2026-01-01T01:10:00Z') }, now: '2026-01-01T01:10:10Z', expected: { lookAt: '2026-01-01T01:11:00Z' } },
  { why: 'missed while asleep: runs once the host has settled', facts: { ...hourly, awakeSince: at('2026-01-01T01:10:00Z') }, now: '2026-01-01T01:11:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'CatchUp', lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'missed too long ago: skipped after half the interval', facts: { ...hourly, awakeSince: at('2026-01-01T01:31:00Z') }, now: '2026-01-01T01:32:00Z', expected: { lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'missed too long ago: an intermittent host catches up anyway', facts: { ...hourly, intermittent: true, awakeSince: at('2026-01-01T01:31:00Z') }, now: '2026-01-01T01:32:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'CatchUp', lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'an intermittent host ignores a starting deadline too', facts: { ...hourly, intermittent: true, startingDeadlineMs: 600_000, awakeSince: at('2026-01-01T01:10:00Z') }, now: '2026-01-01T01:11:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'CatchUp', lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'effective from a moment in the future: from when the host is awake', facts: { ...hourly, effectiveSince: at('2036-01-01T00:00:00Z'), awakeSince: at('2026-01-01T00:10:00Z') }, now: '2026-01-01T01:00:00Z', expected: { fire: '2026-01-01T01:00:00Z', origin: 'Schedule', lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'a starting deadline of its own', facts: { ...hourly, startingDeadlineMs: 600_000, awakeSince: at('2026-01-01T01:10:00Z') }, now: '2026-01-01T01:11:00Z', expected: { lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'no catch-up wanted', facts: { ...hourly, catchUp: false, awakeSince: at('2026-01-01T01:10:00Z') }, now: '2026-01-01T01:11:00Z', expected: { lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'a stored attempt in the future counts as now', facts: { ...hourly, lastAttempted: at('2036-01-01T00:00:00Z') }, now: '2026-01-01T01:10:00Z', expected: { lookAt: '2026-01-01T02:00:00Z' } },
  { why: 'never due', facts: { ...hourly, schedule: '0 0 30 2 *' }, now: '2026-01-01T01:10:00Z', expected: {} },
];

const text = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString().replace('.000Z', 'Z'));

/** Runs both tables on one adapter. */
interface BlackoutVector { why: string; blackouts: Blackout[]; zone: string; at: string; free: string | undefined }

export const blackoutVectors: readonly BlackoutVector[] = [
  { why: 'no window: at once', blackouts: [], zone: 'UTC', at: '2026-01-01T03:00:00Z', free: '2026-01-01T03:00:00Z' },
  { why: 'the first minute of a window is in it', blackouts: [{ from: '08:00', to: '18:00' }], zone: 'UTC', at: '2026-01-01T08:00:00Z', free: '2026-01-01T18:00:00Z' },
  { why: 'the end of a window is free', blackouts: [{ from: '08:00', to: '18:00' }], zone: 'UTC', at: '2026-01-01T18:00:00Z', free: '2026-01-01T18:00:00Z' },
  { why: 'a window over midnight', blackouts: [{ from: '22:00', to: '06:00' }], zone: 'Europe/Berlin', at: '2026-01-01T23:30:00Z', free: '2026-01-02T05:00:00Z' },
  { why: 'a window in its own zone', blackouts: [{ from: '08:00', to: '18:00', timeZone: 'America/New_York' }], zone: 'UTC', at: '2026-01-01T14:00:00Z', free: '2026-01-01T23:00:00Z' },
  { why: 'windows that touch are one', blackouts: [{ from: '06:00', to: '08:00' }, { from: '00:00', to: '06:00' }, { from: '08:00', to: '09:30' }], zone: 'UTC', at: '2026-01-01T00:10:00Z', free: '2026-01-01T09:30:00Z' },
  { why: 'an end that the clock skips is the first moment after the gap', blackouts: [{ from: '01:00', to: '02:30' }], zone: 'Europe/Berlin', at: '2026-03-29T00:15:00Z', free: '2026-03-29T01:00:00Z' },
  { why: 'an end that the clock repeats is its first time', blackouts: [{ from: '01:00', to: '02:30' }], zone: 'Europe/Berlin', at: '2026-10-24T23:30:00Z', free: '2026-10-25T00:30:00Z' },
  { why: 'windows that cover the day leave nothing', blackouts: [{ from: '00:00', to: '12:00' }, { from: '12:00', to: '00:00' }], zone: 'UTC', at: '2026-01-01T00:10:00Z', free: undefined },
];

export function scheduleSuite(name: string, next: NextFire): void {
  describe(`schedule vectors on ${name}`, () => {
    for (const { why, cron, zone, after, due } of scheduleVectors) {
      it(`${why}: ${cron} in ${zone}`, () => {
        let moment = Date.parse(after);
        expect(due.map(() => text(moment = next(cron, zone, moment) ?? NaN))).to.deep.equal(due);
      });
    }
    for (const { why, facts, now, expected } of firingVectors) {
      it(`${why} (S7)`, () => {
        const decision: FiringDecision = decideFiring(next, { schedule: '', timeZone: 'UTC', effectiveSince: 0, jitterMs: 0, catchUp: true, settleMs: 60_000, intermittent: false, awakeSince: 0, ...facts }, Date.parse(now));
        const shown = { fire: text(decision.fire?.due), origin: decision.fire?.origin, lookAt: text(decision.lookAt) };
        expect(JSON.parse(JSON.stringify(shown))).to.deep.equal(expected);
      });
    }
    for (const { why, blackouts, zone, at: moment, free } of blackoutVectors) {
      it(`blackout: ${why} (X20)`, () => { expect(text(afterBlackouts(next, blackouts, zone, Date.parse(moment)))).to.equal(free); });
    }
    it('finds the latest due moment in a long span with few questions', () => {
      let asked = 0;
      const counted: NextFire = (...question) => { asked++; return next(...question); };
      expect(text(latestDue(counted, '* * * 1 *', 'UTC', 0, Date.parse('2026-12-01T00:00:00Z')))).to.equal('2026-01-31T23:59:00Z');
      expect(text(latestDue(counted, '0 0 29 2 *', 'UTC', Date.parse('2020-01-01T00:00:00Z'), Date.parse('2026-12-01T00:00:00Z')))).to.equal('2024-02-29T00:00:00Z');
      expect(latestDue(counted, '0 0 29 2 *', 'UTC', Date.parse('2025-01-01T00:00:00Z'), Date.parse('2026-12-01T00:00:00Z'))).to.equal(undefined);
      expect(asked).to.be.lessThan(200);
    });
  });
}
