/**
 * Turns at the store: however many passes have much to write at once, only so many of their writes are in flight together.
 * Enough to share commits; few enough that others get in between, that applying a commit does not hold the process, and that
 * the watches behind the caches keep up instead of being told to list again.
 */

export interface Turns {
  /**
   * Does `work` for each, in order, as turns come; first come, first served among all who ask.
   * @throws the first error of `work`, once all that was begun has ended; what comes after it is not begun
   */
  forEach<T>(all: Iterable<T>, work: (one: T) => Promise<unknown>): Promise<void>;
}

/** @param count turns there are */
export function createTurns(count: number): Turns {
  let free = count;
  const waiting: (() => void)[] = [];

  async function enter(): Promise<void> {
    if (free > 0) free--;
    // Handed over by the one that leaves.
    else await new Promise<void>((resolve) => { waiting.push(resolve); });
  }

  function leave(): void {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }

  return {
    async forEach(all, work) {
      const begun = new Set<Promise<void>>();
      const failed: unknown[] = [];
      for (const one of all) {
        await enter();
        if (failed.length > 0) { leave(); break; }
        const run = (async () => { await work(one); })().catch((error: unknown) => { failed.push(error); }).finally(() => { begun.delete(run); leave(); });
        begun.add(run);
      }
      await Promise.all(begun);
      if (failed.length > 0) throw failed[0];
    },
  };
}
