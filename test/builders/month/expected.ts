/**
 * The runs a perfect witness would write down: the machine's history is walked in half minutes with a pencil, from the rules in
 * words (a due moment runs once; what was missed runs once after the settle delay unless it is older than half its interval;
 * one run per group, one run at a time; a blackout holds back; what SIGTERM interrupts is owed once; a clock set back by less
 * than three hours repeats nothing, one set back further begins anew, and set right again it makes up for nothing it had run).
 * `now` is what the machine's clock shows, `time` what a right one would. Shares no code with the product.
 */
import type { Plan } from '#crds/wire/agentProtocol.gen.js';
import type { Oracle } from './oracle.js';

export type Happening =
  | { at: number; what: 'boot' }
  | { at: number; what: 'stop' }
  | { at: number; what: 'kill' }
  | { at: number; what: 'sleep'; until: number }
  | { at: number; what: 'set'; by: number }
  | { at: number; what: 'plan'; plan: Plan };

export interface ExpectedRun { at: number; schedule: string; group: string; due: number; origin: 'Schedule' | 'CatchUp' }

interface Line { key: string; schedule: string; group: string; groupUid: string; due: number[]; jitter: number; since: number; settle: number; catchUp: boolean; deadline: number | undefined; blackouts: Set<number> | undefined; intermittent: boolean }
interface Pending { group: string; answers: { key: string; due: number }[]; run: ExpectedRun; until?: number }

const MINUTE = 60_000;
/** Everything but the end of a run happens at whole and half minutes. */
const STEP = 30_000;
/** A machine that wakes is noticed half a minute later at most; here, always then. */
const NOTICED = 30_000;
const SET_BACK = 3 * 3_600_000;
const DAY = 86_400_000;

export function expectedRuns(start: number, end: number, happenings: readonly Happening[], first: Plan, zone: string, minutes: Record<string, number>, oracle: Oracle): ExpectedRun[] {
  const runs: ExpectedRun[] = [];
  let lines = linesOf(first, zone, oracle, start, end);
  /** Attempted due moments, and those owed once more after an interruption. */
  const attempted = new Map<string, number>();
  const owed = new Map<string, number>();
  const redone = new Map<string, number>();
  let up = false;
  let awakeSince = 0;
  let asleepUntil = 0;
  let running = undefined as Pending | undefined;
  let waiting: Pending[] = [];
  const handed = new Map<string, number>();
  /** Attempted before the clock was set back behind it. */
  const ahead = new Map<string, number>();
  let fast = 0;

  let jumped = false;
  /** Is the clock behind what was attempted, or past it again since it jumped? */
  const compare = (now: number): void => {
    for (const [key, due] of attempted) {
      if (due > now + SET_BACK) {
        ahead.set(key, Math.max(due, ahead.get(key) ?? 0));
        attempted.set(key, now);
        owed.delete(key);
      } else if (jumped && (ahead.get(key) ?? Infinity) < awakeSince) {
        attempted.set(key, ahead.get(key) ?? 0);
        ahead.delete(key);
        owed.delete(key);
      }
    }
  };

  const begin = (at: number): void => {
    if (running || waiting.length === 0) return;
    running = waiting.shift();
    if (!running) return;
    running.until = at + (minutes[running.run.group] ?? 1) * MINUTE;
    running.run.at = at;
    runs.push(running.run);
    for (const { key, due } of running.answers) attempt(key, due, at + fast);
  };
  const attempt = (key: string, due: number, now: number): void => {
    if (owed.get(key) === due) { owed.delete(key); redone.set(key, due); }
    const latest = Math.max(attempted.get(key) ?? 0, ahead.get(key) ?? 0);
    if (latest > due) ahead.set(key, latest);
    else ahead.delete(key);
    attempted.set(key, due);
    // it waited while the clock was set back
    if (due > now + SET_BACK) { attempted.set(key, now); ahead.set(key, latest); }
  };

  const endUntil = (moment: number): void => {
    for (let over = running?.until; over !== undefined && over <= moment; over = (running as Pending | undefined)?.until) {
      running = undefined;
      begin(over);
    }
  };

  const todo = [...happenings].sort((a, b) => a.at - b.at);
  let noticed = 0;
  for (let time = start; time < end; time += STEP) {
    for (let next = todo[0]; next && next.at <= time; next = todo[0]) {
      todo.shift();
      if (up && next.at >= asleepUntil) endUntil(next.at);
      if (next.what === 'boot') { up = true; awakeSince = next.at + fast; jumped = false; handed.clear(); }
      if (next.what === 'set') {
        fast += next.by;
        awakeSince = next.at + fast + NOTICED;
        noticed = next.at + NOTICED;
      }
      if (next.what === 'plan') lines = linesOf(next.plan, zone, oracle, start, end);
      if (next.what === 'sleep') {
        asleepUntil = next.until;
        awakeSince = next.until + fast + NOTICED;
        noticed = next.until + NOTICED;
        if (running?.until !== undefined) running.until += next.until - next.at;
      }
      if (next.what === 'stop' || next.what === 'kill') {
        up = false;
        if (next.what === 'stop') for (const { key, due } of running?.answers ?? []) if (redone.get(key) !== due && attempted.get(key) === due) owed.set(key, due);
        running = undefined;
        waiting = [];
      }
    }
    if (!up || time < asleepUntil) continue;
    endUntil(time);
    if (time < noticed) continue;
    const now = time + fast;
    if (time === noticed) {
      jumped = true;
      for (const [key, due] of handed) if (due > now + SET_BACK) handed.delete(key);
    }
    compare(now);
    const wanted = lines.flatMap((line): { line: Line; due: number; origin: ExpectedRun['origin'] }[] => {
      const due = line.due.findLast((moment) => moment + line.jitter <= now);
      if (due === undefined || due <= (line.since > now ? awakeSince : line.since) || handed.get(line.key) === due) return [];
      const last = attempted.get(line.key);
      if (last !== undefined && due <= last && owed.get(line.key) !== due) return [];
      const missed = due + line.jitter < awakeSince;
      const settled = awakeSince + line.settle;
      if (missed) {
        if (!line.catchUp || now < settled) return [];
        const following = line.due.find((moment) => moment > due);
        const deadline = line.deadline ?? (following === undefined ? undefined : (following - due) / 2);
        if (!line.intermittent && deadline !== undefined && settled - (due + line.jitter) > deadline) return [];
      }
      if (line.blackouts?.has(now - (now % MINUTE))) return [];
      return [{ line, due, origin: missed ? 'CatchUp' : 'Schedule' }];
    });
    for (const group of new Set(wanted.map(({ line }) => line.groupUid))) {
      const all = wanted.filter(({ line }) => line.groupUid === group);
      const [chosen] = all;
      if (!chosen) continue;
      const answers = all.map(({ line, due }) => ({ key: line.key, due }));
      for (const { key, due } of answers) handed.set(key, due);
      const active = [running, ...waiting].find((pending) => pending?.group === group);
      if (active) {
        active.answers.push(...answers);
        if (active === running) for (const { key, due } of answers) attempt(key, due, now);
      } else waiting.push({ group, answers, run: { at: time, schedule: chosen.line.schedule, group: chosen.line.group, due: chosen.due, origin: chosen.origin } });
    }
    begin(time);
  }
  if (up && end >= asleepUntil) endUntil(end);
  return runs;
}

function linesOf(plan: Plan, zone: string, oracle: Oracle, start: number, end: number): Line[] {
  return plan.schedules.flatMap((schedule) => schedule.groups.map((uid): Line => ({
    key: `${schedule.uid}/${uid}`, schedule: schedule.name, group: plan.groups.find((group) => group.uid === uid)?.name ?? '', groupUid: uid,
    due: oracle.due(schedule.schedule, schedule.timeZone ?? zone), jitter: schedule.jitterSeconds * 1000, since: Date.parse(schedule.effectiveSince),
    settle: schedule.catchUp.settleSeconds * 1000, catchUp: schedule.catchUp.enabled, deadline: schedule.startingDeadlineSeconds === undefined ? undefined : schedule.startingDeadlineSeconds * 1000,
    blackouts: schedule.blackout && held(schedule.blackout, schedule.timeZone ?? zone, start - 4 * DAY, end + 4 * DAY), intermittent: plan.presence === 'Intermittent',
  })));
}

/** The minutes inside any of the windows. An hour that the clock repeats changes nothing: the window is as it was. */
function held(windows: readonly { from: string; to: string; timeZone?: string }[], zone: string, start: number, end: number): Set<number> {
  const inside = new Set<number>();
  for (const { from, to, timeZone } of windows) {
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone: timeZone ?? zone, hourCycle: 'h23', dateStyle: 'short', timeStyle: 'short' });
    let latest = '';
    let on = false;
    for (let at = start - (start % MINUTE); at < end; at += MINUTE) {
      const shown = format.format(at);
      if (shown > latest) {
        latest = shown;
        const time = shown.slice(-5);
        on = from < to ? time >= from && time < to : time >= from || time < to;
      }
      if (on) inside.add(at);
    }
  }
  return inside;
}
