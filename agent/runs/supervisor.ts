/**
 * The one supervisor of this process: what runs, what waits, what is over. It knows nothing of the link, which comes and
 * goes; reports go to the spool. Who may run beside whom is decided in lanes.ts; the others wait in line, visibly.
 *
 *   submitted -> waiting (for its plan generation, for its turn) -> journalled -> running -> result durable -> over
 */
import type { JobFinished, JobIdentity, JobProgress } from '#crds/wire/agentProtocol.gen.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { Policy } from '../policy/policy.js';
import type { ResticProbe } from '../restic/capabilities.js';
import type { DeletionProtection } from '../restic/deletionProbe.js';
import type { Spool } from '../spool/spool.js';
import { execute, report } from './execute.js';
import type { Attempt, Journal } from './journal.js';
import { admit, laneOf, type Place } from './lanes.js';
import type { JobArguments, Outcome, StopReason } from './operations/index.js';
import { Run, type RunRequest } from './run.js';

export type { RunRequest } from './run.js';

export interface SupervisorOptions {
  stateDir: string;
  policy: Policy;
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
  deletionProtection(repositoryID: string): DeletionProtection;
  learnedDeletion(repositoryID: string, protection: DeletionProtection): void;
  onProgress(progress: JobProgress): void;
  /** When a result is durable; not part of the job. */
  afterRun?(identity: JobIdentity, outcome: Outcome, args: JobArguments): void;
  openLimitMs?: number;
  /** Default one hour. */
  stuckAfterMs?: number;
}

/** One job in line, for people. */
export interface WaitingJob { job: string; type: JobIdentity['type']; why: string }

export class Supervisor {
  readonly #options: SupervisorOptions;
  /** In the order they came. */
  #runs: Run[] = [];
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

  get running(): JobIdentity[] {
    return this.#runs.filter(({ begun }) => begun).map(({ request }) => request.identity);
  }

  /** What is in line and what each one waits for. */
  get waiting(): WaitingJob[] {
    const told = ({ job, type }: Place, why: string): WaitingJob => ({ job, type, why });
    const { start, waits } = this.#admission();
    const here = new Map(waits.map(({ place, why }) => [place.run, why]));
    for (const { run } of start) here.set(run, 'waits until what the last stop of this agent left is looked after');
    return this.#runs.filter(({ state, begun }) => state === 'waiting' && !begun).map((run) => told(placeOf(run, undefined), here.get(run) ?? ''));
  }

  /** Is there nothing that works in the repository or is about to? Restores and the like do not count. */
  get idle(): boolean {
    return !this.#held && this.#runs.every(({ state, request: { identity } }) => state === 'resting' || laneOf(identity.type) === 'light');
  }

  /** Run ids for hello: known here and not finished. */
  get unfinished(): string[] {
    return [...new Set([...this.#options.journal.openRuns.map(({ identity }) => identity.runID), ...this.#runs.map(({ id }) => id)])];
  }

  /** Is a run of this source group waiting or active? By uid for own runs, by name for the server's. */
  isActive(group: { uid: string; name: string }): boolean {
    return this.#activeOf(group) !== undefined;
  }

  /** Lets the waiting or active run of this group answer these due moments too. */
  coalesce(group: { uid: string; name: string }, attempts: Attempt[]): void {
    const run = this.#activeOf(group);
    if (!run) return;
    const { request } = run;
    request.attempts = [...(request.attempts ?? []), ...attempts];
    if (!run.begun) return; // journalled when it starts
    this.#options.journal.coalesced(run.id, attempts).catch((error: unknown) => { this.#options.log.warn({ job: request.identity.job, error: messageOf(error) }, 'a coalesced firing could not be journalled'); });
  }

  #activeOf(group: { uid: string; name: string }): Run | undefined {
    return this.#runs.find(({ request: { identity, group: uid } }) => identity.type === 'Backup' && (uid === group.uid || identity.sourceGroup === group.name));
  }

  /** Takes a run on. A run id that is waiting, running or over is not taken twice. */
  submit(request: RunRequest): 'accepted' | 'known' | 'closed' {
    const { runID, job, type } = request.identity;
    if (this.#closed) return 'closed';
    if (this.#options.journal.isKnown(runID) || this.#runs.some(({ id }) => id === runID)) return 'known';
    this.#runs.push(new Run(request));
    this.#options.log.info({ job, runID, type, startedBy: request.identity.startedBy, group: request.identity.sourceGroup }, 'job accepted');
    this.#next();
    return 'accepted';
  }

  /** Ends a run: a waiting one at once, a running one by SIGINT, then SIGKILL. Unknown and finished ones are left as they are (E23). */
  async stop(runID: string, reason: StopReason): Promise<void> {
    const run = this.#runs.find(({ id }) => id === runID);
    if (!run) return;
    if (run.begun) {
      run.stopFor(reason);
      return;
    }
    this.#remove(run);
    await report({
      identity: run.request.identity,
      phase: reason === 'Cancelled' ? 'Cancelled' : 'Failed',
      reason: reason === 'Cancelled' ? 'CancelledBeforeStart' : reason,
      message: reason === 'Cancelled' ? 'cancelled before it started' : 'its time was over before it could start',
      completionTime: timestamp(this.#options.clock.now()),
      attempts: 0,
    }, this.#options);
    this.#next();
    this.#changed();
  }

  /** The plan generation or the epoch changed: somebody may start now. */
  wake(): void {
    this.#next();
  }

  /** No new runs; the running ones get `graceMs` to end by themselves, then they are interrupted. Resolves when nothing runs. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#runs = this.#runs.filter(({ begun }) => begun); // the server offers its runs again, the cron's moments were not attempted
    const running = [...this.#runs];
    for (const run of running) if (run.state !== 'active') run.stopFor('Interrupted'); // it would wait for another attempt
    const cancel = this.#options.clock.setTimer(graceMs, () => { for (const run of running) run.stopFor('Interrupted'); });
    await Promise.all(running.map(({ over }) => over));
    cancel();
  }

  /** Makes a result durable that no run of this process has. */
  async report(finished: JobFinished): Promise<void> {
    await report(finished, this.#options);
  }

  /** No run begins until `work` is over: what a crash left is looked at first. */
  hold(work: Promise<void>): void {
    this.#held = true;
    void work.catch((error: unknown) => { this.#options.log.error({ error: messageOf(error) }, 'what the last stop left could not be ended'); }).then(() => {
      this.#held = false;
      this.#next();
    });
  }

  #next(): void {
    if (this.#closed || this.#held) return;
    const { start } = this.#admission();
    if (start.length === 0) return;
    for (const { run } of start) {
      if (run.begun) run.take();
      else this.#begin(run);
    }
    this.#changed();
  }

  #begin(run: Run): void {
    run.state = 'active';
    run.startTime = this.#options.clock.now();
    run.over = execute(run, this.#options, {
      changed: () => {
        this.#next();
        this.#changed();
      },
    }).catch((error: unknown) => {
      this.#options.log.error({ job: run.request.identity.job, error: messageOf(error) }, 'the supervisor failed');
    }).then(() => {
      this.#remove(run);
      this.#next();
      this.#changed();
    });
  }

  #remove(run: Run): void {
    run.state = 'over';
    run.request.args = undefined; // credentials live as long as their job
    this.#runs = this.#runs.filter((one) => one !== run);
  }

  #admission(): ReturnType<typeof admit<Placed>> {
    const placed = (state: Run['state']): Placed[] => this.#runs.filter((run) => run.state === state).map((run) => placeOf(run, this.#heldBack(run)));
    return admit(placed('waiting'), placed('active'), this.#options.plan.current?.plan.maxConcurrentJobs ?? 1);
  }

  #heldBack({ request: { planGeneration } }: Run): string | undefined {
    if (planGeneration === undefined || planGeneration === 0) return undefined; // 0: the job brings all it needs
    const plan = this.#options.plan.current;
    return plan !== undefined && plan.epoch === this.#options.epoch() && plan.generation >= planGeneration ? undefined : `waits for generation ${planGeneration} of the plan`;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

type Placed = Place & { run: Run };

function placeOf(run: Run, heldBack: string | undefined): Placed {
  const { job, type, sourceGroup } = run.request.identity;
  return { run, job, type, group: sourceGroup, heldBack };
}
