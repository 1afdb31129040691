import { expect } from 'chai';
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { aRepository } from '../../../test/builders/objects.js';
import { nextFire } from '../../runtime/cron.js';
import { timestamp } from '../../runtime/time.js';
import { defaultCron, inForce, taskChangedAt, taskProblem, tasks, timesOfTask, type InForce, type TaskState } from './tasks.js';

const at = (text: string): number => Date.parse(text);
const times = (current: InForce, stored: TaskState | undefined, now: string, changedAt = '2026-01-01T00:00:00Z'): { last?: string; schedule?: string; due?: string; next?: string } => {
  const { state, due, next } = timesOfTask(current, stored, { now: at(now), changedAt: at(changedAt), nextFire });
  return { last: state?.lastDueTime, schedule: state?.schedule, due: due === undefined ? undefined : timestamp(due), next: next === undefined ? undefined : timestamp(next) };
};
const nightly = { cron: '17 3 * * *', timeZone: 'Europe/Berlin' };
const stored = (lastDueTime: string, schedule = '17 3 * * * Europe/Berlin'): TaskState => ({ lastDueTime, schedule });

describe('when maintenance is due (J8)', () => {
  it('is nothing for the time before it was first looked at', () => {
    expect(times(nightly, undefined, '2026-03-02T12:00:00Z')).to.deep.equal({ last: '2026-03-02T12:00:00Z', schedule: '17 3 * * * Europe/Berlin', due: undefined, next: '2026-03-03T02:17:00Z' });
  });
  it('is the next moment after the one acted upon, and not before it', () => {
    expect(times(nightly, stored('2026-03-02T02:17:00Z'), '2026-03-03T02:16:59Z').due).to.equal(undefined);
    expect(times(nightly, stored('2026-03-02T02:17:00Z'), '2026-03-03T02:17:00Z').due).to.equal('2026-03-03T02:17:00Z');
    expect(times(nightly, stored('2026-03-03T02:17:00Z'), '2026-03-03T02:17:00Z').due).to.equal(undefined);
  });
  it('is the newest of many that were missed: a runner away for a month owes one', () => {
    expect(times(nightly, stored('2026-03-02T02:17:00Z'), '2026-04-04T12:00:00Z').due).to.equal('2026-04-04T01:17:00Z');
  });
  it('fires once in the hour that comes twice and once in the night that lacks it (DST)', () => {
    const early = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };
    const text = '30 2 * * * Europe/Berlin';
    const fires = (from: string, to: string): string[] => {
      const found: string[] = [];
      let last = from;
      for (let now = at(from); now <= at(to); now += 600_000) {
        const { due } = times(early, stored(last, text), timestamp(now));
        if (due) { found.push(due); last = due; }
      }
      return found;
    };
    expect(fires('2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).to.deep.equal(['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z']);
    expect(fires('2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).to.deep.equal(['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z']);
  });

  describe('after a change of cron or zone', () => {
    const last = stored('2026-03-02T02:17:00Z');
    it('is nothing for the past of the new one', () => {
      expect(times({ cron: '0 9 * * *', timeZone: 'Europe/Berlin' }, last, '2026-03-02T12:00:00Z', '2026-03-02T11:00:00Z')).to.deep.equal({ last: '2026-03-02T11:00:00Z', schedule: '0 9 * * * Europe/Berlin', due: undefined, next: '2026-03-03T08:00:00Z' });
      expect(times({ cron: '17 3 * * *', timeZone: 'America/New_York' }, last, '2026-03-02T12:00:00Z').due, 'the agent of the runner told another zone').to.equal(undefined);
    });
    it('is what fell due between the change and now, when nobody looked in between', () => {
      expect(times({ cron: '0 9 * * *', timeZone: 'UTC' }, last, '2026-03-02T12:00:00Z', '2026-03-02T08:00:00Z').due).to.equal('2026-03-02T09:00:00Z');
    });
    it('stays owed when it was owed before', () => {
      expect(times({ cron: '0 9 * * *', timeZone: 'UTC' }, last, '2026-03-05T12:00:00Z', '2026-03-05T11:00:00Z').due).to.equal('2026-03-05T09:00:00Z');
    });
    it('is nothing for the time in which it was suspended', () => {
      expect(times('suspended', last, '2026-03-02T12:00:00Z')).to.deep.equal({ last: '2026-03-02T12:00:00Z', schedule: 'suspended', due: undefined, next: undefined });
      expect(times(nightly, stored('2026-03-02T12:00:00Z', 'suspended'), '2026-03-09T12:00:00Z', '2026-03-09T11:59:00Z')).to.deep.include({ last: '2026-03-09T11:59:00Z', due: undefined });
    });
  });

  it('is unknown, and stays as it was, while the zone cannot be told', () => {
    expect(times(undefined, stored('2026-03-02T02:17:00Z'), '2026-03-09T12:00:00Z')).to.deep.equal({ last: '2026-03-02T02:17:00Z', schedule: '17 3 * * * Europe/Berlin', due: undefined, next: undefined });
  });
  it('counts a stored time in the future as now: the clock was set back', () => {
    expect(times(nightly, stored('2027-01-01T00:00:00Z'), '2026-03-02T12:00:00Z')).to.deep.include({ last: '2026-03-02T12:00:00Z', due: undefined, next: '2026-03-03T02:17:00Z' });
  });
});

describe('the cron in force of a task', () => {
  const of = (spec: Partial<Repository['spec']>, uid = 'u'): Stored<Repository> => ({ ...aRepository('r', spec), metadata: { name: 'r', namespace: 'default', uid, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' } });

  it('is daily about 3, Sundays about 4 and the 1st about 5, staggered over the hour by a stable hash (E13)', () => {
    expect(tasks.map((task) => defaultCron(task, 'u').replace(/^\d+/, 'M'))).to.deep.equal(['M 3 * * *', 'M 4 * * 0', 'M 5 1 * *']);
    const minutes = Array.from({ length: 600 }, (_, n) => Number(defaultCron('forget', `uid-${String(n)}`).split(' ')[0]));
    const perMinute = Array.from({ length: 60 }, (_, minute) => minutes.filter((each) => each === minute).length);
    expect(Math.max(...perMinute)).to.be.at.most(30);
    expect(perMinute.filter((count) => count === 0).length).to.be.at.most(3);
    expect(defaultCron('forget', 'u')).to.equal(defaultCron('forget', 'u'));
  });
  it('is that of the spec, in its zone, else in the runner\'s', () => {
    const given = of({ maintenance: { forget: { schedule: '@weekly', timeZone: 'Asia/Tokyo' }, prune: { suspend: true } } });
    expect(inForce('forget', given, 'Europe/Berlin')).to.deep.equal({ cron: '@weekly', timeZone: 'Asia/Tokyo' });
    expect(inForce('prune', given, 'Europe/Berlin')).to.equal('suspended');
    expect(inForce('check', given, 'Europe/Berlin')).to.deep.equal({ cron: defaultCron('check', 'u'), timeZone: 'Europe/Berlin' });
    expect(inForce('check', given, undefined)).to.equal(undefined);
  });
  it('is refused by field when it is none (E12)', () => {
    expect(taskProblem(of({ maintenance: { check: { schedule: '61 * * * *' } } }))).to.deep.include({ reason: 'InvalidCron', message: 'spec.maintenance.check.schedule: "61 * * * *" is not a cron expression: minute 61 is outside 0-59' });
    expect(taskProblem(of({ maintenance: { prune: { timeZone: 'Mars/Olympus' } } }))?.message).to.contain('spec.maintenance.prune.timeZone: "Mars/Olympus" is not an IANA time zone name');
    expect(taskProblem(of({}))).to.equal(undefined);
  });
  it('knows when it was changed from the owner of its fields', () => {
    const edited = of({});
    edited.metadata.managedFields = [{ manager: 'kubectl', time: '2026-02-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:maintenance': { 'f:forget': { 'f:schedule': {} } } } } }, { manager: 'x', time: '2026-02-02T00:00:00Z', fieldsV1: { 'f:spec': { 'f:url': {} } } }];
    expect(timestamp(taskChangedAt('forget', edited))).to.equal('2026-02-01T00:00:00Z');
    expect(timestamp(taskChangedAt('prune', edited))).to.equal('2026-01-01T00:00:00Z');
  });
});
