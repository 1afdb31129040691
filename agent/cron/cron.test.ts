import { expect } from 'chai';
import type { JobIdentity, Plan, PlanSchedule } from '#crds/wire/agentProtocol.gen.js';
import { planGroup, planOf } from '../../test/builders/agentParts.js';
import { TestClock } from '../../test/builders/testClock.js';
import { silentLog } from '../log.js';
import type { Attempt, AttemptState } from '../runs/journal.js';
import { Cron } from './cron.js';
import { nextFire } from './nextFire.js';
import { runName } from './runName.js';

const schedule = (change: Partial<PlanSchedule> = {}): PlanSchedule => ({
  uid: 's1', name: 'nightly', schedule: '0 3 * * *', timeZone: 'UTC', groups: ['group-uid'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: '2026-01-01T00:00:00Z', ...change,
});
const planWith = (schedules: PlanSchedule[], change: Partial<Plan> = {}): Plan => planOf({ repository: { name: 'r', url: '/r', password: 'p', id: 'a'.repeat(64) }, groups: [planGroup({ includes: ['/srv'] }), planGroup({ uid: 'g2', name: 'db', includes: ['/db'] })], schedules, ...change });

describe('cron', () => {
  let clock: TestClock;
  let plan: Plan | undefined;
  let runs: { at: string; identity: JobIdentity }[];
  let active: Set<string>;
  let coalesced: Attempt[];
  const attempts = new Map<string, AttemptState>();
  let number = 0;
  let open = true;
  let zone = 'UTC';
  let cron: Cron;

  /** A new process of the agent with the same journal. */
  function boot(): void {
    cron = new Cron({
      next: nextFire, clock, log: silentLog, timeZone: zone,
      plan: () => plan,
      attemptOf: (uid, group) => attempts.get(`${uid}/${group}`),
      countAs: () => undefined,
      nextRunNumber: () => ++number,
      networkIsOpen: () => open,
      isActive: ({ uid }) => active.has(uid),
      submit: ({ identity, attempts: answered }) => {
        runs.push({ at: new Date(clock.now()).toISOString(), identity });
        for (const { schedule: uid, group, due } of answered) attempts.set(`${uid}/${group}`, { due, owed: false, redone: false });
      },
      coalesce: (_, answered) => { coalesced.push(...answered); },
    });
    cron.look();
  }

  const moments = (): string[] => runs.map(({ at, identity }) => `${at.slice(0, 19)} ${identity.origin ?? ''}`);

  beforeEach(() => {
    clock = new TestClock('2026-01-01T00:00:00Z');
    plan = planWith([schedule()]);
    runs = [];
    active = new Set();
    coalesced = [];
    attempts.clear();
    number = 0;
    open = true;
    zone = 'UTC';
  });
  afterEach(() => { cron.stop(); });

  it('fires each due moment once, over days', () => {
    boot();
    clock.pass(3 * 86_400);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule', '2026-01-02T03:00:00 Schedule', '2026-01-03T03:00:00 Schedule']);
    expect(new Set(runs.map(({ identity }) => identity.job)).size).to.equal(3);
  });

  it('needs no server, no plan change and no timer that survives: a restarted agent goes on', () => {
    boot();
    clock.pass(4 * 3_600);
    cron.stop();
    clock.pass(20 * 3_600 - 1);
    boot();
    clock.pass(4 * 3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule', '2026-01-02T03:00:00 Schedule']);
  });

  it('catches up once, after the settle delay, what was missed while it was off (S7)', () => {
    boot();
    cron.stop();
    clock.pass(3.5 * 3_600);
    boot();
    clock.pass(59);
    expect(runs).to.be.empty;
    clock.pass(3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:31:00 CatchUp']);
  });

  it('notices that the machine slept, and catches up within a minute and a half of waking (S7)', () => {
    plan = planWith([schedule()], { presence: 'Intermittent' });
    boot();
    clock.pass(2 * 3_600);
    clock.sleep(5 * 3_600);
    clock.pass(90);
    expect(moments()).to.deep.equal(['2026-01-01T07:01:30 CatchUp']);
  });

  it('does not fire for the past of a new schedule, nor while the repository has no id, nor while suspended (S7)', () => {
    plan = undefined;
    boot();
    clock.pass(4 * 3_600);
    plan = planWith([schedule({ effectiveSince: '2026-01-01T04:00:00Z' })]);
    cron.look();
    clock.pass(6 * 3_600);
    expect(runs).to.be.empty;
    plan = planWith([schedule()], { repository: { name: 'r', url: '/r', password: 'p' } });
    cron.look();
    expect(runs).to.be.empty;
    plan = planWith([schedule()], { suspend: true });
    cron.look();
    clock.pass(86_400);
    expect(runs).to.be.empty;
  });

  it('gives one run to several schedules of a group that fall together, and one to each group of a schedule (S3, S7)', () => {
    plan = planWith([schedule(), schedule({ uid: 's2', name: 'second', schedule: '*/30 3 * * *', groups: ['group-uid', 'g2'] })]);
    boot();
    clock.pass(3 * 3_600 + 60);
    expect(runs.map(({ identity }) => identity.sourceGroup)).to.deep.equal(['docs', 'db']);
    expect(attempts.get('s2/group-uid')?.due).to.equal(Date.parse('2026-01-01T03:00:00Z'));
  });

  it('coalesces with a run of the group that is still active, once (S7)', () => {
    boot();
    active.add('group-uid');
    clock.pass(3 * 3_600);
    cron.look();
    cron.look();
    expect(runs).to.be.empty;
    expect(coalesced).to.deep.equal([{ schedule: 's1', group: 'group-uid', due: Date.parse('2026-01-01T03:00:00Z') }]);
  });

  it('leaves a suspended group out and a stalled schedule alone', () => {
    plan = planWith([schedule({ uid: 's2', name: 'bad', schedule: '99 * * * *' }), schedule()], { groups: [planGroup({ includes: ['/srv'], suspend: true })] });
    boot();
    clock.pass(86_400);
    expect(runs).to.be.empty;
    expect(cron.upcoming().map(({ schedule: name }) => name)).to.deep.equal(['nightly']);
  });

  it('runs once more what a shutdown interrupted (S7)', () => {
    boot();
    clock.pass(3 * 3_600);
    attempts.set('s1/group-uid', { due: Date.parse('2026-01-01T03:00:00Z'), owed: true, redone: false });
    cron.stop();
    clock.pass(600);
    boot();
    clock.pass(600);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule', '2026-01-01T03:11:00 CatchUp']);
  });

  it('catches up only when the network is there, and says when that changes anything (S7)', () => {
    open = false;
    boot();
    cron.stop();
    clock.pass(3.5 * 3_600);
    boot();
    clock.pass(600);
    expect(runs).to.be.empty;
    open = true;
    cron.look();
    expect(moments()).to.deep.equal(['2026-01-01T03:40:00 CatchUp']);
  });

  it('does not ask for a network when a moment comes on time: its failure is told, and tried again as its group says (S7)', () => {
    open = false;
    boot();
    clock.pass(4 * 3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule']);
  });

  it('fires in the zone of the schedule, else in the host\'s own (S6)', () => {
    plan = planWith([schedule({ timeZone: 'Asia/Kolkata' }), schedule({ uid: 's2', name: 'local', timeZone: undefined, groups: ['g2'] })]);
    zone = 'America/New_York';
    boot();
    clock.pass(86_400);
    expect(runs.map(({ at, identity }) => `${identity.schedule ?? ''} ${at.slice(11, 16)}`)).to.deep.equal(['local 08:00', 'nightly 21:30']);
  });

  it('an edited cron fires from its edit on, not for the moments it would have had before (S7)', () => {
    boot();
    clock.pass(10 * 3_600);
    plan = planWith([schedule({ schedule: '0 9 * * *', effectiveSince: '2026-01-01T10:00:00Z' })]);
    cron.look();
    cron.stop();
    boot();
    clock.pass(24 * 3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule', '2026-01-02T09:00:00 Schedule']);
  });

  it('a failed run is not a missed one, also after a restart (S7)', () => {
    boot();
    clock.pass(3 * 3_600 + 60); // submitted: journalled as attempted, whatever becomes of it
    cron.stop();
    boot();
    clock.pass(20 * 3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule']);
  });

  it('keeps the jitter of a host over restarts: one run, late by just that much (S7)', () => {
    plan = planWith([schedule({ jitterSeconds: 700 })]);
    boot();
    clock.pass(3 * 3_600 + 300);
    cron.stop();
    boot();
    clock.pass(3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:11:40 Schedule']);
    expect(runs[0]?.identity.dueTime).to.equal('2026-01-01T03:00:00.000Z');
  });

  it('follows a plan that changes while a run is waiting or active: nothing of it runs again, what is gone fires no more (S7)', () => {
    boot();
    clock.pass(3 * 3_600);
    active.add('group-uid');
    plan = planWith([schedule()], { groups: [planGroup({ includes: ['/srv', '/more'], name: 'renamed' })] });
    cron.look();
    plan = planWith([]);
    cron.look();
    active.clear();
    cron.look();
    clock.pass(30 * 3_600);
    plan = planWith([schedule()], { groups: [] });
    cron.look();
    clock.pass(30 * 3_600);
    expect(moments()).to.deep.equal(['2026-01-01T03:00:00 Schedule']);
    expect(coalesced).to.be.empty;
  });

  it('names a run after schedule, group, host, due moment and run number', () => {
    const parts = { scheduleUid: 's', groupUid: 'g', hostUid: 'h', due: '2026-01-01T03:00:00.000Z', runNumber: 1 };
    expect(runName('nightly', parts)).to.match(/^nightly-[0-9a-f]{10}$/).and.equal(runName('nightly', { ...parts }));
    expect(new Set([runName('nightly', parts), runName('nightly', { ...parts, runNumber: 2 }), runName('nightly', { ...parts, hostUid: 'i' }), runName('nightly', { ...parts, scheduleUid: 'sg', groupUid: '' })]).size).to.equal(4);
    expect(runName(`${'a'.repeat(39)}-bcd`, parts)).to.match(/^a{39}-[0-9a-f]{10}$/);
  });
});
