import { expect } from 'chai';
import { setCondition, summarize, type Conditioned } from './conditions.js';
import { computeStatusPatch } from './patch.js';

const at = (text: string): { generation: number; now: number } => ({ generation: 2, now: Date.parse(text) });

describe('the status patch', () => {
  it('holds only what changed, so that it never touches the fields of another writer', () => {
    expect(computeStatusPatch({ phase: 'Queued', observed: { runID: 'x' } }, { phase: 'Running', observed: { runID: 'x' } })).to.deep.equal({ phase: 'Running' });
  });
  it('is absent when nothing changed, whatever the order of members', () => {
    expect(computeStatusPatch({ a: 1, b: { c: [1, { d: 2 }] } }, { b: { c: [1, { d: 2 }] }, a: 1, e: undefined })).to.equal(undefined);
    expect(computeStatusPatch(undefined, {})).to.equal(undefined);
  });
  it('removes what went, replaces lists whole and goes into objects', () => {
    expect(computeStatusPatch({ a: 1, b: [1, 2], run: { id: 'x', state: 'Run', n: 1 } }, { b: [2], run: { id: 'x', state: 'Stop' } })).to.deep.equal({ a: null, b: [2], run: { state: 'Stop', n: null } });
  });
});

describe('conditions', () => {
  it('keep the time of their last change of status, not of their words', () => {
    const status: Conditioned = {};
    setCondition(status, 'Online', 'True', { reason: 'Connected', message: 'a' }, at('2026-01-01T00:00:00Z'));
    setCondition(status, 'Online', 'True', { reason: 'Connected', message: 'b' }, at('2026-01-02T00:00:00Z'));
    expect(status.conditions).to.deep.equal([{ type: 'Online', status: 'True', reason: 'Connected', message: 'b', lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 2 }]);
    setCondition(status, 'Online', 'False', { reason: 'Disconnected', message: 'c' }, at('2026-01-03T00:00:00Z'));
    expect(status.conditions?.[0]?.lastTransitionTime).to.equal('2026-01-03T00:00:00Z');
  });
  it('show Reconciling and Stalled only while they are true', () => {
    const status: Conditioned = {};
    const types = (): string[] => (status.conditions ?? []).map(({ type, status: value }) => `${type}=${value}`).sort();
    summarize(status, { type: 'progressing', message: 'on its way' }, at('2026-01-01T00:00:00Z'));
    expect(types()).to.deep.equal(['Ready=Unknown', 'Reconciling=True']);
    summarize(status, { type: 'stalled', reason: 'HostNotFound', message: 'no' }, at('2026-01-01T00:00:00Z'));
    expect(types()).to.deep.equal(['Ready=False', 'Stalled=True']);
    summarize(status, { type: 'ready' }, at('2026-01-01T00:00:00Z'));
    expect(types()).to.deep.equal(['Ready=True']);
  });
});
