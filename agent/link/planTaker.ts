/**
 * Plans as the server sends them: acknowledged once they are durable. A disk that does not take one leaves the plan before in
 * force, and is tried again while the connection lasts.
 */
import type { PlanSet } from '#crds/wire/agentProtocol.gen.js';
import type { Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile, StalledSchedule } from '../plan/planFile.js';
import type { Connection } from './connection.js';

const AGAIN_MS = 15_000;

export interface PlanTakerOptions {
  plan: PlanFile;
  /** The server's store epoch, which generations belong to. */
  epoch(): string;
  clock: Clock;
  log: Log;
  onApplied(): void;
  /** `problem` may have changed. */
  onChange(): void;
}

export class PlanTaker {
  readonly #options: PlanTakerOptions;
  #wanted: PlanSet | undefined;
  #problem: string | undefined;

  constructor(options: PlanTakerOptions) {
    this.#options = options;
  }

  /** Why the newest plan of the server is not in force. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async take(set: PlanSet, connection: Connection): Promise<void> {
    const { plan, epoch, clock, log, onApplied, onChange } = this.#options;
    const { revision, generation } = set;
    this.#wanted = set;
    let stalled: StalledSchedule[];
    try {
      stalled = await plan.apply(set, epoch(), clock.now());
    } catch (error) {
      const first = this.#problem === undefined;
      this.#problem = `revision ${revision.slice(0, 12)} of the plan could not be stored, the one before stays in force: ${messageOf(error)}`;
      if (first) {
        log.error({ revision, generation, error: messageOf(error) }, 'the plan could not be stored: the one before stays in force until the disk takes the new one');
        connection.send('error', { code: 'plan_not_stored', message: this.#problem, frame: 'plan.set' });
      }
      onChange();
      clock.setTimer(AGAIN_MS, () => { if (this.#wanted === set && connection.open) void this.take(set, connection); });
      return;
    }
    this.#problem = undefined;
    log.info({ host: set.plan.hostName, revision, generation, schedules: set.plan.schedules.length, ...(stalled.length > 0 ? { stalled } : {}) }, 'plan applied');
    connection.send('plan.applied', { revision, generation, ...(stalled.length > 0 ? { stalled } : {}) });
    onApplied();
    onChange();
  }
}
