import { expect } from 'chai';
import { combinations, expectSound, rowOf } from '../../../test/builders/machineWalk.js';
import { hostMachine, type HostFacts } from './machine.js';

const away: HostFacts = { suspended: false, connected: false, everConnected: true, intermittent: false, holdLastState: false };
const flags = [false, true] as const;

describe('the phase of a host', () => {
  const rows: [string, string, HostFacts, string][] = [
    ['is Pending until an agent has connected once (E1)', 'Pending', { ...away, everConnected: false }, 'Pending'],
    ['stays Pending for a laptop that never connected (E1)', 'Pending', { ...away, everConnected: false, intermittent: true }, 'Pending'],
    ['is Online when its agent connects (H1)', 'Pending', { ...away, connected: true }, 'Online: announceOnline'],
    ['is Offline when an always-on host goes (H1)', 'Online', away, 'Offline: announceAway'],
    ['is Asleep when a laptop goes (H3)', 'Online', { ...away, intermittent: true }, 'Asleep: announceAway'],
    ['changes from Asleep to Offline with the presence (H3)', 'Asleep', away, 'Offline'],
    ['changes from Offline to Asleep with the presence (H3)', 'Offline', { ...away, intermittent: true }, 'Asleep'],
    ['stays Online while the server has just started and its gateway is not back', 'Online', { ...away, holdLastState: true }, 'Online'],
    ['stays Asleep then too', 'Asleep', { ...away, intermittent: true, holdLastState: true }, 'Asleep'],
    ['is Suspended whether connected or not', 'Online', { ...away, connected: true, suspended: true }, 'Suspended'],
    ['is Online again when it is no longer suspended', 'Suspended', { ...away, connected: true }, 'Online'],
    ['is Pending again when it was suspended before it ever connected', 'Suspended', { ...away, everConnected: false }, 'Pending'],
  ];
  for (const [sentence, from, facts, expected] of rows) it(sentence, () => { expect(rowOf(hostMachine, from, facts)).to.equal(expected); });

  it('reaches every state and has no dead end', () => {
    expectSound(hostMachine, combinations<HostFacts>({ suspended: flags, connected: flags, everConnected: flags, intermittent: flags, holdLastState: flags }));
  });
});
