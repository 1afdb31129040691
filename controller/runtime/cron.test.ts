import { expect } from 'chai';
import { nextFire } from './cron.js';

/** The next `count` firings after a moment. */
function firings(cron: string, zone: string, after: string, count: number): string[] {
  const found: string[] = [];
  let at = Date.parse(after);
  while (found.length < count) {
    const next = nextFire(cron, zone, at);
    if (next === undefined) break;
    at = next;
    found.push(new Date(next).toISOString().replace(':00.000Z', 'Z'));
  }
  return found;
}

describe('cron over daylight saving', () => {
  it('fires a fixed local time once in a repeated hour', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).to.deep.equal(['2026-10-25T00:30Z', '2026-10-26T01:30Z']);
  });
  it('fires a fixed local time that a gap leaves out at the first valid moment after it', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).to.deep.equal(['2026-03-29T01:00Z', '2026-03-30T00:30Z']);
    expect(firings('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 1)).to.deep.equal(['2026-10-03T15:30Z']);
    expect(firings('0 0 * * *', 'America/Sao_Paulo', '2017-10-14T12:00:00Z', 1)).to.deep.equal(['2017-10-15T03:00Z']);
  });
  it('fires several fixed times of one gap once', () => {
    expect(firings('*/20 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).to.deep.equal(['2026-03-29T01:00Z', '2026-03-30T00:00Z']);
  });
  it('lets a wildcard or stepped hour follow elapsed time', () => {
    expect(firings('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:45:00Z', 5)).to.deep.equal(['2026-10-25T00:00Z', '2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-25T02:00Z']);
    expect(firings('30 */2 * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', 3)).to.deep.equal(['2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-25T03:30Z']);
    expect(firings('30 */2 * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z', 2)).to.deep.equal(['2026-03-28T23:30Z', '2026-03-29T02:30Z']);
  });
  it('agrees with a walk over every minute, through both changes of the year', () => {
    const zone = 'Europe/Berlin';
    const clock = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit', weekday: 'short' });
    for (const from of ['2026-03-28T00:00:00Z', '2026-10-24T00:00:00Z']) {
      const expected: string[] = [];
      for (let at = Date.parse(from) + 60_000; expected.length < 60; at += 60_000) {
        const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
        if (Number(part['minute']) % 20 === 5 && part['weekday'] !== 'Mon') expected.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
      }
      expect(firings('5/20 * * * 0,2-6', zone, from, 60)).to.deep.equal(expected);
    }
  });
  it('has no answer for a day that never comes', () => {
    expect(nextFire('0 0 30 2 *', 'UTC', 0)).to.equal(undefined);
  });
  it('answers strictly after the moment asked about', () => {
    expect(firings('@hourly', 'UTC', '2026-01-01T10:00:00Z', 1)).to.deep.equal(['2026-01-01T11:00Z']);
    expect(firings('@hourly', 'UTC', '2026-01-01T09:59:59Z', 1)).to.deep.equal(['2026-01-01T10:00Z']);
  });
});
