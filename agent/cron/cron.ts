/**
 * The agent's own cron. What is due follows from the plan, the journalled attempts and the clock; the timer only says when to
 * look again and may be late, lost or capped. Needs no server: the last plan keeps firing (S7).
 */
import type { JobIdentity, Plan, PlanGroup, PlanSchedule } from '#crds/wire/agentProtocol.gen.js';
import { afterBlackouts } from '#crds/blackout.js';
import { decideFiring, type Firing } from '#crds/firing.js';
import type { NextFire } from '#crds/schedule.js';
import { timestamp, type Clock } from '../clock.js';
import type { Log } from '../log.js';
import { stalledSchedules } from '../plan/planFile.js';
import { SET_BACK_MS, type Attempt, type AttemptState } from '../runs/journal.js';
import { runName } from './runName.js';

/** setTimeout is not trusted further, and clocks are set: look at least this often. */
const LOOK_AT_LEAST_MS = 3_600_000;
/** A clock that moved this much more or less than the time we waited: the machine slept, or somebody set it. */
const JUMP_MS = 30_000;
const WATCH_MS = 30_000;

export interface CronOptions {
  next: NextFire;
  clock: Clock;
  log: Log;
  plan(): Plan | undefined;
  /** The host's own zone, for schedules without one. */
  timeZone: string;
  attemptOf(schedule: string, group: string): AttemptState | undefined;
  /** The clock was set: what was attempted counts as attempted for `due` from now on; attemptOf says so at once. */
  countAs(attempt: Attempt): void;
  nextRunNumber(): number;
  isActive(group: PlanGroup): boolean;
  /** May what was missed begin now? Says no only for a while, and look() is called when that is over. */
  networkIsOpen(awakeSince: number): boolean;
  /** Begins a run. */
  submit(run: { identity: JobIdentity; attempts: Attempt[]; group: string }): void;
  /** These due moments are answered by the run of this group that is waiting or active already. */
  coalesce(group: PlanGroup, attempts: Attempt[]): void;
}

interface Owed { schedule: PlanSchedule; group: PlanGroup; firing: Firing }

export class Cron {
  readonly #options: CronOptions;
  /** Due moments handed over in this process, by schedule and group: a waiting run has not attempted them yet. */
  readonly #handed = new Map<string, number>();
  #awakeSince: number;
  /** The clock jumped since this process began. */
  #jumped = false;
  #lastWatch: number;
  #cancelTimer: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  #stopped = false;

  constructor(options: CronOptions) {
    this.#options = options;
    this.#awakeSince = options.clock.now();
    this.#lastWatch = this.#awakeSince;
    this.#watch();
  }

  /** Begins what is due and sets the timer. Call after every change of the plan, of attempts and of what is active. */
  look(): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    this.#noticeJump();
    const now = clock.now();
    const { owed, lookAt } = this.#decide(now);
    this.#begin(owed);
    this.#cancelTimer?.();
    this.#cancelTimer = clock.setTimer(Math.max(0, Math.min(lookAt - now, LOOK_AT_LEAST_MS)), () => { this.look(); });
  }

  /** When each schedule that can run starts next, jitter and blackouts included: for people. */
  upcoming(): { schedule: string; at: number | undefined }[] {
    const { clock, next } = this.#options;
    const now = clock.now();
    return this.#schedules().map((schedule) => {
      const jitterMs = schedule.jitterSeconds * 1_000;
      const zone = schedule.timeZone ?? this.#options.timeZone;
      const due = next(schedule.schedule, zone, now - jitterMs);
      return { schedule: schedule.name, at: due === undefined ? undefined : afterBlackouts(next, schedule.blackout ?? [], zone, due + jitterMs) };
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelWatch?.();
  }

  /** Schedules of a plan that may fire: the host is not suspended and the repository is known by its id. */
  #schedules(): PlanSchedule[] {
    const plan = this.#options.plan();
    if (!plan || plan.suspend || plan.repository?.id === undefined) return [];
    const stalled = new Set(stalledSchedules(plan).map(({ schedule }) => schedule));
    return plan.schedules.filter(({ name }) => !stalled.has(name));
  }

  #decide(now: number): { owed: Owed[]; lookAt: number } {
    const plan = this.#options.plan();
    const owed: Owed[] = [];
    let lookAt = Infinity;
    for (const schedule of this.#schedules()) {
      for (const uid of schedule.groups) {
        const group = plan?.groups.find((candidate) => candidate.uid === uid);
        if (!group || group.suspend) continue;
        const decision = decideFiring(this.#options.next, {
          schedule: schedule.schedule,
          timeZone: schedule.timeZone ?? this.#options.timeZone,
          effectiveSince: Date.parse(schedule.effectiveSince) || now,
          jitterMs: schedule.jitterSeconds * 1_000,
          lastAttempted: this.#lastAttempted(schedule.uid, uid, now),
          catchUp: schedule.catchUp.enabled,
          settleMs: schedule.catchUp.settleSeconds * 1_000,
          startingDeadlineMs: schedule.startingDeadlineSeconds === undefined ? undefined : schedule.startingDeadlineSeconds * 1_000,
          intermittent: plan?.presence === 'Intermittent',
          awakeSince: this.#awakeSince,
          blackouts: schedule.blackout,
        }, now);
        if (decision.lookAt !== undefined) lookAt = Math.min(lookAt, decision.lookAt);
        const { fire } = decision;
        if (!fire || this.#handed.get(`${schedule.uid}/${uid}`) === fire.due) continue;
        if (fire.origin === 'Schedule' || this.#options.networkIsOpen(this.#awakeSince)) owed.push({ schedule, group, firing: fire });
      }
    }
    return { owed, lookAt };
  }

  /** The due moment last attempted, by this clock: one in the future counts as now, one that the clock is past again as itself. */
  #lastAttempted(schedule: string, group: string, now: number): number | undefined {
    const { attemptOf, countAs } = this.#options;
    const stored = attemptOf(schedule, group);
    if (!stored) return undefined;
    if (stored.due > now + SET_BACK_MS) countAs({ schedule, group, due: now });
    else if (stored.ahead !== undefined && this.#jumped && stored.ahead < this.#awakeSince) countAs({ schedule, group, due: stored.ahead });
    const { due, owed } = attemptOf(schedule, group) ?? stored;
    return due - (owed ? 1 : 0);
  }

  /** One run per group, however many schedules want it; none when one is waiting or active. */
  #begin(owed: readonly Owed[]): void {
    const { hostUID } = this.#options.plan() ?? {};
    for (const groupUid of new Set(owed.map(({ group }) => group.uid))) {
      const all = owed.filter((one) => one.group.uid === groupUid);
      const [first] = all;
      if (!first) continue;
      const { schedule, group, firing } = first;
      const attempts = all.map((one): Attempt => ({ schedule: one.schedule.uid, group: groupUid, due: one.firing.due }));
      for (const attempt of attempts) this.#handed.set(`${attempt.schedule}/${groupUid}`, attempt.due);
      if (this.#options.isActive(group)) {
        this.#options.log.info({ group: group.name, schedules: all.map((one) => one.schedule.name) }, 'a run of this group is active already: this firing coalesces with it');
        this.#options.coalesce(group, attempts);
        continue;
      }
      const due = timestamp(firing.due);
      const job = runName(schedule.name, { scheduleUid: schedule.uid, groupUid, hostUid: hostUID ?? '', due, runNumber: this.#options.nextRunNumber() });
      this.#options.submit({
        identity: { job, runID: job, type: 'Backup', startedBy: 'Agent', sourceGroup: group.name, schedule: schedule.name, origin: firing.origin, dueTime: due },
        attempts,
        group: groupUid,
      });
    }
  }

  /** Timers stand still while a machine sleeps, so the clock is compared now and then. */
  #watch(): void {
    this.#cancelWatch = this.#options.clock.setTimer(WATCH_MS, () => {
      if (this.#noticeJump()) this.look();
      this.#watch();
    });
  }

  #noticeJump(): boolean {
    const now = this.#options.clock.now();
    const passed = now - this.#lastWatch;
    this.#lastWatch = now;
    if (passed >= 0 && passed <= WATCH_MS + JUMP_MS) return false;
    this.#options.log.info({ seconds: Math.round(passed / 1_000) }, 'the machine slept or its clock was set: looking for missed runs');
    this.#awakeSince = now;
    this.#jumped = true;
    for (const [key, due] of this.#handed) if (due > now + SET_BACK_MS) this.#handed.delete(key);
    return true;
  }
}
