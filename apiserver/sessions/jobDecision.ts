/**
 * What the link owes a job, derived from the object and from what this connection knows of the agent. Pure, so that any
 * order of events ends the same: offered, reported, cancelled and reconnected in every order (property test).
 */
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import type { JobStop } from '#crds/wire/agentProtocol.gen.js';
import { isFinal } from './observed.js';
import type { StoredJob } from './types.js';

/** What one connection knows of the agent's runs. */
export interface RunKnowledge {
  /** Run ids that hello named. */
  named: ReadonlySet<string>;
  /** Reported as started since hello. */
  begun: ReadonlySet<string>;
  /** job.run sent on this connection. */
  offered: ReadonlySet<string>;
  /** job.stop sent on this connection. */
  stopped: ReadonlySet<string>;
  /** Everything the agent had spooled before this connection was taken: what it does not know now, it does not know. */
  drained: boolean;
  /** Drained, and a moment has passed: a result that was being written to the spool while the agent said hello has come. */
  settled: boolean;
}

export type JobStep =
  | { do: 'nothing' }
  /** Makes the frame (jobRun.ts) and sends it. */
  | { do: 'run'; runID: string }
  | { do: 'stop'; frame: JobStop }
  /** The agent does not have it: the session says so in its place. */
  | { do: 'report'; observed: ResticJobObserved; stop?: JobStop };

const nothing: JobStep = { do: 'nothing' };

export function decideJob(job: StoredJob, knows: RunKnowledge, now: number): JobStep {
  const { status, spec, metadata } = job;
  const observed = status?.observed;
  if (isFinal(status?.phase) || isFinal(observed?.phase)) return nothing;
  const desired = status?.desiredRun;
  const runID = desired?.id ?? observed?.runID;
  if (runID === undefined) return nothing;
  const agentHasIt = knows.named.has(runID) || knows.begun.has(runID) || knows.offered.has(runID);

  if (desired?.state === 'Stop') {
    const reason = spec.cancel === true ? 'Cancelled' as const : 'DeadlineExceeded' as const;
    const frame: JobStop = { job: metadata.name, runID, reason };
    if (agentHasIt) return knows.stopped.has(runID) ? nothing : { do: 'stop', frame };
    if (!knows.drained) return nothing;
    if (!observed) return { do: 'report', observed: neverArrived(runID, reason, now), stop: frame };
  }
  if (observed?.phase === 'Running') return agentHasIt || !knows.settled ? nothing : { do: 'report', observed: lost(observed, now) };
  if (status?.phase === 'Offered' && desired?.state === 'Run' && !observed && !agentHasIt && knows.drained) return { do: 'run', runID };
  return nothing;
}

function neverArrived(runID: string, reason: 'Cancelled' | 'DeadlineExceeded', now: number): ResticJobObserved {
  return { runID, phase: reason === 'Cancelled' ? 'Cancelled' : 'Failed', reason, message: 'stopped before the agent had received it', attempts: 0, completionTime: new Date(now).toISOString() };
}

function lost(observed: ResticJobObserved, now: number): ResticJobObserved {
  return { ...observed, phase: 'Failed', reason: 'Lost', message: 'the agent came back without this run and without a result of it', completionTime: new Date(now).toISOString() };
}
