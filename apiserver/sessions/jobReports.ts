/**
 * The effect of each spooled report, safe to repeat: log lines and outcomes go to records, what was observed into the
 * job's status. After an absence only the newest run of each schedule and group becomes an object; all of them are in
 * records.
 */
import { keyOf, keyText, type ObjectKey } from '#crds/meta.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import type { JobFinished, JobLog, JobStarted, SpoolDropped } from '#crds/wire/agentProtocol.gen.js';
import { textOf, type LogLines } from '#crds/wire/logLines.js';
import { checkAgentStarted, ensureAgentJob, findJob } from './agentJobs.js';
import { firingKey, type Ledger } from './ledger.js';
import { madeSnapshot } from './madeSnapshot.js';
import { announceEnd, observedFromFinish, observedFromStart, writeObserved } from './observed.js';
import { takeRepoStats, takeSnapshots } from './repositoryReports.js';
import { isForGood, RefusedReport, type SpooledFrame } from './reports.js';
import type { SessionContext, StoredHost, StoredJob } from './types.js';

export interface JobReports {
  apply(frame: SpooledFrame, inBacklog: boolean): Promise<void>;
  /** Makes the objects that the backlog left to make. */
  finishBacklog(): Promise<void>;
}

/** @param askForSnapshots asks the agent for its whole lists */
export function createJobReports(context: SessionContext, host: StoredHost, ledger: Ledger, askForSnapshots: () => void): JobReports {
  const { records, namespace, bus, clock, recorder, log } = context;
  const hostName = host.metadata.name;
  const keyFor = (name: string): ObjectKey => ({ namespace, name });

  /** @throws RefusedReport when the object is another host's */
  async function ownJob(name: string): Promise<StoredJob | undefined> {
    const job = await findJob(context, name);
    if (job && job.spec.hostRef.name !== hostName) throw new RefusedReport(`job ${name} belongs to host ${job.spec.hostRef.name}, not to ${hostName}`);
    return job;
  }
  /** False: the object was made again under this name; the report is about an earlier one. */
  function isSameRun(job: StoredJob, runID: string): boolean {
    return job.spec.startedBy === 'Agent' ? runID === job.metadata.name : runID === job.metadata.uid;
  }
  function wasDeleted(runID: string): boolean {
    return context.goneJobs.get(runID) === hostName;
  }
  async function keepOutcome(report: JobFinished): Promise<void> {
    const { identity } = report;
    const observed = observedFromFinish(report, clock.now());
    await records.putOutcome(keyFor(identity.job), { uid: identity.runID, observed, recordedTime: new Date(clock.now()).toISOString() }, madeSnapshot(context, hostName, identity.type, observed));
  }
  /** The report's job is gone. What the agent did is kept, if it can be shown to be this host's. */
  async function keepOutcomeOfGone(report: JobFinished): Promise<void> {
    const { identity } = report;
    if (!wasDeleted(identity.runID)) throw new RefusedReport(`job ${identity.job} does not exist`);
    await keepOutcome(report);
    recorder.event(host, 'Warning', 'LateReport', `job ${identity.job} ended ${report.phase} (${report.reason}), but its object had been deleted`);
    announceEnd(context, keyFor(identity.job));
  }

  async function started(report: JobStarted, inBacklog: boolean): Promise<void> {
    const { identity } = report;
    const job = await ownJob(identity.job);
    if (job) {
      if (isSameRun(job, identity.runID)) await writeObserved(context, hostName, job, observedFromStart(report));
      return;
    }
    if (identity.startedBy === 'Server') { log.info({ host: hostName, job: identity.job }, 'start of a job that is gone'); return; }
    if (wasDeleted(identity.runID) || (!inBacklog && records.findOutcome(keyFor(identity.job)))) return;
    checkAgentStarted(context, host, identity);
    if (inBacklog) ledger.state.open[identity.job] = report;
    else await writeObserved(context, hostName, await ensureAgentJob(context, host, identity), observedFromStart(report));
  }

  async function finished(report: JobFinished, inBacklog: boolean): Promise<void> {
    const { identity } = report;
    const key = keyFor(identity.job);
    const job = await ownJob(identity.job);
    if (job && isSameRun(job, identity.runID)) {
      const result = await writeObserved(context, hostName, job, observedFromFinish(report, clock.now()));
      log.info({ host: hostName, job: identity.job, phase: report.phase, reason: report.reason, result }, 'job finished');
      announceEnd(context, key);
      return;
    }
    if (identity.startedBy === 'Server' || wasDeleted(identity.runID)) { await keepOutcomeOfGone(report); return; }
    if (job) return;
    const { open, newest } = ledger.state;
    // Told again outside a backlog: its object, if it had one, was collected since. In a backlog it may be a repetition after a crash.
    if (!inBacklog && records.findOutcome(key)) return;
    if (!(identity.job in open)) checkAgentStarted(context, host, identity);
    Reflect.deleteProperty(open, identity.job);
    const older = newest[firingKey(identity)];
    if (older && older.identity.job !== identity.job) await keepOutcome(older);
    // Its own outcome follows with its object: under another uid the reconciler would take it for an earlier run's.
    newest[firingKey(identity)] = report;
    if (!inBacklog) await makeObjects();
    announceEnd(context, key);
  }

  async function makeObjects(): Promise<void> {
    const { open, newest } = ledger.state;
    for (const [key, report] of Object.entries(newest)) {
      await observeNew(report, observedFromFinish(report, clock.now()));
      Reflect.deleteProperty(newest, key);
    }
    for (const [name, report] of Object.entries(open)) {
      await observeNew(report, observedFromStart(report));
      Reflect.deleteProperty(open, name);
    }
  }
  /** What no object can be made of is put aside, or it would hold up all that follows. */
  async function observeNew(report: JobStarted | JobFinished, observed: ResticJobObserved): Promise<void> {
    try {
      await writeObserved(context, hostName, await ensureAgentJob(context, host, report.identity), observed);
    } catch (error) {
      if (!isForGood(error)) throw error;
      await records.deadLetter(keyOf(host), report, error.message);
    }
  }

  /** True when lines under this name may be kept: the job is this host's and the run is the one the object stands for. */
  async function takesLog(name: string, runID: string): Promise<boolean> {
    const job = await ownJob(name);
    if (job) return isSameRun(job, runID);
    return name in ledger.state.open || wasDeleted(runID);
  }
  async function append(name: string, lines: LogLines): Promise<void> {
    await records.appendLog(keyFor(name), lines);
    bus.publish({ type: 'log', job: keyText(keyFor(name)) });
  }
  async function logLines({ job, runID, firstSeq, lines }: JobLog): Promise<void> {
    if (lines.length === 0) return;
    if (await takesLog(job, runID)) await append(job, { firstSeq, lines });
    else log.info({ host: hostName, job, lines: lines.length }, 'log lines of a job that is gone');
  }
  async function dropped({ job, runID, from, to, lines }: SpoolDropped): Promise<void> {
    if (!await takesLog(job, runID)) return;
    const payload = `${String(lines)} log lines (${String(from)} to ${String(to)}) were given up on the host: its spool was full while the server could not be reached`;
    await append(job, { firstSeq: from, lines: [textOf({ ts: new Date(clock.now()).toISOString(), stream: 'agent', payload })] });
  }

  return {
    async apply(frame, inBacklog) {
      switch (frame.type) {
        case 'job.started': return started(frame.payload, inBacklog);
        case 'job.finished': return finished(frame.payload, inBacklog);
        case 'job.log': return logLines(frame.payload);
        case 'spool.dropped': return dropped(frame.payload);
        case 'repo.stats': return takeRepoStats(context, hostName, frame.payload);
        case 'snapshots.report': return takeSnapshots(context, host, frame.payload, askForSnapshots);
      }
    },
    finishBacklog: makeObjects,
  };
}

