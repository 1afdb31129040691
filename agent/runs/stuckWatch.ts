/**
 * Notices a job that does nothing any more: no new output, no progress and no processor time to speak of. restic repeats its
 * status line four times a second even while it hangs on a dead mount, and uses 0.1 % of a core for it: repetition is no
 * life, and processor time counts from 1 % on. Only time the machine was awake counts.
 */
import type { Clock } from '../clock.js';
import type { Progress } from '../restic/backup.js';
import { cpuTimeOf } from '../platform/proc.js';

export const STUCK_AFTER_MS = 3_600_000;
const LOOKS = 60;
const ALIVE_SHARE = 0.01;

export interface StuckWatchOptions {
  clock: Clock;
  /** Default STUCK_AFTER_MS. */
  afterMs?: number;
  /** Processor time of these process groups, ms. Default: the kernel's count. */
  cpuTime?: (leaders: ReadonlySet<number>) => number;
  onStuck(): void;
}

type Sign = 'stdout' | 'stderr' | 'agent' | 'progress';

export class StuckWatch {
  readonly #options: Required<StuckWatchOptions>;
  readonly #leaders = new Set<number>();
  readonly #last: Record<Sign, string> = { stdout: '', stderr: '', agent: '', progress: '' };
  #alive = true;
  #cpu = 0;
  #silentLooks = 0;
  #cancelTimer: (() => void) | undefined;

  constructor({ clock, onStuck, afterMs = STUCK_AFTER_MS, cpuTime = cpuTimeOf }: StuckWatchOptions) {
    this.#options = { clock, onStuck, afterMs, cpuTime };
  }

  /** Watches until the returned function is called. Not while a hook runs: hooks have a limit of their own. */
  begin(): () => void {
    this.#leaders.clear();
    this.#alive = true;
    this.#silentLooks = 0;
    this.#arm();
    return () => { this.#cancelTimer?.(); };
  }

  child(pid: number): void {
    this.#leaders.add(pid);
    this.#alive = true;
  }

  line(stream: 'stdout' | 'stderr' | 'agent', line: string): void {
    this.#seen(stream, line.replaceAll(/\d+:\d\d(?::\d\d)?/g, '')); // a running clock is no progress
  }

  progress({ secondsElapsed, secondsRemaining, ...counts }: Progress): void {
    this.#seen('progress', JSON.stringify(counts));
  }

  #seen(kind: Sign, sign: string): void {
    if (this.#last[kind] === sign) return;
    this.#last[kind] = sign;
    this.#alive = true;
  }

  #arm(): void {
    const everyMs = this.#options.afterMs / LOOKS;
    this.#cancelTimer = this.#options.clock.setTimer(everyMs, () => {
      const cpu = this.#options.cpuTime(this.#leaders);
      const worked = cpu - this.#cpu >= everyMs * ALIVE_SHARE;
      this.#cpu = cpu;
      this.#silentLooks = this.#alive || worked ? 0 : this.#silentLooks + 1;
      this.#alive = false;
      if (this.#silentLooks >= LOOKS) this.#options.onStuck();
      else this.#arm();
    });
  }
}
