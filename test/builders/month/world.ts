/**
 * One agent over weeks of simulated time: the real cron, the real journal and spool on disk, the real pump. restic and the
 * server are played: a run takes as long as its group's duration says, the server keeps what it acknowledges.
 */
import { join } from 'node:path';
import type { JobFinished, JobIdentity, Plan } from '#crds/wire/agentProtocol.gen.js';
import { Cron, type CronOptions } from '#agent/cron/cron.js';
import { nextFire } from '#agent/cron/nextFire.js';
import { silentLog } from '#agent/log.js';
import { SpoolPump } from '#agent/link/pump.js';
import type { Connection } from '#agent/link/connection.js';
import { Journal, type Attempt } from '#agent/runs/journal.js';
import { Spool } from '#agent/spool/spool.js';
import { TestClock } from '../testClock.js';

export interface WorldOptions {
  dir: string;
  start: number;
  plan: Plan;
  timeZone: string;
  /** Minutes a backup takes, by group name. */
  minutes: Record<string, number>;
  /** Planted bugs: put around what the cron is given. */
  sabotage?: (options: CronOptions, world: World) => CronOptions;
}

export interface Begun { at: number; schedule: string; group: string; due: number; origin: string; job: string }

interface Request { identity: JobIdentity; attempts: Attempt[]; group: string }
interface Process { cron: Cron; journal: Journal; spool: Spool; pump: SpoolPump; queue: Request[]; running?: Request; cancelEnd?: () => void }

export class World {
  readonly clock: TestClock;
  /** Every run that began, in order. */
  readonly begun: Begun[] = [];
  /** Results the server has, in the order of their numbers. */
  readonly delivered: JobFinished[] = [];
  plan: Plan;
  /** How often the agent was started. */
  boots = 0;
  readonly #options: WorldOptions;
  #process: Process | undefined;
  #serverUp = true;
  #acked = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.clock = new TestClock(options.start);
  }

  async boot(): Promise<void> {
    this.boots += 1;
    const { clock } = this;
    const journal = await Journal.open(join(this.#options.dir, 'journal.jsonl'), silentLog, clock.now());
    const spool = await Spool.open({ dir: join(this.#options.dir, 'spool'), log: silentLog, limitBytes: 256 * 1024, segmentBytes: 64 * 1024 });
    const pump = new SpoolPump(spool, (error) => { throw error; });
    const options: CronOptions = {
      next: nextFire, clock, log: silentLog, timeZone: this.#options.timeZone,
      plan: () => this.plan,
      attemptOf: (schedule, group) => journal.attemptOf(schedule, group),
      countAs: (attempt) => {
        const written = journal.countAs(attempt);
        this.#do(() => written);
      },
      nextRunNumber: () => journal.nextRunNumber(),
      networkIsOpen: () => true,
      isActive: ({ uid }) => this.#active(uid) !== undefined,
      submit: (request) => {
        this.#process?.queue.push(request);
        this.#do(() => this.#next());
      },
      coalesce: ({ uid }, attempts) => {
        const request = this.#active(uid);
        if (!request) return;
        request.attempts = [...request.attempts, ...attempts];
        if (request === this.#process?.running) this.#do(() => journal.coalesced(request.identity.runID, attempts));
      },
    };
    for (const { identity, startTime } of journal.openRuns) await this.#end(journal, spool, { identity, phase: 'Failed', reason: 'AgentRestarted', message: '', startTime, completionTime: new Date(clock.now()).toISOString() });
    const cron = new Cron(this.#options.sabotage?.(options, this) ?? options);
    this.#process = { cron, journal, spool, pump, queue: [] };
    if (this.#serverUp) this.#connect();
    cron.look();
    await this.#settle();
  }

  async pass(minutes: number): Promise<void> {
    await this.clock.passSettled(minutes * 60, () => this.#settle());
  }

  /** The plan is replaced, as plan.set does. */
  async give(plan: Plan): Promise<void> {
    this.plan = plan;
    this.#process?.cron.look();
    await this.#settle();
  }

  /** SIGTERM: the running backup is interrupted, what waits was not attempted. */
  async stop(): Promise<void> {
    const process = this.#process;
    if (!process) return;
    process.cron.stop();
    process.queue = [];
    process.cancelEnd?.();
    if (process.running) await this.#end(process.journal, process.spool, { identity: process.running.identity, phase: 'Failed', reason: 'Interrupted', message: '', completionTime: new Date(this.clock.now()).toISOString() });
    await this.#close(process);
  }

  /** kill -9, or the power goes. */
  async kill(): Promise<void> {
    const process = this.#process;
    if (!process) return;
    process.cron.stop();
    process.cancelEnd?.();
    await this.#close(process);
  }

  async server(up: boolean): Promise<void> {
    this.#serverUp = up;
    if (up) this.#connect();
    else this.#process?.pump.stop();
    await this.#settle();
  }

  async #close(process: Process): Promise<void> {
    await this.#settle();
    this.#process = undefined;
    process.pump.stop();
    await process.spool.close();
    await process.journal.close();
  }

  #active(group: string): Request | undefined {
    return [this.#process?.running, ...(this.#process?.queue ?? [])].find((request) => request?.group === group);
  }

  /** One at a time, the oldest first, as the supervisor does by default. */
  async #next(): Promise<void> {
    const process = this.#process;
    const request = process?.running ? undefined : process?.queue.shift();
    if (!process || !request) return;
    process.running = request;
    const { identity } = request;
    const startTime = new Date(this.clock.now()).toISOString();
    await process.journal.start(identity, startTime, request.attempts);
    this.begun.push({ at: this.clock.now(), schedule: identity.schedule ?? '', group: identity.sourceGroup ?? '', due: Date.parse(identity.dueTime ?? ''), origin: identity.origin ?? '', job: identity.job });
    await process.spool.append({ type: 'job.started', payload: { identity, startTime, attempts: 1 } });
    process.cancelEnd = this.clock.setTimer((this.#options.minutes[identity.sourceGroup ?? ''] ?? 1) * 60_000, () => {
      this.#do(async () => {
        if (this.#process !== process) return;
        await this.#end(process.journal, process.spool, { identity, phase: 'Succeeded', reason: 'Completed', message: '', startTime, completionTime: new Date(this.clock.now()).toISOString() });
        process.running = undefined;
        process.cancelEnd = undefined;
        process.cron.look();
        await this.#next();
      });
    });
  }

  async #end(journal: Journal, spool: Spool, finished: JobFinished): Promise<void> {
    await journal.finish(finished);
    await spool.append({ type: 'job.finished', payload: finished });
  }

  #connect(): void {
    const process = this.#process;
    if (!process) return;
    const connection = {
      open: true,
      sendText: async (text: string): Promise<void> => {
        const { type, seq, payload } = JSON.parse(text) as { type: string; seq: number; payload: JobFinished };
        if (seq > this.#acked + 1) throw new Error(`frame ${seq} came after ${this.#acked}`);
        if (seq === this.#acked + 1) {
          this.#acked = seq;
          if (type === 'job.finished') this.delivered.push(payload);
        }
        this.#do(() => process.spool.acknowledge(seq));
        return Promise.resolve();
      },
    };
    process.pump.start(connection as unknown as Connection);
  }

  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(work);
  }

  /** Everything begun is over, also what it began in turn. */
  async #settle(): Promise<void> {
    for (let work; work !== this.#work;) {
      work = this.#work;
      await work;
    }
    // what was appended is on its way through the pump, whose reads are real ones
    while (this.#serverUp && this.#process && this.#process.spool.unacknowledged > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      await this.#work;
    }
  }
}
