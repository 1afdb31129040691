/**
 * The one supervisor of this process: what runs, what waits, what is over. It knows nothing of the link, which comes and
 * goes; reports go to the spool. One run at a time per host; the others wait in line, visibly.
 *
 *   submitted -> waiting (for its plan generation, for its turn) -> journalled -> running -> result durable -> over
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { JobFinished, JobIdentity, JobProgress } from '#crds/wire/agentProtocol.gen.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { ResticProbe } from '../restic/capabilities.js';
import type { UnlockFacts } from '../restic/unlock.js';
import type { Spool } from '../spool/spool.js';
import { processStartTime } from './child.js';
import { JobLog } from './jobLog.js';
import type { Attempt, Journal } from './journal.js';
import { operate, type Outcome, type StopReason } from './operate.js';
import { ProgressSender } from './progress.js';

export interface RunRequest {
  identity: JobIdentity;
  /** Start once the plan applied in the server's present epoch is of this generation or newer. Absent: any plan. */
  planGeneration?: number;
  activeDeadlineSeconds?: number;
  /** The due moments it answers, for runs of the agent's own cron. */
  attempts?: Attempt[];
  /** uid of the source group, for runs of the agent's own cron. */
  group?: string;
}

export interface SupervisorOptions {
  stateDir: string;
  journal: Journal;
  spool: Spool;
  plan: PlanFile;
  probe: ResticProbe;
  log: Log;
  clock: Clock;
  /** The server's epoch as last seen: generations of another one do not count (E8). */
  epoch(): string | undefined;
  /** This clock minus the server's, ms; undefined when it was never heard. */
  clockSkewMs(): number | undefined;
  onProgress(progress: JobProgress): void;
  /** After a backup succeeded, when its result is durable; not part of the job. */
  afterBackup?(): void;
  openLimitMs?: number;
}

interface Running { request: RunRequest; startTime: number; abort: AbortController; stop: StopReason | undefined; over: Promise<void> }

/** How long a result that the disk refuses waits before it is tried again; it is never given up. */
const RETRY_RESULT_MS = 5_000;
const SECOND_MS = 1_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  #queue: RunRequest[] = [];
  #running: Running | undefined;
  #closed = false;
  #held = false;
  #listeners: (() => void)[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    options.plan.onChange(() => { this.#next(); });
  }

  /** Called after each change of what runs or waits. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get running(): RunRequest | undefined {
    return this.#running?.request;
  }

  get queued(): readonly RunRequest[] {
    return this.#queue;
  }

  /** Run ids for hello: known here and not finished. */
  get unfinished(): string[] {
    return [...new Set([...this.#options.journal.openRuns.map(({ identity }) => identity.runID), ...this.#queue.map(({ identity }) => identity.runID)])];
  }

  /** Is a run of this source group waiting or active? By uid for own runs, by name for the server's. */
  isActive(group: { uid: string; name: string }): boolean {
    return this.#activeOf(group) !== undefined;
  }

  /** Lets the waiting or active run of this group answer these due moments too. */
  coalesce(group: { uid: string; name: string }, attempts: Attempt[]): void {
    const request = this.#activeOf(group);
    if (!request) return;
    request.attempts = [...(request.attempts ?? []), ...attempts];
    if (request !== this.#running?.request) return; // journalled when it starts
    this.#options.journal.coalesced(request.identity.runID, attempts).catch((error: unknown) => { this.#options.log.warn({ job: request.identity.job, error: messageOf(error) }, 'a coalesced firing could not be journalled'); });
  }

  #activeOf(group: { uid: string; name: string }): RunRequest | undefined {
    return [this.#running?.request, ...this.#queue].find((request) => request?.identity.type === 'Backup' && (request.group === group.uid || request.identity.sourceGroup === group.name));
  }

  /** Takes a run on. A run id that is waiting, running or over is not taken twice. */
  submit(request: RunRequest): 'accepted' | 'known' | 'closed' {
    const { runID, job, type } = request.identity;
    if (this.#closed) return 'closed';
    if (this.#options.journal.isKnown(runID) || this.#running?.request.identity.runID === runID || this.#queue.some(({ identity }) => identity.runID === runID)) return 'known';
    this.#queue.push(request);
    this.#options.log.info({ job, runID, type, startedBy: request.identity.startedBy, group: request.identity.sourceGroup }, 'job accepted');
    this.#next();
    return 'accepted';
  }

  /** Ends a run: a waiting one at once, a running one by SIGINT, then SIGKILL. Unknown and finished ones are left as they are (E23). */
  async stop(runID: string, reason: StopReason): Promise<void> {
    const waiting = this.#queue.find(({ identity }) => identity.runID === runID);
    if (waiting) {
      this.#queue = this.#queue.filter((request) => request !== waiting);
      const now = timestamp(this.#options.clock.now());
      await this.report({
        identity: waiting.identity,
        phase: reason === 'Cancelled' ? 'Cancelled' : 'Failed',
        reason: reason === 'Cancelled' ? 'CancelledBeforeStart' : reason,
        message: reason === 'Cancelled' ? 'cancelled before it started' : 'its time was over before it could start',
        completionTime: now,
        attempts: 0,
      });
      this.#changed();
      return;
    }
    const running = this.#running;
    if (running?.request.identity.runID === runID) {
      running.stop ??= reason;
      running.abort.abort();
    }
  }

  /** The plan generation or the epoch changed: somebody may start now. */
  wake(): void {
    this.#next();
  }

  /** No new runs; the running one gets `graceMs` to end by itself, then it is interrupted. Resolves when nothing runs. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#queue = []; // the server offers its runs again, the cron's moments were not attempted
    const running = this.#running;
    if (!running) return;
    const cancel = this.#options.clock.setTimer(graceMs, () => {
      running.stop ??= 'Interrupted';
      running.abort.abort();
    });
    await running.over;
    cancel();
  }

  #next(): void {
    if (this.#running || this.#closed || this.#held) return;
    const request = this.#queue.find((candidate) => this.#planReady(candidate));
    if (!request) return;
    this.#queue = this.#queue.filter((candidate) => candidate !== request);
    const running: Running = { request, startTime: this.#options.clock.now(), abort: new AbortController(), stop: undefined, over: Promise.resolve() };
    this.#running = running;
    running.over = this.#execute(running).catch((error: unknown) => {
      this.#options.log.error({ job: request.identity.job, error: messageOf(error) }, 'the supervisor failed');
    }).then(() => {
      this.#running = undefined;
      this.#changed();
      this.#next();
    });
    this.#changed();
  }

  #planReady({ planGeneration }: RunRequest): boolean {
    if (planGeneration === undefined) return true;
    const plan = this.#options.plan.current;
    return plan !== undefined && plan.epoch === this.#options.epoch() && plan.generation >= planGeneration;
  }

  async #execute(running: Running): Promise<void> {
    const { request, abort } = running;
    const { identity } = request;
    const { journal, spool, clock, log, plan } = this.#options;
    const startTime = timestamp(running.startTime);
    const jobLog = new JobLog(identity, spool, clock, log);
    const progress = new ProgressSender(clock, (report) => { this.#options.onProgress(report); });
    let outcome: Outcome;
    try {
      await journal.start(identity, startTime, request.attempts ?? []);
      spool.append({ type: 'job.started', payload: { identity, startTime, attempts: 1 } }).catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'the start of a job could not be written to the spool'); });
      const cancelDeadline = this.#deadline(running);
      outcome = await operate({
        identity,
        plan: plan.current?.plan,
        probe: this.#options.probe,
        cacheRoot: join(this.#options.stateDir, 'cache'),
        openLimitMs: this.#options.openLimitMs,
        signal: abort.signal,
        stopReason: () => running.stop ?? 'Cancelled',
        unlockFacts: () => this.#unlockFacts(),
        onChild: (child) => {
          journal.child(identity.runID, { pid: child.pid, startTime: child.startTime, time: clock.now() }).catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'a process could not be journalled'); });
        },
        onLine: (stream, line) => { jobLog.add(stream, line); },
        onProgress: (report) => { progress.report({ job: identity.job, runID: identity.runID, ...report }); },
      });
      cancelDeadline();
    } catch (error) {
      outcome = { phase: 'Failed', reason: 'DiskFull', message: `the run could not be journalled, so it was not started: ${messageOf(error)}` };
    }
    progress.end();
    await jobLog.settle();
    const { reason, after, ...rest } = outcome;
    await this.report({ identity, startTime, completionTime: timestamp(clock.now()), attempts: 1, reason, ...rest });
    await after?.().catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'the lock of a stopped restic could not be looked at'); });
    if (identity.type === 'Backup' && outcome.phase === 'Succeeded') this.#options.afterBackup?.();
  }

  #deadline(running: Running): () => void {
    const { identity } = running.request;
    const group = this.#options.plan.current?.plan.groups.find(({ name }) => name === identity.sourceGroup);
    const seconds = running.request.activeDeadlineSeconds ?? group?.activeDeadlineSeconds;
    if (seconds === undefined) return () => undefined;
    const end = running.startTime + seconds * 1_000;
    const { clock } = this.#options;
    let cancel: () => void = () => undefined;
    const arm = (): void => {
      const left = end - clock.now();
      if (left > 0) cancel = clock.setTimer(Math.min(left, 3_600_000), arm);
      else void this.stop(identity.runID, 'DeadlineExceeded');
    };
    arm();
    return () => { cancel(); };
  }

  /** Makes a result durable, in the journal and in the spool; retried until the disk takes it. */
  async report(finished: JobFinished): Promise<void> {
    const { journal, spool, log, clock } = this.#options;
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

  /** No run begins until `work` is over: what a crash left is looked at first. */
  hold(work: Promise<void>): void {
    this.#held = true;
    void work.catch((error: unknown) => { this.#options.log.error({ error: messageOf(error) }, 'what the last stop left could not be ended'); }).then(() => {
      this.#held = false;
      this.#next();
    });
  }

  #unlockFacts(): UnlockFacts {
    return unlockFacts(this.#options);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What the unlock rule needs to know of this machine. */
export function unlockFacts({ journal, clock, clockSkewMs }: Pick<SupervisorOptions, 'journal' | 'clock' | 'clockSkewMs'>): UnlockFacts {
  return {
    hostname: hostname(),
    now: clock.now(),
    clockSkewMs: clockSkewMs(),
    alive: isAlive,
    ownDeadChild: (pid, lockTime) => journal.children.some((child) => child.pid === pid && child.time <= lockTime + SECOND_MS && !isAlive(pid)),
  };
}

function isAlive(pid: number): boolean {
  if (process.platform === 'linux') return processStartTime(pid) !== undefined;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The same process, not another one that got its number. */
export function stillRuns(child: { pid: number; startTime?: string }): boolean {
  return child.startTime === undefined ? isAlive(child.pid) : processStartTime(child.pid) === child.startTime;
}
