import { expect } from 'chai';
import { combinations, expectSound, rowOf } from '../../../test/builders/machineWalk.js';
import { decide } from '../../runtime/decide.js';
import { repositoryMachine, type RepositoryFacts, type RepositoryPhase } from './machine.js';

const table = combinations<RepositoryFacts>({ knowledge: ['nothing', 'opening', 'opened', 'failed', 'replaced'], mayOpen: [false, true], suspended: [false, true] });
const phases: RepositoryPhase[] = ['Unknown', 'Initializing', 'Ready', 'InitFailed', 'Replaced', 'Suspended'];

describe('the state of a repository (H5)', () => {
  const rows: [string, string, Omit<RepositoryFacts, 'suspended'> & { suspended?: boolean }, string][] = [
    ['stays Unknown while nobody can open it', 'Unknown', { knowledge: 'nothing', mayOpen: false }, 'Unknown'],
    ['makes one Init job when its runner is there', 'Unknown', { knowledge: 'nothing', mayOpen: true }, 'Initializing: makeInit'],
    ['is Initializing while the job is on its way', 'Initializing', { knowledge: 'opening', mayOpen: false }, 'Initializing'],
    ['is Ready and pins the id once opened', 'Initializing', { knowledge: 'opened', mayOpen: false }, 'Ready: pinID'],
    ['is InitFailed when it could not be opened', 'Initializing', { knowledge: 'failed', mayOpen: false }, 'InitFailed'],
    ['tries again from InitFailed when credentials were saved', 'InitFailed', { knowledge: 'nothing', mayOpen: true }, 'Initializing: makeInit'],
    ['opens again when credentials of a Ready one were saved', 'Ready', { knowledge: 'opened', mayOpen: true }, 'Ready: makeInit'],
    ['is InitFailed when the new credentials do not open it', 'Ready', { knowledge: 'failed', mayOpen: false }, 'InitFailed'],
    ['raises an alarm when it is gone or another one', 'Ready', { knowledge: 'replaced', mayOpen: false }, 'Replaced: raiseAlarm'],
    ['never answers a replaced one with an init', 'Ready', { knowledge: 'replaced', mayOpen: true }, 'Replaced: raiseAlarm'],
    ['is Ready again when the pinned one is back', 'Replaced', { knowledge: 'opened', mayOpen: false }, 'Ready'],
    ['rests when it is suspended, whatever is known of it', 'Ready', { knowledge: 'replaced', mayOpen: false, suspended: true }, 'Suspended'],
    ['takes note of its id when an open ends while it is suspended', 'Initializing', { knowledge: 'opened', mayOpen: false, suspended: true }, 'Suspended: pinID'],
    ['goes on from what is known when it is not suspended any more', 'Suspended', { knowledge: 'opened', mayOpen: false }, 'Ready: pinID'],
    ['raises the alarm then that it did not raise before', 'Suspended', { knowledge: 'replaced', mayOpen: false }, 'Replaced: raiseAlarm'],
    ['falls back to Unknown when its job was deleted', 'Initializing', { knowledge: 'nothing', mayOpen: false }, 'Unknown'],
  ];
  for (const [sentence, from, facts, expected] of rows) it(sentence, () => { expect(rowOf(repositoryMachine, from, { suspended: false, ...facts })).to.equal(expected); });

  it('reaches every state and has no dead end', () => { expectSound(repositoryMachine, table); });

  it('makes a job only when one may be made', () => {
    for (const phase of phases) for (const facts of table) if (!facts.mayOpen) expect(decide(repositoryMachine, phase, facts).actions.map((action) => action.type)).not.to.include('makeInit');
  });
});
