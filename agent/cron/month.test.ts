import { expect } from 'chai';
import type { Plan, PlanSchedule } from '#crds/wire/agentProtocol.gen.js';
import { planGroup, planOf, Scratch } from '../../test/builders/agentParts.js';
import { expectedRuns, type ExpectedRun, type Happening } from '../../test/builders/month/expected.js';
import { Oracle } from '../../test/builders/month/oracle.js';
import { World, type WorldOptions } from '../../test/builders/month/world.js';
import type { CronOptions } from './cron.js';

const MINUTE = 60_000;
const at = (text: string): number => Date.parse(`${text}:00Z`);
const START = at('2026-10-10T00:07');
const END = at('2026-11-10T11:58');
const ZONE = 'Europe/Berlin';
const minutes = { etc: 2, srv: 25, db: 4, home: 70, mail: 3, logs: 1 };

const schedule = (name: string, cron: string, groups: string[], more: Partial<PlanSchedule> = {}): PlanSchedule =>
  ({ uid: `uid-${name}`, name, schedule: cron, groups, jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: '2026-10-10T00:00:00Z', ...more });

const nine = [
  schedule('nightly', '30 2 * * *', ['etc', 'srv']),
  schedule('hourly', '0 * * * *', ['db'], { timeZone: 'UTC' }),
  schedule('office', '*/30 8-17 * * 1-5', ['mail'], { timeZone: ZONE }),
  schedule('weekly', '15 3 * * 0', ['home'], { timeZone: 'America/New_York' }),
  schedule('new-york', '30 1 * * *', ['logs'], { timeZone: 'America/New_York' }),
  schedule('quarters', '0 */6 * * *', ['etc'], { timeZone: 'Asia/Kolkata' }),
  schedule('monthly', '0 4 1,15 * *', ['srv', 'home']),
  schedule('tokyo', '0 0 * * *', ['logs'], { timeZone: 'Asia/Tokyo', jitterSeconds: 300 }),
  schedule('quiet', '10 * * * *', ['mail'], { timeZone: ZONE, blackout: [{ from: '09:00', to: '17:30' }] }),
];
const tenth = schedule('late-comer', '45 22 * * *', ['home'], { effectiveSince: '2026-10-20T21:00:00Z' });
const planWith = (schedules: PlanSchedule[]): Plan => planOf({
  repository: { name: 'r', url: '/r', password: 'p', id: 'a'.repeat(64) }, groups: Object.keys(minutes).map((name) => planGroup({ uid: name, name, tag: name, includes: [`/${name}`] })), schedules,
});

/** Three reboots (one of them during a backup, one by kill -9), a week asleep over a clock change, a day without the server, a new schedule. */
const happenings: (Happening | { at: number; what: 'server'; up: boolean })[] = [
  { at: START, what: 'boot' },
  { at: at('2026-10-14T00:40'), what: 'stop' }, { at: at('2026-10-14T00:47'), what: 'boot' },
  { at: at('2026-10-18T10:20'), what: 'kill' }, { at: at('2026-10-18T11:03'), what: 'boot' },
  { at: at('2026-10-20T21:00'), what: 'plan', plan: planWith([...nine, tenth]) },
  { at: at('2026-10-27T13:11'), what: 'sleep', until: at('2026-11-03T13:11') },
  { at: at('2026-11-05T00:02'), what: 'server', up: false }, { at: at('2026-11-06T00:02'), what: 'server', up: true },
  { at: at('2026-11-07T05:01'), what: 'stop' }, { at: at('2026-11-07T08:02'), what: 'boot' },
];

/** @param enough asked after each happening: ends the month early */
async function live(options: Pick<WorldOptions, 'dir' | 'sabotage'>, enough: (world: World) => boolean = () => false): Promise<World> {
  const world = new World({ ...options, start: START, plan: planWith(nine), timeZone: ZONE, minutes });
  let dead = true;
  for (const happening of [...happenings, { at: END, what: 'kill' as const }]) {
    const wait = (happening.at - world.clock.now()) / MINUTE;
    if (dead) world.clock.sleep(wait * 60);
    else await world.pass(wait);
    switch (happening.what) {
      case 'boot': await world.boot(); dead = false; break;
      case 'stop': await world.stop(); dead = true; break;
      case 'kill': await world.kill(); dead = true; break;
      case 'sleep': world.clock.sleep((happening.until - happening.at) / 1000); break;
      case 'plan': await world.give(happening.plan); break;
      case 'server': await world.server(happening.up); break;
    }
    if (enough(world)) { await world.kill(); break; }
  }
  return world;
}

const line = ({ schedule: name, group, due, origin }: Omit<ExpectedRun, 'at' | 'origin'> & { origin: string }): string => `${name} ${group} ${new Date(due).toISOString().slice(0, 16)} ${origin}`;

describe('a month of ten schedules (S7, S6, X20)', function () {
  this.timeout(120_000);
  const scratch = new Scratch();
  const oracle = new Oracle(at('2026-10-10T00:00'), at('2026-11-20T00:00'));
  let expected: ExpectedRun[];
  before(() => { expected = expectedRuns(START, END, happenings.filter((each): each is Happening => each.what !== 'server'), planWith(nine), ZONE, minutes, oracle); });
  afterEach(() => scratch.clean());

  it('gives exactly the runs that were due, over two clock changes, three reboots, a week asleep and a day without the server', async () => {
    const world = await live({ dir: await scratch.dir() });
    const [seen, wanted] = [world.begun.map(line), expected.map(line)];
    expect({ missing: wanted.filter((run) => !seen.includes(run)), surplus: seen.filter((run) => !wanted.includes(run)) }).to.deep.equal({ missing: [], surplus: [] });
    expect(seen).to.deep.equal(wanted);
    for (const [index, run] of world.begun.entries()) expect(Math.abs(run.at - (expected[index]?.at ?? 0)), line(run)).to.be.at.most(2 * MINUTE);
    expect(new Set(world.begun.map(({ job }) => job)).size, 'every run has a name of its own').to.equal(world.begun.length);
    const told = world.delivered.map(({ identity }) => identity.job);
    expect(told, 'every result came once, in order (E33)').to.deep.equal(world.begun.slice(0, told.length).map(({ job }) => job));
    expect(world.begun.length - told.length, 'but for what ran at the end').to.be.at.most(1);
  });

  const hour = 3_600_000;
  const bugs: Record<string, NonNullable<WorldOptions['sabotage']>> = {
    'fires twice in a repeated hour': (options) => ({ ...options, next: (cron, zone, after) => {
      const due = options.next(cron, zone, after);
      const again = at('2026-10-25T01:30');
      return cron === '30 2 * * *' && after < again && (due ?? 0) > again ? again : due;
    } }),
    'does not notice that it slept': (options, world) => ({ ...options, clock: { ...options.clock, setTimer: options.clock.setTimer.bind(options.clock), now: () => Math.min(world.clock.now(), END) - (world.clock.now() > at('2026-11-03T13:00') ? 7 * 24 * hour : 0) } }),
    'fires for the past of a new schedule': (options, world) => ({ ...options, plan: () => ({ ...world.plan, schedules: world.plan.schedules.map((each) => ({ ...each, effectiveSince: '2026-10-10T00:00:00Z' })) }) }),
    'forgets what it attempted before a reboot': (options, world) => ({ ...options, attemptOf: (name, group) => (world.boots > 1 ? undefined : options.attemptOf(name, group)) }),
    'starts inside a blackout': (options, world) => ({ ...options, plan: () => ({ ...world.plan, schedules: world.plan.schedules.map(({ blackout, ...each }) => ({ ...each, ...(blackout && each.name !== 'quiet' ? { blackout } : {}) })) }) }),
    'never makes up for what it missed': (options, world) => ({ ...options, plan: () => ({ ...world.plan, schedules: world.plan.schedules.map((each) => ({ ...each, catchUp: { enabled: false, settleSeconds: 60 } })) }) }),
  };
  for (const [bug, sabotage] of Object.entries(bugs)) {
    it(`turns red when the agent ${bug}`, async () => {
      const wanted = expected.map(line);
      const differs = (world: World): boolean => world.begun.some((run, index) => line(run) !== wanted[index]);
      const world = await live({ dir: await scratch.dir(), sabotage: (options: CronOptions, of: World) => sabotage(options, of) }, differs);
      expect(differs(world) || world.begun.length !== wanted.length).to.equal(true);
    });
  }
});
