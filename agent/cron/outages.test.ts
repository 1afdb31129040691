import { expect } from 'chai';
import fc from 'fast-check';
import type { Plan, PlanSchedule } from '#crds/wire/agentProtocol.gen.js';
import { planGroup, planOf, Scratch } from '../../test/builders/agentParts.js';
import { expectedRuns, type Happening } from '../../test/builders/month/expected.js';
import { Oracle } from '../../test/builders/month/oracle.js';
import { World } from '../../test/builders/month/world.js';

const MINUTE = 60_000;
const HOURS = 30;
/** Not whole ones: an end never falls together with a due moment, whose order nobody promises. */
const minutes = { a: 2.07, b: 11.07, c: 47.07 };
/** Around a change of the clock in Europe, one in America and one on Lord Howe, and where nothing happens. */
const starts = ['2026-10-24T12:07:30Z', '2026-10-31T22:07:30Z', '2026-04-04T02:07:30Z', '2026-06-10T05:07:30Z'].map((text) => Date.parse(text));

interface Line { cron: string; zone?: string; groups: string[]; jitterSeconds: number; catchUp: boolean; settleSeconds: number; deadline?: number; blackout?: { from: string; to: string } }

const lines: fc.Arbitrary<Line[]> = fc.array(fc.record({
  cron: fc.constantFrom('0 * * * *', '*/20 * * * *', '30 2 * * *', '15 1,3 * * *', '7 */3 * * *', '0 12 * * *', '45 23 * * 6', '10 0 1 * *', '*/7 2-5 * * *', '0 0 * * 0'),
  zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'),
  groups: fc.subarray(['a', 'b', 'c'], { minLength: 1 }), jitterSeconds: fc.constantFrom(0, 0, 180), catchUp: fc.constantFrom(true, true, false), settleSeconds: fc.constantFrom(60, 600),
  deadline: fc.constantFrom(120, 7200), blackout: fc.constantFrom({ from: '01:30', to: '04:40' }, { from: '22:00', to: '03:00' }),
}, { requiredKeys: ['cron', 'groups', 'jitterSeconds', 'catchUp', 'settleSeconds'] }), { minLength: 1, maxLength: 4 });
/** How the machine's time goes: so many minutes up, then gone for so long, or its clock is set by so many minutes. */
const outages = fc.array(fc.record({ up: fc.integer({ min: 5, max: 600 }), what: fc.constantFrom('stop' as const, 'kill' as const, 'sleep' as const, 'set' as const, 'set' as const), gone: fc.integer({ min: 3, max: 500 }), by: fc.constantFrom(-1440, -1440, -300, -60, -7, 40, 60, 1440) }), { maxLength: 5 });

const planFrom = (all: readonly Line[], presence: Plan['presence'], since: number): Plan => planOf({
  presence, repository: { name: 'r', url: '/r', password: 'p', id: 'a'.repeat(64) }, groups: Object.keys(minutes).map((name) => planGroup({ uid: name, name, tag: name, includes: [`/${name}`] })),
  schedules: all.map(({ cron, zone, groups, jitterSeconds, catchUp, settleSeconds, deadline, blackout }, index): PlanSchedule => ({
    uid: `s${index}`, name: `s${index}`, schedule: cron, groups, jitterSeconds, catchUp: { enabled: catchUp, settleSeconds }, effectiveSince: new Date(since).toISOString(),
    ...(zone === undefined ? {} : { timeZone: zone }), ...(deadline === undefined ? {} : { startingDeadlineSeconds: deadline }), ...(blackout === undefined ? {} : { blackout: [blackout] }),
  })),
});

describe('any plan through any outages and settings of the clock (S7, X20)', function () {
  const numRuns = Number(process.env['RM_TEST_RUNS'] ?? 15);
  this.timeout(60_000 + numRuns * 8_000);
  const scratch = new Scratch();
  const oracles = new Map(starts.map((start) => [start, new Oracle(start - 7.5 * MINUTE - 6 * 24 * 3_600_000, start + (HOURS + 24 * 14) * 3_600_000)]));
  after(() => scratch.clean());

  it('runs what is due once, skips nothing that is owed, and nothing fires for the past', () => fc.assert(fc.asyncProperty(fc.constantFrom(...starts), lines, fc.constantFrom('AlwaysOn' as const, 'Intermittent' as const), outages, async (start, all, presence, gone) => {
    const plan = planFrom(all, presence, start);
    const end = start + HOURS * 3_600_000 - MINUTE;
    const world = new World({ dir: await scratch.dir(), start, plan, timeZone: 'Europe/Berlin', minutes });
    const happenings: Happening[] = [{ at: start, what: 'boot' }];
    await world.boot();
    let time = start;
    for (const { up, what, gone: away, by } of gone) {
      const at = time + up * MINUTE;
      const back = what === 'set' ? at : at + away * MINUTE;
      if (back >= end) break;
      await world.pass(up);
      time = back;
      if (what === 'set') {
        happenings.push({ at, what, by: by * MINUTE });
        world.clock.sleep(by * 60);
        continue;
      }
      if (what === 'sleep') happenings.push({ at, what, until: back });
      else {
        happenings.push({ at, what }, { at: back, what: 'boot' });
        await world[what]();
      }
      world.clock.sleep((back - at) / 1000);
      if (what !== 'sleep') await world.boot();
    }
    await world.pass((end - time) / MINUTE);
    await world.kill();
    const expected = expectedRuns(start, end, happenings, plan, 'Europe/Berlin', minutes, oracles.get(start) as Oracle);
    const line = (run: { schedule: string; group: string; due: number; origin: string }): string => `${run.schedule} ${run.group} ${new Date(run.due).toISOString().slice(0, 16)} ${run.origin}`;
    const [seen, wanted] = [world.begun.map(line), expected.map(line)];
    expect({ missing: wanted.filter((run) => !seen.includes(run)), surplus: seen.filter((run) => !wanted.includes(run)) }).to.deep.equal({ missing: [], surplus: [] });
    expect(seen).to.deep.equal(wanted);
    const jobs = world.begun.map(({ job }) => job);
    expect(new Set(jobs).size).to.equal(jobs.length);
    expect(world.delivered.map(({ identity }) => identity.job)).to.deep.equal(jobs.slice(0, world.delivered.length));
  }), { numRuns, seed: Number(process.env['RM_TEST_SEED'] ?? 20_261_125) }));
});
