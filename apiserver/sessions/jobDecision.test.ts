import { expect } from 'chai';
import type { ResticJobStatus } from '#crds/types/resticJob.gen.js';
import { newObject } from '#crds/kinds.js';
import { decideJob, type RunKnowledge } from './jobDecision.js';
import type { StoredJob } from './types.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');
function job(status: ResticJobStatus, cancel?: boolean): StoredJob {
  const metadata = { name: 'j', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { ...newObject('ResticJob', metadata, { spec: { hostRef: { name: 'h' }, type: 'Backup', sourceGroupRef: { name: 'g' }, ...(cancel ? { cancel } : {}) }, status }), metadata };
}
function knows(changes: { [K in keyof RunKnowledge]?: RunKnowledge[K] } = {}): RunKnowledge {
  return { named: new Set(), begun: new Set(), offered: new Set(), stopped: new Set(), drained: true, settled: true, ...changes };
}
const run = { id: 'u', planGeneration: 2, state: 'Run' as const };
const stop = { ...run, state: 'Stop' as const };
const u = new Set(['u']);

describe('what the link owes a job', () => {
  const rows: [sentence: string, status: ResticJobStatus, knowledge: RunKnowledge, step: string][] = [
    ['offers an Offered job the agent does not have', { phase: 'Offered', desiredRun: run }, knows(), 'run'],
    ['offers nothing before the backlog is taken: its result may be in it', { phase: 'Offered', desiredRun: run }, knows({ drained: false, settled: false }), 'nothing'],
    ['does not offer what hello named', { phase: 'Offered', desiredRun: run }, knows({ named: u }), 'nothing'],
    ['does not offer twice on one connection', { phase: 'Offered', desiredRun: run }, knows({ offered: u }), 'nothing'],
    ['does not offer what is already observed', { phase: 'Offered', desiredRun: run, observed: { runID: 'u', phase: 'Running' } }, knows({ begun: u }), 'nothing'],
    ['leaves a Queued job alone', { phase: 'Queued' }, knows(), 'nothing'],
    ['stops what the agent has', { phase: 'Running', desiredRun: stop, observed: { runID: 'u', phase: 'Running' } }, knows({ named: u }), 'stop'],
    ['stops what waits at the agent', { phase: 'Offered', desiredRun: stop }, knows({ offered: u }), 'stop'],
    ['stops once', { phase: 'Running', desiredRun: stop, observed: { runID: 'u', phase: 'Running' } }, knows({ named: u, stopped: u }), 'nothing'],
    ['ends what is to stop and never arrived', { phase: 'Offered', desiredRun: stop }, knows(), 'report Failed DeadlineExceeded'],
    ['waits with that for the backlog', { phase: 'Offered', desiredRun: stop }, knows({ drained: false }), 'nothing'],
    ['calls lost what runs here and not there', { phase: 'Running', desiredRun: run, observed: { runID: 'u', phase: 'Running' } }, knows(), 'report Failed Lost'],
    ['gives a result on its way a moment', { phase: 'Running', desiredRun: run, observed: { runID: 'u', phase: 'Running' } }, knows({ settled: false }), 'nothing'],
    ['calls lost what is to stop, runs here and not there', { phase: 'Running', desiredRun: stop, observed: { runID: 'u', phase: 'Running' } }, knows(), 'report Failed Lost'],
    ['leaves alone what began on this connection', { phase: 'Running', desiredRun: run, observed: { runID: 'u', phase: 'Running' } }, knows({ begun: u }), 'nothing'],
    ['leaves a finished job alone', { phase: 'Failed', desiredRun: stop }, knows(), 'nothing'],
    ['leaves alone what is reported and not yet copied', { phase: 'Running', desiredRun: stop, observed: { runID: 'u', phase: 'Succeeded' } }, knows(), 'nothing'],
  ];
  for (const [sentence, status, knowledge, expected] of rows) {
    it(sentence, () => {
      const step = decideJob(job(status), knowledge, NOW);
      expect(step.do === 'report' ? `report ${step.observed.phase} ${step.observed.reason ?? ''}` : step.do).to.equal(expected);
    });
  }
  it('names the reason of a stop: a person\'s cancel, else the deadline (J4)', () => {
    const cancelled = decideJob(job({ phase: 'Running', desiredRun: stop, observed: { runID: 'u', phase: 'Running' } }, true), knows({ named: u }), NOW);
    expect(cancelled).to.deep.equal({ do: 'stop', frame: { job: 'j', runID: 'u', reason: 'Cancelled' } });
    const never = decideJob(job({ phase: 'Offered', desiredRun: stop }, true), knows(), NOW);
    expect(never).to.deep.include({ do: 'report', stop: { job: 'j', runID: 'u', reason: 'Cancelled' } });
  });
});
