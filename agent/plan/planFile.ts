/**
 * The last plan, on disk: it holds repository passwords, so it is encrypted (AES-256-GCM under a 0600 key beside it: whoever
 * copies the plan alone has nothing). Replaced whole; a file that does not open is set aside and fetched again.
 * File: `RMPLAN1\n`, 12 bytes nonce, 16 bytes tag, ciphertext.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan, PlanSet } from '#crds/wire/agentProtocol.gen.js';
import { cronProblem, timeZoneProblem } from '#crds/schedule.js';
import { timestamp } from '../clock.js';
import { readIfThere, replaceFile, requirePrivate, setAside } from '../files.js';
import type { Log } from '../log.js';

const MAGIC = Buffer.from('RMPLAN1\n');

export interface AppliedPlan extends PlanSet {
  /** Store epoch it was given in: generations of another epoch are not comparable. */
  epoch: string;
}

export interface StalledSchedule { schedule: string; message: string }

export class PlanFile {
  readonly #dir: string;
  readonly #log: Log;
  #key: Buffer | undefined;
  #current: AppliedPlan | undefined;
  #listeners: (() => void)[] = [];

  constructor(dir: string, log: Log) {
    this.#dir = dir;
    this.#log = log;
  }

  get current(): AppliedPlan | undefined {
    return this.#current;
  }

  /** Called after each change of `current`. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads what is on disk. @param now for the name of a file set aside */
  async load(now: number): Promise<void> {
    const path = this.#planPath;
    const bytes = await readIfThere(path);
    if (!bytes) return;
    await requirePrivate(path, 'file');
    try {
      this.#current = JSON.parse(decrypt(bytes, await this.#ownKey()).toString('utf8')) as AppliedPlan;
    } catch {
      const aside = await setAside(path, now);
      this.#log.error({ file: aside }, 'the plan on disk cannot be read: kept under this name; schedules rest until the server sends it again');
    }
  }

  /**
   * Takes a plan over: durable when it resolves, in force from then on. A schedule that is effective from a moment in the
   * future (this clock is behind the server's) counts as effective from now.
   * @throws the disk's error; the plan before stays in force
   */
  async apply(set: PlanSet, epoch: string, now: number): Promise<StalledSchedule[]> {
    const schedules = set.plan.schedules.map((schedule) => (Date.parse(schedule.effectiveSince) > now ? { ...schedule, effectiveSince: timestamp(now) } : schedule));
    const applied: AppliedPlan = { ...set, plan: { ...set.plan, schedules }, epoch };
    await replaceFile(this.#planPath, encrypt(Buffer.from(JSON.stringify(applied)), await this.#ownKey()));
    this.#current = applied;
    for (const listener of this.#listeners) listener();
    return stalledSchedules(set.plan);
  }

  /** The host was removed from its server: nothing of its plan stays. */
  async wipe(): Promise<void> {
    this.#current = undefined;
    await rm(this.#planPath, { force: true });
    await rm(this.#keyPath, { force: true });
    this.#key = undefined;
    for (const listener of this.#listeners) listener();
  }

  get #planPath(): string {
    return join(this.#dir, 'plan.enc');
  }

  get #keyPath(): string {
    return join(this.#dir, 'plan.key');
  }

  async #ownKey(): Promise<Buffer> {
    if (this.#key) return this.#key;
    const stored = await readIfThere(this.#keyPath);
    if (stored) {
      await requirePrivate(this.#keyPath, 'file');
      if (stored.length === 32) return (this.#key = stored);
      await setAside(this.#keyPath, Date.now());
    }
    const key = randomBytes(32);
    await replaceFile(this.#keyPath, key);
    return (this.#key = key);
  }
}

function encrypt(plain: Buffer, key: Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(MAGIC);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([MAGIC, nonce, cipher.getAuthTag(), body]);
}

function decrypt(bytes: Buffer, key: Buffer): Buffer {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('not a plan file');
  const nonce = bytes.subarray(MAGIC.length, MAGIC.length + 12);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(MAGIC);
  decipher.setAuthTag(bytes.subarray(MAGIC.length + 12, MAGIC.length + 28));
  return Buffer.concat([decipher.update(bytes.subarray(MAGIC.length + 28)), decipher.final()]);
}

/** The schedules this agent cannot run; it never guesses a cron. */
export function stalledSchedules(plan: Plan): StalledSchedule[] {
  return plan.schedules.flatMap((schedule): StalledSchedule[] => {
    const zones = [schedule.timeZone, ...(schedule.blackout ?? []).map(({ timeZone }) => timeZone)].filter((zone) => zone !== undefined);
    const message = cronProblem(schedule.schedule) ?? zones.map(timeZoneProblem).find((problem) => problem !== undefined);
    return message === undefined ? [] : [{ schedule: schedule.name, message: message.slice(0, 1024) }];
  });
}
