/** What must hold for the conditions of every object after every reconcile; each reconcile test ends with it. */
import { expect } from 'chai';
import type { Condition } from '#crds/meta.js';

interface Conditioned { kind: string; metadata: { name: string; generation?: number }; status?: { conditions?: Condition[]; observedGeneration?: number } }

export function expectSoundConditions(object: Conditioned): void {
  const at = `${object.kind}/${object.metadata.name}`;
  const conditions = object.status?.conditions ?? [];
  const of = (type: string): Condition | undefined => conditions.find((condition) => condition.type === type);
  const types = conditions.map((condition) => condition.type);
  expect(new Set(types).size, `${at}: each type once`).to.equal(types.length);
  expect(types, at).to.include('Ready');
  expect(object.status?.observedGeneration, `${at}: observedGeneration`).to.equal(object.metadata.generation);
  for (const condition of conditions) {
    expect(condition.reason, `${at} ${condition.type}`).to.match(/^[A-Z][A-Za-z]*$/);
    expect(condition.lastTransitionTime, `${at} ${condition.type}`).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(condition.observedGeneration ?? 0, `${at} ${condition.type}`).to.be.at.most(object.metadata.generation ?? 0);
  }
  for (const abnormal of ['Reconciling', 'Stalled']) if (of(abnormal)) expect(of(abnormal)?.status, `${at}: ${abnormal} is there only while true`).to.equal('True');
  if (of('Stalled')) expect(of('Ready')?.status, `${at}: stalled is not ready`).to.equal('False');
  if (of('Reconciling')) expect(of('Ready')?.status, `${at}: reconciling is not ready`).to.not.equal('True');
  if (of('Ready')?.status === 'True') expect(types, `${at}: ready is final`).to.not.include.members(['Stalled']);
}
