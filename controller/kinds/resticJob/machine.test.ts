import { expect } from 'chai';
import { combinations, expectSound, rowOf, walk } from '../../../test/builders/machineWalk.js';
import { resticJobMachine, type JobFacts } from './machine.js';
import { decide } from '../../runtime/decide.js';

const quiet: JobFacts = { startedByAgent: false, cancelRequested: false, hostGone: false, hopeless: false, pastStartingDeadline: false, pastActiveDeadline: false, unreachable: false, wait: { reason: 'WaitingForHost', message: 'host web1 is not online' } };
const free: JobFacts = { ...quiet, wait: undefined };
const flags = [false, true] as const;
const table = combinations<JobFacts>({
  reported: [undefined, 'Running', 'Succeeded', 'Failed', 'Cancelled'], stored: [undefined, 'Succeeded', 'Failed', 'Cancelled'], startedByAgent: flags, cancelRequested: flags, hostGone: flags,
  wait: [undefined, { reason: 'WaitingForHost', message: 'host web1 is not online' }], hopeless: flags, pastStartingDeadline: flags, pastActiveDeadline: flags, unreachable: flags,
});
const unfinished = ['Queued', 'Offered', 'Running'] as const;
const outcomes = ['Succeeded', 'Failed', 'Cancelled'] as const;

describe('the life of a job', () => {
  const rows: [string, string, JobFacts, string][] = [
    ['stays Queued and says why while its host is away (E9)', 'Queued', quiet, 'Queued: explainWait'],
    ['is offered when nothing is in the way', 'Queued', free, 'Offered: offerToAgent'],
    ['is never offered when the agent began it', 'Queued', { ...free, startedByAgent: true }, 'Queued: explainWait'],
    ['runs without an offer when the agent began it (S7)', 'Queued', { ...quiet, startedByAgent: true, reported: 'Running' }, 'Running: showRunning'],
    ['ends before the offer when it is cancelled in time (J4)', 'Queued', { ...free, cancelRequested: true }, 'Cancelled: finish(CancelledBeforeStart)'],
    ['asks the agent to stop a run it began, since only it can (J4)', 'Queued', { ...quiet, startedByAgent: true, cancelRequested: true }, 'Queued: askToStop, explainWait'],
    ['fails when it could not start in time (E9)', 'Queued', { ...quiet, pastStartingDeadline: true }, 'Failed: finish(StartingDeadlineExceeded)'],
    ['is not offered after its starting deadline even when the host is back', 'Queued', { ...free, pastStartingDeadline: true }, 'Failed: finish(StartingDeadlineExceeded)'],
    ['ends when its host is deleted', 'Queued', { ...quiet, startedByAgent: true, hostGone: true }, 'Failed: finish(HostNotFound)'],
    ['fails with the reason when waiting is hopeless (J5)', 'Queued', { ...quiet, hopeless: true }, 'Failed: finishHopeless'],
    ['takes the result of an earlier job of its name and does not run (E9)', 'Queued', { ...free, stored: 'Succeeded' }, 'Succeeded: finishAsStored'],
    ['takes a failed result of its name too', 'Queued', { ...free, stored: 'Failed' }, 'Failed: finishAsStored'],
    ['believes the report over the stored result', 'Queued', { ...free, stored: 'Failed', reported: 'Succeeded' }, 'Succeeded: finishAsReported'],
    ['waits for the agent once offered', 'Offered', free, 'Offered: showOffered'],
    ['asks the agent to stop when it is cancelled after the offer (J4)', 'Offered', { ...free, cancelRequested: true }, 'Offered: askToStop, showOffered'],
    ['asks the agent not to start when the starting deadline passes after the offer', 'Offered', { ...free, pastStartingDeadline: true }, 'Offered: askToStop, showOffered'],
    ['shows that it runs', 'Offered', { ...free, reported: 'Running' }, 'Running: showRunning'],
    ['stops when it runs too long, and lets the report decide', 'Running', { ...free, reported: 'Running', pastActiveDeadline: true }, 'Running: askToStop, showRunning'],
    ['ends as it ended even when a cancel came first (J4)', 'Offered', { ...free, cancelRequested: true, reported: 'Succeeded' }, 'Succeeded: finishAsReported'],
    ['gives a host that stays away up seven days after the deadline', 'Running', { ...quiet, reported: 'Running', unreachable: true }, 'Failed: finish(HostUnreachable)'],
    ['stays as it ended whatever comes later (E23)', 'Succeeded', { ...free, cancelRequested: true, reported: 'Failed' }, 'Succeeded'],
  ];
  for (const [sentence, from, facts, expected] of rows) it(sentence, () => { expect(rowOf(resticJobMachine, from, facts)).to.equal(expected); });
});

describe('the machine of jobs, walked', () => {
  it('reaches every state, has no dead end and leaves no final state', () => { expectSound(resticJobMachine, table); });

  it('lets every reported outcome leave every unfinished phase, whatever else is true (J4)', () => {
    for (const phase of unfinished) for (const facts of table) {
      if (facts.reported === undefined || facts.reported === 'Running') continue;
      expect(decide(resticJobMachine, phase, facts).phase).to.equal(facts.reported);
    }
  });

  it('offers only from Queued, and never what the agent began, what was cancelled, what ran before or what waits', () => {
    for (const phase of [...unfinished, ...outcomes]) for (const facts of table) {
      const offers = decide(resticJobMachine, phase, facts).actions.some((action) => action.type === 'offerToAgent');
      if (offers) expect(phase === 'Queued' && !facts.startedByAgent && !facts.cancelRequested && !facts.stored && !facts.reported && !facts.wait && !facts.hostGone).to.equal(true);
    }
  });

  it('never goes back', () => {
    const { leads } = walk(resticJobMachine, table);
    const order = ['Queued', 'Offered', 'Running', ...outcomes];
    for (const [from, to] of leads) for (const next of to) expect(order.indexOf(next), `${from} to ${next}`).to.be.greaterThan(order.indexOf(from));
  });
});
