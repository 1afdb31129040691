/**
 * One failure: how it is made to happen, and what is then said of it: in the job's status, its conditions, its log, the Events of
 * the job and of what has to be mended, and the API. What says the same in other words only is worked out here, so that a row
 * holds each sentence once.
 */
import { expect } from 'chai';
import { expectSoundConditions } from '../../../builders/conditionCheck.js';
import type { Ended, FailingHost, StoredJob, Told } from './bed.js';

export interface Says extends Ended {
  phase: 'Succeeded' | 'Failed' | 'Cancelled';
  /** Every line of the log but the last: first stdout, then stderr, then the agent's own. */
  log?: string[];
  /** `Kind/name` of what has to be mended: the Event is told there once more. */
  mend?: string;
  /** Further Events of other objects. */
  also?: string[];
}

export interface Row {
  title: string;
  /** Default: both restics. */
  only?: 'new' | 'old';
  /** Makes it happen. Resolves with the job's name; the job may still be running. */
  make(host: FailingHost): Promise<string>;
  says: Says;
  /** Where restic 0.14 has other words. */
  old?: Partial<Says>;
  /** How restic itself takes its end is chance: its lines and its exit code are not looked at. */
  restless?: true;
  /** The words of a command come beside restic's own, in any order. */
  anyOrder?: true;
}

/** Ends that no agent at work told: the log has no last line of them. */
const unspoken = new Set(['AgentRestarted', 'StartingDeadlineExceeded', 'CancelledBeforeStart', 'AlreadyRan']);

function lastLine({ phase, reason, message, warnings = 0 }: Says): string[] {
  if (unspoken.has(reason)) return [];
  if (phase === 'Failed') return [`agent: failed (${reason}): ${message}`];
  return phase === 'Cancelled' ? [`agent: ${message}`] : warnings > 0 ? [`agent: succeeded with warnings (${reason}): ${message}`] : [];
}

/** Judges the job. @returns what `kubectl get rj -o wide` has to show of it */
export async function judge(row: Row, host: FailingHost, job: StoredJob, told: Told): Promise<string> {
  const says: Says = { ...row.says, ...(host.old ? row.old : {}) };
  const { phase, reason, message, log = [], mend, also = [], ...rest } = says;
  const badly = phase === 'Failed' || (says.warnings ?? 0) > 0;
  const { log: heard, exitCode, ...facts } = told;
  const relevant = (lines: string[]): string[] => (row.restless ? lines.slice(-1) : row.anyOrder ? [...lines].sort() : lines);
  const expected = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)); // what `old` takes back
  expect({ ...facts, log: relevant(heard), ...(row.restless || exitCode === undefined ? {} : { exitCode }) }).to.deep.equal({
    ...expected, phase, reason, message,
    log: relevant([...log, ...lastLine(says)]),
    events: [
      `${badly ? 'Warning' : 'Normal'} ${reason} ResticJob/<job>: ${message}`,
      ...(mend === undefined ? [] : [`Warning ${reason} ${mend}: job <job> of host <host>: ${message}`]),
      ...also,
    ].sort(),
  });
  expectSoundConditions(job);
  const { status = {} } = job;
  const conditions = (status.conditions ?? []).map(({ type, status: value, reason: why, message: words }) => `${type}=${value} ${why}: ${words}`).sort();
  expect(conditions).to.deep.equal([
    `Ready=True Reconciled: the job is over: ${phase}`,
    `Succeeded=${phase === 'Succeeded' ? 'True' : 'False'} ${reason}: ${status.message ?? ''}`,
    ...(phase !== 'Succeeded' ? [] : [reason === 'Partial' ? `Complete=False Partial: ${status.message ?? ''}` : 'Complete=True Completed: nothing was skipped']),
  ].sort());
  const { body } = await host.world.call('GET', `/api/jobs/${job.metadata.name}`);
  expect(body).to.deep.include({
    name: job.metadata.name, kind: job.spec.type.toLowerCase(), status: phase.toLowerCase(), reason, message: status.message, exit_code: status.exitCode ?? null,
    warnings: status.warnings ?? null, skipped_files: status.skippedFiles ?? [], ...(reason === 'Partial' ? { partial: true } : {}),
  });
  expect('partial' in body).to.equal(reason === 'Partial');
  return [job.spec.hostRef.name, job.spec.type, job.spec.sourceGroupRef?.name ?? '', phase, reason].join(' ');
}
