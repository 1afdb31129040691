/**
 * What this agent ran, on disk before it matters: a run is in here before its process starts and its result before the run
 * counts as over. From it a restarted agent knows which child to kill, which run to report, which due moments were attempted
 * and which run ids it must not run again. Results are kept 30 days, for a server that was restored from an older state.
 */
import type { JobFinished, JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { AppendFile, encodeFile, encodeLine, readLines } from '../appendFile.js';
import { keepAside, replaceFile } from '../files.js';
import { messageOf, type Log } from '../log.js';

export const RESULTS_KEPT_MS = 30 * 24 * 3_600_000;
const RESULTS_KEPT = 10_000;
const CHILDREN_KEPT = 200;
/** Room taken on the disk at a time: some hundred runs go on when it is full. */
const ROOM_BYTES = 256 * 1024;
/** Numbers that a lost end of the journal may have given. */
const LOST_NUMBERS = 1_000;

/** Moments that come round again because the clock was set back by less than this are not run again, as cron(8) does; after more they are new ones. */
export const SET_BACK_MS = 3 * 3_600_000;

/** A due moment of one schedule for one group that a run answers to. Times are epoch milliseconds. */
export interface Attempt { schedule: string; group: string; due: number }

/**
 * `owed`: its run was interrupted by a shutdown and counts as missed, once. `ahead`: the latest moment attempted before the
 * clock was set back behind it: not to be made up for when the clock is set right again.
 */
export interface AttemptState { due: number; owed: boolean; redone: boolean; ahead?: number }

export interface JournalledChild { pid: number; startTime?: string; time: number }

export interface OpenRun {
  identity: JobIdentity;
  startTime: string;
  attempts: Attempt[];
  children: JournalledChild[];
  /** Name of the repository it works in, when that is not the plan's. Its credentials are nowhere on disk. */
  repository?: string;
  /** Source group whose post hook is still to be run. The script itself is the plan's. */
  owedPost?: string;
}

type JournalRecord =
  | { t: 'state'; runNumber: number; attempts: Record<string, AttemptState>; children: JournalledChild[] }
  | { t: 'start'; identity: JobIdentity; startTime: string; attempts: Attempt[]; runNumber?: number; repository?: string }
  | { t: 'post'; runID: string; owed?: string }
  | { t: 'child'; runID: string; pid: number; startTime?: string; time: number }
  | { t: 'attempt'; runID: string; attempts: Attempt[] }
  | { t: 'countAs'; attempt: Attempt }
  | { t: 'end'; finished: JobFinished };

export class Journal {
  readonly #path: string;
  readonly #open = new Map<string, OpenRun>();
  readonly #ended = new Map<string, number>();
  readonly #attempts = new Map<string, AttemptState>();
  #children: JournalledChild[] = [];
  #runNumber = 0;
  #file!: AppendFile;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Reads and compacts. Damaged lines are said, kept aside and skipped. */
  static async open(path: string, log: Log, now: number): Promise<Journal> {
    const journal = new Journal(path);
    const { lines, end, torn, damaged } = await readLines(path);
    if (torn > 0) log.warn({ file: path, bytes: torn }, 'cut off the torn end of the job journal');
    const all: JobFinished[] = [];
    for (const line of lines) {
      const record = JSON.parse(line.text) as JournalRecord;
      journal.#take(record);
      if (record.t === 'end') all.push(record.finished);
    }
    // a clock that is ahead by years must not make it forget what it ran
    const newest = Math.max(...all.map(({ completionTime }) => Date.parse(completionTime)), -Infinity);
    const results = all.filter(({ completionTime }) => Date.parse(completionTime) > Math.min(now, newest) - RESULTS_KEPT_MS);
    if (damaged > 0 || torn > 0) journal.#runNumber += LOST_NUMBERS;
    try {
      if (damaged > 0) {
        const aside = await keepAside(path, now);
        log.error({ file: aside, lines: damaged }, 'the job journal was damaged: kept under this name; what could be read goes on');
      }
      await journal.#compact(results.slice(-RESULTS_KEPT));
    } catch (error) {
      log.error({ file: path, error: messageOf(error) }, 'the job journal could not be written anew: it goes on as it is');
      journal.#file = await AppendFile.open(path, end, ROOM_BYTES);
    }
    return journal;
  }

  /** Journalled and not finished: what a crash left. */
  get openRuns(): OpenRun[] {
    return [...this.#open.values()];
  }

  isKnown(runID: string): boolean {
    return this.#open.has(runID) || this.#ended.has(runID);
  }

  isFinished(runID: string): boolean {
    return this.#ended.has(runID);
  }

  attemptOf(schedule: string, group: string): AttemptState | undefined {
    return this.#attempts.get(`${schedule}/${group}`);
  }

  /** A number no run of this agent had before; durable with the start that uses it. */
  nextRunNumber(): number {
    return ++this.#runNumber;
  }

  /** Children of this agent, newest last: for the unlock rule. */
  get children(): readonly JournalledChild[] {
    return this.#children;
  }

  /** Resolves when durable: only then may the process start. */
  async start(identity: JobIdentity, startTime: string, attempts: Attempt[], repository?: string): Promise<void> {
    await this.#write({ t: 'start', identity, startTime, attempts, runNumber: this.#runNumber, ...(repository === undefined ? {} : { repository }) });
  }

  /** From before the pre hook of this group begins until its post hook is over (undefined), whoever runs it. */
  async owePost(runID: string, group: string | undefined): Promise<void> {
    await this.#write({ t: 'post', runID, ...(group === undefined ? {} : { owed: group }) });
  }

  async child(runID: string, child: JournalledChild): Promise<void> {
    await this.#write({ t: 'child', runID, ...child });
  }

  /** Due moments that a run answers which began before them. */
  async coalesced(runID: string, attempts: Attempt[]): Promise<void> {
    await this.#write({ t: 'attempt', runID, attempts });
  }

  /** The clock was set: what was attempted counts as attempted for `due` from now on. */
  async countAs(attempt: Attempt): Promise<void> {
    await this.#write({ t: 'countAs', attempt });
  }

  async finish(finished: JobFinished): Promise<void> {
    await this.#write({ t: 'end', finished });
  }

  /** Results since `since`, from disk: what a server restored from an older state asks for. */
  async results(since: number): Promise<JobFinished[]> {
    const { lines } = await readLines(this.#path);
    return lines.map((line) => JSON.parse(line.text) as JournalRecord)
      .flatMap((record) => (record.t === 'end' && Date.parse(record.finished.completionTime) >= since ? [record.finished] : []));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(record: JournalRecord): Promise<void> {
    this.#take(record);
    await this.#file.append(JSON.stringify(record)).durable;
  }

  #take(record: JournalRecord): void {
    switch (record.t) {
      case 'state':
        this.#runNumber = record.runNumber;
        for (const [key, state] of Object.entries(record.attempts)) this.#attempts.set(key, state);
        this.#children = record.children;
        return;
      case 'start':
        this.#runNumber = Math.max(this.#runNumber, record.runNumber ?? 0);
        this.#open.set(record.identity.runID, { identity: record.identity, startTime: record.startTime, attempts: [...record.attempts], children: [], ...(record.repository === undefined ? {} : { repository: record.repository }) });
        this.#attempted(record.attempts, Date.parse(record.startTime));
        return;
      case 'child': {
        const child: JournalledChild = { pid: record.pid, startTime: record.startTime, time: record.time };
        this.#open.get(record.runID)?.children.push(child);
        if (!this.#children.some(({ pid, time }) => pid === child.pid && time === child.time)) this.#children = [...this.#children.slice(1 - CHILDREN_KEPT), child];
        return;
      }
      case 'post': {
        const open = this.#open.get(record.runID);
        if (open) open.owedPost = record.owed;
        return;
      }
      case 'attempt':
        this.#open.get(record.runID)?.attempts.push(...record.attempts);
        this.#attempted(record.attempts);
        return;
      case 'countAs':
        this.#attempted([record.attempt]);
        return;
      case 'end': {
        const { identity, reason, completionTime } = record.finished;
        if (reason === 'Interrupted') for (const attempt of this.#open.get(identity.runID)?.attempts ?? []) this.#owe(attempt);
        this.#open.delete(identity.runID);
        this.#ended.set(identity.runID, Date.parse(completionTime));
        return;
      }
    }
  }

  /** @param at when the run began: it may have waited while the clock was set back behind its moments */
  #attempted(attempts: readonly Attempt[], at = Infinity): void {
    for (const { schedule, group, due: asked } of attempts) {
      const key = `${schedule}/${group}`;
      const before = this.#attempts.get(key);
      const due = asked > at + SET_BACK_MS ? at : asked;
      const latest = Math.max(asked, before?.due ?? asked, before?.ahead ?? asked);
      this.#attempts.set(key, { due, owed: false, redone: before?.due === due && (before.owed || before.redone), ...(latest > due ? { ahead: latest } : {}) });
    }
  }

  #owe({ schedule, group, due }: Attempt): void {
    const state = this.#attempts.get(`${schedule}/${group}`);
    if (state?.due === due && !state.redone) state.owed = true;
  }

  async #compact(results: readonly JobFinished[]): Promise<void> {
    const kept = new Set(results.map(({ identity }) => identity.runID));
    for (const runID of this.#ended.keys()) if (!kept.has(runID)) this.#ended.delete(runID);
    const records: JournalRecord[] = [
      ...results.map((finished): JournalRecord => ({ t: 'end', finished })),
      ...this.openRuns.flatMap(({ children, owedPost, ...run }): JournalRecord[] => [
        { t: 'start', ...run },
        ...children.map((child): JournalRecord => ({ t: 'child', runID: run.identity.runID, ...child })),
        ...(owedPost === undefined ? [] : [{ t: 'post', runID: run.identity.runID, owed: owedPost } as const]),
      ]),
      // last: what was attempted is what it says, not what the open runs above once meant
      { t: 'state', runNumber: this.#runNumber, attempts: Object.fromEntries(this.#attempts), children: this.#children },
    ];
    const texts = records.map((record) => JSON.stringify(record));
    await replaceFile(this.#path, encodeFile(texts, ROOM_BYTES));
    this.#file = await AppendFile.open(this.#path, texts.reduce((sum, text) => sum + encodeLine(text).length, 0), ROOM_BYTES);
  }
}
