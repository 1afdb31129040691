/**
 * Every order of arrival, not a sample: the product of the job machine, the session's decisions and a small agent is walked
 * breadth first over all interleavings of creating, offering, reporting, cancelling, deadlines, cut links and crashes.
 */
import { expect } from 'chai';
import { decideJob } from '#apiserver/sessions/jobDecision.js';
import { resticJobMachine, type JobFacts, type JobPhase } from '#controller/kinds/resticJob/machine.js';
import { decide } from '#controller/runtime/decide.js';
import { newObject, type ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';

type Outcome = 'Succeeded' | 'Failed' | 'Cancelled';
interface World {
  phase: JobPhase;
  desired: '' | 'Run' | 'Stop';
  observed: '' | 'Running' | Outcome;
  cancel: boolean;
  deadline: boolean;
  link: boolean;
  cuts: number;
  crashes: number;
  /** What the present session knows. */
  named: boolean; begun: boolean; offered: boolean; stopped: boolean; drained: boolean; settled: boolean;
  /** Frames on the wire to the agent, lost with the link. */
  wire: ('run' | 'stop')[];
  /** Reports kept by the agent until taken. */
  spool: ('Running' | Outcome)[];
  /** What restic really did. */
  run: 'none' | 'waiting' | 'running' | Outcome;
  starts: number;
}

const start: World = { phase: 'Queued', desired: '', observed: '', cancel: false, deadline: false, link: true, cuts: 0, crashes: 0, named: false, begun: false, offered: false, stopped: false, drained: true, settled: true, wire: [], spool: [], run: 'none', starts: 0 };
const over = (phase: string): boolean => phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';

function reconcile(world: World): World {
  const facts: JobFacts = {
    reported: world.observed === '' ? undefined : world.observed, startedByAgent: false, cancelRequested: world.cancel, hostGone: false, hopeless: false, unreachable: false,
    wait: world.link ? undefined : { reason: 'WaitingForHost', message: '' }, pastStartingDeadline: world.deadline, pastActiveDeadline: world.deadline && world.observed === 'Running',
  };
  const { phase, actions } = decide(resticJobMachine, world.phase, facts);
  const next = { ...world, phase };
  for (const action of actions) {
    if (action.type === 'offerToAgent') next.desired = 'Run';
    if (action.type === 'askToStop') next.desired = 'Stop';
  }
  return next;
}

function asJob(world: World): Stored<ResticJob> {
  return newObject('ResticJob', { name: 'j', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }, {
    spec: { hostRef: { name: 'h' }, type: 'Backup', sourceGroupRef: { name: 'g' }, startedBy: 'Server', ...(world.cancel ? { cancel: true } : {}) },
    status: { phase: world.phase, ...(world.desired === '' ? {} : { desiredRun: { id: 'u', planGeneration: 1, state: world.desired } }), ...(world.observed === '' ? {} : { observed: { runID: 'u', phase: world.observed } }) },
  }) as Stored<ResticJob>;
}

function session(world: World): World {
  const ids = (known: boolean): ReadonlySet<string> => new Set(known ? ['u'] : []);
  const step = decideJob(asJob(world), { named: ids(world.named), begun: ids(world.begun), offered: ids(world.offered), stopped: ids(world.stopped), drained: world.drained, settled: world.settled }, 0);
  switch (step.do) {
    case 'nothing': return world;
    case 'run': return { ...world, offered: true, wire: [...world.wire, 'run'] };
    case 'stop': return { ...world, stopped: true, wire: [...world.wire, 'stop'] };
    case 'report': return world.stopped ? world : { ...world, stopped: true, observed: over(world.observed) ? world.observed : step.observed.phase, wire: step.stop ? [...world.wire, 'stop'] : world.wire };
  }
}

/** The agent takes one frame: a run it knows is not taken twice, a stop of one it does not have changes nothing. */
function agentTakes(world: World): World {
  const [frame, ...wire] = world.wire;
  const next = { ...world, wire };
  if (frame === 'run' && world.run === 'none') return { ...next, run: 'waiting' };
  if (frame === 'stop' && (world.run === 'waiting' || world.run === 'running')) return { ...next, run: 'Cancelled', spool: [...world.spool, 'Cancelled'] };
  return next;
}

/** Every next world, by the name of what happens. */
function steps(world: World): [string, World][] {
  const all: [string, World][] = [['reconcile', reconcile(world)]];
  const add = (when: boolean, name: string, make: () => World): void => { if (when) all.push([name, make()]); };
  add(!world.cancel, 'cancel', () => ({ ...world, cancel: true }));
  add(!world.deadline, 'deadline', () => ({ ...world, deadline: true }));
  add(world.link, 'session', () => session(world));
  add(world.wire.length > 0, 'agent takes a frame', () => agentTakes(world));
  add(world.run === 'waiting', 'restic starts', () => ({ ...world, run: 'running', starts: world.starts + 1, spool: [...world.spool, 'Running'] }));
  for (const end of ['Succeeded', 'Failed'] as const) add(world.run === 'running', `restic ${end}`, () => ({ ...world, run: end, spool: [...world.spool, end] }));
  add(world.link && world.spool.length > 0, 'report arrives', () => {
    const [report = 'Running', ...spool] = world.spool;
    const begun = world.begun || (report === 'Running' && world.drained);
    return { ...world, spool, begun, observed: over(world.observed) || over(world.phase) ? world.observed : report };
  });
  add(world.link && !world.drained && world.spool.length === 0, 'backlog drained', () => ({ ...world, drained: true }));
  add(world.drained && !world.settled && world.spool.length === 0, 'settled', () => ({ ...world, settled: true }));
  add(world.link && world.cuts < 2, 'link cut', () => ({ ...world, link: false, cuts: world.cuts + 1, wire: [] }));
  add(!world.link, 'link back', () => ({ ...world, link: true, named: world.run === 'running' || (world.run === 'waiting'), begun: false, offered: false, stopped: false, drained: false, settled: false }));
  // A crash forgets what only waited; a running one is found in the journal and reported.
  add(world.crashes < 1 && world.run !== 'none', 'agent crashes', () => ({ ...world, crashes: 1, cuts: world.cuts, link: false, wire: [], ...(world.run === 'waiting' ? { run: 'none' as const } : world.run === 'running' ? { run: 'Failed' as const, spool: [...world.spool, 'Failed' as const] } : {}) }));
  return all;
}

describe('a job in every order of arrival (J4)', function () {
  this.timeout(120_000);
  const keyOf = (world: World): string => JSON.stringify(world);
  const seen = new Map<string, World>();
  const back = new Map<string, string[]>();
  const how = new Map<string, [string, string]>();
  const story = (key: string): string => { const words: string[] = []; for (let at = key; how.has(at);) { const [from, what] = how.get(at) ?? ['', '']; words.unshift(what); at = from; } return words.join(' > '); };

  before(() => {
    const queue = [start];
    seen.set(keyOf(start), start);
    for (let world = queue.shift(); world; world = queue.shift()) {
      const from = keyOf(world);
      for (const [what, next] of steps(world)) {
        const to = keyOf(next);
        if (to === from) continue;
        back.set(to, [...(back.get(to) ?? []), from]);
        if (seen.has(to)) continue;
        seen.set(to, next);
        how.set(to, [from, what]);
        queue.push(next);
      }
    }
  });

  it('never runs restic twice', () => {
    for (const [key, world] of seen) if (world.starts > 1) expect.fail(story(key));
    expect(seen.size).to.be.greaterThan(10_000);
  });

  it('ends only as restic really ended, and without an end of restic only when it never starts', () => {
    for (const [key, world] of seen) {
      if (!over(world.phase)) continue;
      if (world.starts === 0 ? world.phase === 'Succeeded' : world.phase !== world.run) expect.fail(`${world.phase} while restic ${world.run}: ${story(key)}`);
    }
  });

  it('can always still end', () => {
    const ends = new Set([...seen].filter(([, world]) => over(world.phase) && world.spool.length === 0).map(([key]) => key));
    for (const queue = [...ends], all = ends; queue.length > 0;) for (const from of back.get(queue.pop() ?? '') ?? []) if (!all.has(from)) { all.add(from); queue.push(from); }
    for (const [key] of seen) if (!ends.has(key)) expect.fail(`stuck: ${story(key)}`);
  });
});
