/** What a job's status says while it waits and runs, and once it is over. */
import type { JobReason } from '#crds/conditions.js';
import { formatDuration } from '#crds/duration.js';
import type { ResticJob } from '#crds/kinds.js';
import type { ResticJobObserved, ResticJobStatus } from '#crds/types/resticJob.gen.js';
import { parseTime, timestamp } from '../../runtime/time.js';
import { removeCondition, setCondition, summarize, type Finding, type Moment } from '../../status/conditions.js';
import type { JobOutcome } from './machine.js';

/** Unfinished: why it waits or that it runs, in reason, message and the conditions. Stalled: only a person can end the wait. */
export function setUnfinished(status: ResticJobStatus, finding: Finding<JobReason>, moment: Moment, stalled = false): void {
  status.reason = finding.reason;
  status.message = finding.message;
  setCondition(status, 'Succeeded', 'Unknown', finding, moment);
  removeCondition(status, 'Complete');
  summarize(status, stalled ? { type: 'stalled', ...finding } : { type: 'progressing', message: finding.message }, moment);
}

/** Copies what the agent's session observed of the run. */
export function copyReport(status: ResticJobStatus, report: ResticJobObserved): void {
  const { startTime, completionTime, attempts, exitCode, warnings, summary, snapshotID, skippedFiles, targetDirectory, forgetPlan } = report;
  Object.assign(status, Object.fromEntries(Object.entries({ startTime, completionTime, attempts, exitCode, warnings, summary, snapshotID, skippedFiles, targetDirectory, forgetPlan }).filter(([, value]) => value !== undefined)));
}

/** Finished: result, times, and conditions that say whether it succeeded and whether it was complete. `ended`: how the run ended, when one did. */
export function setFinished(status: ResticJobStatus, phase: JobOutcome, finding: Finding<JobReason>, moment: Moment, ended?: ResticJobObserved): void {
  status.reason = finding.reason;
  status.message = finding.message.slice(0, 4096);
  status.completionTime ??= timestamp(moment.now);
  const [start, end] = [parseTime(status.startTime), parseTime(status.completionTime)];
  if (start !== undefined && end !== undefined) status.duration = formatDuration(end - start);
  setCondition(status, 'Succeeded', phase === 'Succeeded' ? 'True' : 'False', finding, moment);
  if (phase === 'Succeeded') {
    const partial = finding.reason === 'Partial' || ended?.reason === 'Partial';
    setCondition(status, 'Complete', partial ? 'False' : 'True', partial ? { reason: 'Partial', message: ended?.message ?? finding.message } : { reason: 'Completed', message: 'nothing was skipped' }, moment);
  }
  summarize(status, { type: 'ready', message: `the job is over: ${phase}` }, moment);
}

/** The words for an end that no agent reported. `wait`: what kept it from starting. */
export function endedWithoutReport(reason: JobReason, { spec }: Pick<ResticJob, 'spec'>, wait: Pick<Finding, 'message'> | undefined): string {
  const host = spec.hostRef.name;
  switch (reason) {
    case 'CancelledBeforeStart': return 'cancelled before it was offered to the agent';
    case 'StartingDeadlineExceeded': return `it could not start within its startingDeadlineSeconds (${spec.startingDeadlineSeconds ?? 0})${wait ? `: ${wait.message}` : ''}`;
    case 'HostNotFound': return `host ${host} does not exist`;
    case 'HostUnreachable': return `host ${host} stayed away for seven days past the job's deadline; how the run ended is not known`;
    default: return reason;
  }
}
