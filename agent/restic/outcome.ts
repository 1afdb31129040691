/** How a command ended, in the words of JobFinished: spread it into the report. What leaves nothing to tell but a reason is a ResticError instead. */
import type { JobReason } from '#crds/conditions.js';
import type { JobFinished } from '#crds/wire/agentProtocol.gen.js';

export type CommandOutcome = Pick<JobFinished, 'phase' | 'message' | 'exitCode' | 'warnings' | 'summary' | 'snapshotID' | 'skippedFiles' | 'targetDirectory' | 'forgetPlan'> & { reason: JobReason };

/** What every command of a job is given. */
export interface CommandIo {
  /** Lines for the job's log: all but status frames. `agent`: the agent's own words. */
  onLine(stream: 'stdout' | 'stderr' | 'agent', line: string): void;
  signal: AbortSignal;
}
