/**
 * What is on the way (a proxy, a NAT) may end a connection that nobody speaks on for a while, and does not say after how long.
 * It is learned: two connections in a row that broke after the same silence are no chance. From then on the agent asks the
 * server often enough for nobody to take the connection for unused, instead of coming back anew each time.
 */
const LEAST_MS = 2_000;
/** Silences this much apart are the same: timers of proxies are coarse. */
const SAME_SHARE = 0.25;

export class KeepAlive {
  #silence: number | undefined;
  #everyMs: number | undefined;

  /** Ask this often, ms; undefined: the heartbeat will do. */
  get everyMs(): number | undefined {
    return this.#everyMs;
  }

  /** A connection broke, without a word, after so long a silence. @returns whether that taught something */
  broke(silenceMs: number): boolean {
    const before = this.#silence;
    this.#silence = silenceMs;
    if (silenceMs < LEAST_MS || before === undefined || Math.abs(silenceMs - before) > SAME_SHARE * before) return false;
    const everyMs = Math.max(LEAST_MS, Math.min(silenceMs, before) / 2);
    if (this.#everyMs !== undefined && this.#everyMs <= everyMs) return false;
    this.#everyMs = everyMs;
    return true;
  }
}
