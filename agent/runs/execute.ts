/** One run from its journal entry to its durable result: attempts, log, progress, limits. */
import type { JobFinished } from '#crds/wire/agentProtocol.gen.js';
import { timestamp } from '../clock.js';
import { messageOf } from '../log.js';
import { JobLog } from './jobLog.js';
import { operate, type Outcome } from './operations/index.js';
import { stopped } from './operations/failed.js';
import { unlockFacts } from './processes.js';
import { ProgressSender } from './progress.js';
import { decideRetry } from './retry.js';
import type { Run } from './run.js';
import { StuckWatch } from './stuckWatch.js';
import type { SupervisorOptions } from './supervisor.js';

/** What a run needs of its supervisor. */
export interface Turns {
  /** This run lets others have its turn, or wants one. */
  changed(): void;
}

/** How long a result that the disk refuses waits before it is tried again; it is never given up. */
const RETRY_RESULT_MS = 5_000;

/** Resolves when the result is durable and what the run left is looked after. */
export async function execute(run: Run, options: SupervisorOptions, turns: Turns): Promise<void> {
  const { journal, spool, clock, log, plan } = options;
  const { identity, args, attempts: due, activeDeadlineSeconds } = run.request;
  const startTime = timestamp(run.startTime);
  const jobLog = new JobLog(identity, spool, clock, log);
  const progress = new ProgressSender(clock, (report) => { options.onProgress(report); });
  let outcome: Outcome;
  try {
    await journal.start(identity, startTime, due ?? [], args?.repository?.name);
    const group = plan.current?.plan.groups.find(({ name }) => name === identity.sourceGroup);
    const cancelLimit = run.limit(activeDeadlineSeconds ?? group?.activeDeadlineSeconds, clock);
    outcome = await attempts(run, options, turns, jobLog, progress);
    cancelLimit();
  } catch (error) {
    outcome = { phase: 'Failed', reason: 'DiskFull', message: `the run could not be journalled, so it was not started: ${messageOf(error)}` };
  }
  progress.end();
  const verdict = lastLine(outcome);
  if (verdict !== undefined) jobLog.add('agent', verdict);
  await jobLog.settle();
  const { reason, after, ...rest } = outcome;
  await report({ identity, startTime, completionTime: timestamp(clock.now()), attempts: Math.max(1, run.attempts), reason, ...rest }, options);
  await lookAfter(after, run, options);
  options.afterRun?.(identity, outcome, args ?? {});
}

/** Who reads only the log must learn from it what the status says. A run that went well needs no such line. */
function lastLine({ phase, reason, message, warnings = 0 }: Outcome): string | undefined {
  if (phase === 'Succeeded') return reason === 'Partial' || warnings > 0 ? `succeeded with warnings (${reason}): ${message}` : undefined;
  return phase === 'Cancelled' ? message : `failed (${reason}): ${message}`;
}

async function attempts(run: Run, options: SupervisorOptions, turns: Turns, jobLog: JobLog, progress: ProgressSender): Promise<Outcome> {
  const { spool, clock, log, plan } = options;
  const { identity } = run.request;
  for (;;) {
    run.attempts++;
    spool.append({ type: 'job.started', payload: { identity, startTime: timestamp(run.startTime), attempts: run.attempts } }).catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'the start of a job could not be written to the spool'); });
    const outcome = await attempt(run, options, jobLog, progress);
    const decide = (): ReturnType<typeof decideRetry> => (run.abort.signal.aborted && run.stop !== 'Stuck' ? { again: false } : decideRetry({ identity, plan: plan.current?.plan, outcome, attempts: run.attempts }));
    const decision = decide();
    if (!decision.again) return withNote(outcome, decision.dropped);
    const { after, ...told } = outcome;
    jobLog.add('agent', `attempt ${run.attempts} of ${decision.of} failed (${told.reason}): ${told.message}; trying again in ${Math.round(decision.delayMs / 1_000)} s`);
    await lookAfter(after, run, options);
    run.revive();
    const resting = run.rest(decision.delayMs, clock, turns.changed);
    turns.changed();
    if (!await resting) return { ...stopped(run.stop ?? 'Cancelled', run.deadlineSeconds), message: `${stopped(run.stop ?? 'Cancelled', run.deadlineSeconds).message} while it waited to be tried again; attempt ${run.attempts} had failed: ${told.message}`.slice(0, 4096) };
    const still = decide();
    if (!still.again) return withNote(told, still.dropped ?? 'its source group is not to be tried again any more');
  }
}

function withNote(outcome: Outcome, dropped: string | undefined): Outcome {
  return dropped === undefined ? outcome : { ...outcome, message: `${outcome.message}; not tried again: ${dropped}`.slice(0, 4096) };
}

async function attempt(run: Run, options: SupervisorOptions, jobLog: JobLog, progress: ProgressSender): Promise<Outcome> {
  const { journal, clock, log, plan } = options;
  const { identity, args } = run.request;
  const watch = new StuckWatch({ clock, afterMs: options.stuckAfterMs, onStuck: () => { run.stopFor('Stuck'); } });
  let rest = watch.begin();
  const outcome = await operate({
    identity,
    activeDeadlineSeconds: run.deadlineSeconds,
    args: args ?? {},
    plan: plan.current?.plan,
    probe: options.probe,
    clock,
    stateDir: options.stateDir,
    policy: options.policy,
    openLimitMs: options.openLimitMs,
    signal: run.abort.signal,
    stopReason: () => run.stop ?? 'Cancelled',
    unlockFacts: () => unlockFacts(options),
    deletionProtection: (repositoryID) => options.deletionProtection(repositoryID),
    learnedDeletion: (repositoryID, protection) => { options.learnedDeletion(repositoryID, protection); },
    owePost: async (group) => journal.owePost(identity.runID, group),
    async unwatched(work) {
      rest();
      try {
        return await work();
      } finally {
        rest = watch.begin();
      }
    },
    onChild: (child) => {
      watch.child(child.pid);
      journal.child(identity.runID, { pid: child.pid, startTime: child.startTime, time: clock.now() }).catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'a process could not be journalled'); });
    },
    onLine: (stream, line) => {
      watch.line(stream, line);
      jobLog.add(stream, line);
    },
    onProgress: (report) => {
      watch.progress(report);
      progress.report({ job: identity.job, runID: identity.runID, ...report });
    },
  });
  rest();
  return outcome;
}

async function lookAfter(after: (() => Promise<void>) | undefined, run: Run, { log }: SupervisorOptions): Promise<void> {
  await after?.().catch((error: unknown) => { log.warn({ job: run.request.identity.job, error: messageOf(error) }, 'the lock of a stopped restic could not be looked at'); });
}

/** Makes a result durable, in the journal and in the spool; retried until the disk takes it. */
export async function report(finished: JobFinished, { journal, spool, log, clock }: Pick<SupervisorOptions, 'journal' | 'spool' | 'log' | 'clock'>): Promise<void> {
  const { identity, phase, reason, message } = finished;
  let journalled = false;
  let spooled = false;
  for (;;) {
    try {
      await Promise.all([
        journalled ? undefined : journal.finish(finished).then(() => { journalled = true; }),
        spooled ? undefined : spool.append({ type: 'job.finished', payload: finished }).then(() => { spooled = true; }),
      ]);
      break;
    } catch (error) {
      log.error({ job: identity.job, error: messageOf(error) }, 'a result could not be written: it is kept in memory and tried again');
      await new Promise<void>((resolve) => { clock.setTimer(RETRY_RESULT_MS, resolve); });
    }
  }
  log.info({ job: identity.job, runID: identity.runID, type: identity.type, group: identity.sourceGroup, phase, reason, message, snapshot: finished.snapshotID }, 'job finished');
}
