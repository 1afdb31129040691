import { expect } from 'chai';
import { expectSound, rowOf } from '../../../test/builders/machineWalk.js';
import { scheduleMachine, type ScheduleFacts } from './machine.js';

const right: ScheduleFacts = {};
const wrong: ScheduleFacts = { problem: { reason: 'InvalidCron', message: 'spec.schedule: no' } };

describe('the state of a schedule', () => {
  const rows: [string, string, ScheduleFacts, string][] = [
    ['is Ready when it is right', 'New', right, 'Ready'],
    ['is Stalled when it is wrong from the start', 'New', wrong, 'Stalled'],
    ['is Stalled when it goes wrong later', 'Ready', wrong, 'Stalled'],
    ['is Ready again when mended', 'Stalled', right, 'Ready'],
  ];
  for (const [sentence, from, facts, expected] of rows) it(sentence, () => { expect(rowOf(scheduleMachine, from, facts)).to.equal(expected); });

  it('reaches every state and has no dead end', () => { expectSound(scheduleMachine, [right, wrong]); });
});
