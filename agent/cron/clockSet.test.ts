import { expect } from 'chai';
import type { Plan, PlanSchedule } from '#crds/wire/agentProtocol.gen.js';
import { planGroup, planOf, Scratch } from '../../test/builders/agentParts.js';
import { World } from '../../test/builders/month/world.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

const schedule = (cron: string, change: Partial<PlanSchedule> = {}): PlanSchedule =>
  ({ uid: 's', name: 's', schedule: cron, groups: ['a'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: '2026-06-01T00:00:00Z', ...change });
const planWith = (...schedules: PlanSchedule[]): Plan => planOf({ repository: { name: 'r', url: '/r', password: 'p', id: 'a'.repeat(64) }, groups: [planGroup({ uid: 'a', name: 'a', includes: ['/a'] })], schedules });

describe('a clock that is set (S7)', function () {
  this.timeout(60_000);
  const scratch = new Scratch();
  let world: World;
  afterEach(async () => {
    await world.kill();
    await scratch.clean();
  });

  async function begin(start: string, plan: Plan): Promise<void> {
    world = new World({ dir: await scratch.dir(), start: Date.parse(start), plan, timeZone: 'UTC', minutes: { a: 2.07 } });
    await world.boot();
  }
  /** The clock shows so many seconds more, or fewer. */
  const set = (seconds: number): void => { world.clock.sleep(seconds); };
  const pass = async (hours: number): Promise<void> => world.pass(hours * 60);
  const due = (): string[] => world.begun.map((run) => `${new Date(run.due).toISOString().slice(0, 16)} ${run.origin}`);

  it('back by an hour: what ran is not run again, and the next moment is', async () => {
    await begin('2026-11-20T09:30:30Z', planWith(schedule('0 * * * *')));
    await pass(1);
    set(-HOUR);
    await pass(3);
    expect(due()).to.deep.equal(['2026-11-20T10:00 Schedule', '2026-11-20T11:00 Schedule', '2026-11-20T12:00 Schedule']);
  });

  it('back by a day: nothing runs for it, and the day is backed up as any other', async () => {
    await begin('2026-11-20T02:30:30Z', planWith(schedule('0 3 * * *')));
    await pass(1);
    set(-DAY);
    await pass(23);
    expect(due()).to.deep.equal(['2026-11-20T03:00 Schedule']);
    await pass(1);
    expect(due()).to.deep.equal(['2026-11-20T03:00 Schedule', '2026-11-20T03:00 Schedule']);
    expect(world.begun[1]?.job, 'another run, with a name of its own').not.to.equal(world.begun[0]?.job);
  });

  it('back by a day and set right: makes up for nothing it had run', async () => {
    await begin('2026-11-20T02:30:30Z', planWith(schedule('0 3 * * *')));
    await pass(1);
    set(-DAY);
    await pass(2);
    set(DAY);
    await pass(12);
    await world.stop();
    await world.boot();
    await pass(1);
    expect(due()).to.deep.equal(['2026-11-20T03:00 Schedule']);
  });

  it('on by an hour: what was jumped over runs once', async () => {
    await begin('2026-11-20T09:30:30Z', planWith(schedule('0 * * * *')));
    set(HOUR - 600);
    await pass(1);
    expect(due()).to.deep.equal(['2026-11-20T10:00 CatchUp', '2026-11-20T11:00 Schedule']);
  });

  it('on by a year and set right: the schedule is not silent until that year comes', async () => {
    await begin('2026-11-20T02:30:30Z', planWith(schedule('0 3 * * *')));
    set(YEAR + HOUR);
    await pass(1);
    expect(due()).to.deep.equal(['2027-11-20T03:00 CatchUp']);
    set(-YEAR - HOUR);
    await pass(0.1);
    await world.stop();
    await world.boot();
    await pass(48);
    expect(due().slice(1)).to.deep.equal(['2026-11-21T03:00 Schedule', '2026-11-22T03:00 Schedule']);
  });

  it('1970 at boot: the plan goes on by the clock there is, and set right nothing runs twice and nothing owed is lost', async () => {
    await begin('2026-11-20T02:30:30Z', planWith(schedule('0 3 * * *'), schedule('0 * * * *', { uid: 'h', name: 'h', groups: ['b'] })));
    world.plan = { ...world.plan, groups: [...world.plan.groups, planGroup({ uid: 'b', name: 'b', includes: ['/b'] })] };
    await pass(1);
    await world.stop();
    const right = world.clock.now();
    set(-right / 1_000);
    await world.boot();
    await pass(3.75);
    expect(due().slice(2), 'by the clock of 1970').to.deep.equal(['01:00', '02:00', '03:00', '03:00'].map((time) => `1970-01-01T${time} Schedule`));
    set(right / 1_000);
    await pass(1);
    expect(due().slice(6).map((each) => each.slice(0, 16)), 'the night of the 20th ran already').to.deep.equal(['2026-11-20T07:00', '2026-11-20T08:00']);
  });

  it('1970 at boot, and set right within the settle delay: catches up as after any boot', async () => {
    await begin('2026-11-20T01:30:30Z', planWith(schedule('0 3 * * *')));
    await world.stop();
    const right = world.clock.now() + 4 * HOUR * 1_000;
    set((0 - world.clock.now()) / 1_000);
    await world.boot();
    await world.pass(0.5);
    set((right - world.clock.now()) / 1_000);
    await pass(1);
    expect(due()).to.deep.equal(['2026-11-20T03:00 CatchUp']);
  });

  it('2040 at boot and set right: what ran for a moment of 2040 silences nothing, over restarts', async () => {
    await begin('2026-11-20T02:30:30Z', { ...planWith(schedule('0 3 * * *', { effectiveSince: '2026-11-20T00:00:00Z' })), presence: 'Intermittent' });
    await pass(1);
    await world.stop();
    const right = world.clock.now();
    set((Date.parse('2040-05-05T12:00:00Z') - right) / 1_000);
    await world.boot();
    await pass(1);
    expect(due()).to.deep.equal(['2026-11-20T03:00 Schedule', '2040-05-05T03:00 CatchUp']);
    set((right + HOUR * 1_000 - world.clock.now()) / 1_000);
    await pass(1);
    // a laptop that sleeps every night: each time it is missed, and made up for
    for (const day of ['2026-11-21', '2026-11-22']) {
      await world.stop();
      set((Date.parse(`${day}T08:00:00Z`) - world.clock.now()) / 1_000);
      await world.boot();
      await pass(1);
    }
    expect(due().slice(2)).to.deep.equal(['2026-11-21T03:00 CatchUp', '2026-11-22T03:00 CatchUp']);
  });

  it('a schedule that is effective in the future, as this clock is behind the server\'s, fires by this clock', async () => {
    await begin('2026-11-20T02:30:30Z', planWith(schedule('0 3 * * *', { effectiveSince: '2026-11-28T00:00:00Z' })));
    await pass(25);
    expect(due()).to.deep.equal(['2026-11-20T03:00 Schedule', '2026-11-21T03:00 Schedule']);
  });
});
