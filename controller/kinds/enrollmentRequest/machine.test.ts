import { expect } from 'chai';
import { combinations, expectSound, rowOf } from '../../../test/builders/machineWalk.js';
import { enrollmentRequestMachine, type EnrollmentFacts } from './machine.js';

const waiting: EnrollmentFacts = { denied: false, hostExists: false, expired: false };
const flags = [false, true] as const;

describe('the life of an announcement (H8)', () => {
  const rows: [string, string, EnrollmentFacts, string][] = [
    ['waits for a person', 'Pending', waiting, 'Pending'],
    ['is Enrolled by a Host with its fingerprint, made now or in Git before (X4)', 'Pending', { ...waiting, hostExists: true }, 'Enrolled: announceEnrolled'],
    ['is Denied by a person', 'Pending', { ...waiting, denied: true }, 'Denied: announceDenied'],
    ['is Denied even when a Host with its fingerprint exists', 'Pending', { ...waiting, denied: true, hostExists: true }, 'Denied: announceDenied'],
    ['runs out (E30)', 'Pending', { ...waiting, expired: true }, 'Expired'],
    ['stays Expired', 'Expired', { ...waiting, hostExists: true }, 'Expired'],
  ];
  for (const [sentence, from, facts, expected] of rows) it(sentence, () => { expect(rowOf(enrollmentRequestMachine, from, facts)).to.equal(expected); });

  it('reaches every state and has no dead end', () => { expectSound(enrollmentRequestMachine, combinations<EnrollmentFacts>({ denied: flags, hostExists: flags, expired: flags })); });
});
