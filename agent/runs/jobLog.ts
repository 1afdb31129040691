/** The log of one job: lines are numbered, gathered for a moment, and put in the spool. Progress never comes here (J6). */
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { textOf, type LogStream } from '#crds/wire/logLines.js';
import { SpoolScarce, type Spool } from '../spool/spool.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';

/** A live reader waits this long for a line at most; a busy restic makes few frames. */
const GATHER_MS = 100;
/** With MAX_LINE this keeps a frame under 1 MiB even when every character is escaped. */
const BATCH_CHARACTERS = 64 * 1024;
const BATCH_LINES = 1_000;

export class JobLog {
  readonly #identity: JobIdentity;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Number of the first line in `#lines`. */
  #next = 1;
  #lines: string[] = [];
  #characters = 0;
  #cancelTimer: (() => void) | undefined;
  #pending: Promise<void> = Promise.resolve();
  /** Lines the disk did not take, as one range: told as soon as it takes something again. */
  #lost: { from: number; to: number } | undefined;

  constructor(identity: JobIdentity, spool: Spool, clock: Clock, log: Log) {
    this.#identity = identity;
    this.#spool = spool;
    this.#clock = clock;
    this.#log = log;
  }

  /** @param said one line, or several */
  add(stream: LogStream, said: string): void {
    const ts = timestamp(this.#clock.now());
    for (const payload of said.split('\n')) {
      this.#lines.push(textOf({ ts, stream, payload }));
      this.#characters += payload.length;
      if (this.#characters >= BATCH_CHARACTERS || this.#lines.length >= BATCH_LINES) this.#pass();
    }
    if (this.#lines.length > 0) this.#cancelTimer ??= this.#clock.setTimer(GATHER_MS, () => { this.#pass(); });
  }

  /** Resolves when every line so far is durable, or counted as lost. */
  async flush(): Promise<void> {
    this.#pass();
    await this.#pending;
  }

  #pass(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const lines = this.#lines;
    if (lines.length === 0) return;
    const firstSeq = this.#next;
    this.#next += lines.length;
    this.#lines = [];
    this.#characters = 0;
    // sent into the spool at once, so that frames of one job keep their order; only failures are looked at later
    const written = this.#append(firstSeq, lines);
    this.#pending = Promise.all([this.#pending, written]).then(() => undefined);
  }

  async #append(firstSeq: number, lines: string[]): Promise<void> {
    const { job, runID } = this.#identity;
    const last = firstSeq + lines.length - 1;
    let lost = this.#lost;
    this.#lost = undefined;
    try {
      if (this.#spool.scarce) throw new SpoolScarce('the disk is nearly full');
      if (lost) {
        await this.#spool.append({ type: 'spool.dropped', payload: { job, runID, ...lost, lines: lost.to - lost.from + 1 } });
        lost = undefined;
      }
      await this.#spool.append({ type: 'job.log', payload: { job, runID, firstSeq, lines } });
    } catch (error) {
      const since = this.#lost as { from: number; to: number } | undefined; // of a batch behind this one
      this.#lost = { from: Math.min(lost?.from ?? firstSeq, since?.from ?? firstSeq), to: Math.max(last, since?.to ?? 0) };
      this.#log.warn({ job, lines: lines.length, error: messageOf(error) }, 'log lines could not be written to the spool: they are counted');
    }
  }

  /** Told with the result: lines lost at the very end have no later frame to report them. */
  async settle(): Promise<void> {
    await this.flush();
    const lost = this.#lost;
    if (!lost) return;
    const { job, runID } = this.#identity;
    await this.#spool.append({ type: 'spool.dropped', payload: { job, runID, ...lost, lines: lost.to - lost.from + 1 } }).catch(() => undefined);
  }
}
