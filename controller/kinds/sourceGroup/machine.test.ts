import { expect } from 'chai';
import { expectSound, rowOf } from '../../../test/builders/machineWalk.js';
import { sourceGroupMachine, type GroupFacts } from './machine.js';

const right: GroupFacts = {};
const wrong: GroupFacts = { problem: { reason: 'HostNotFound', message: 'no' } };

describe('the state of a source group', () => {
  const rows: [string, string, GroupFacts, string][] = [
    ['is Ready when it is right', 'New', right, 'Ready'],
    ['is Stalled when it is wrong from the start', 'New', wrong, 'Stalled'],
    ['is Stalled when it goes wrong later', 'Ready', wrong, 'Stalled'],
    ['is Ready again when mended', 'Stalled', right, 'Ready'],
  ];
  for (const [sentence, from, facts, expected] of rows) it(sentence, () => { expect(rowOf(sourceGroupMachine, from, facts)).to.equal(expected); });

  it('reaches every state and has no dead end', () => { expectSound(sourceGroupMachine, [right, wrong]); });
});
