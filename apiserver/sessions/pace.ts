/** Spreads writes after a restart, when every host comes back at once: the store must stay free for people and plans. */
import type { Clock } from '#controller/ports.js';

/** Runs the work in call order, at most so many starts a second. */
export type Pacer = <T>(work: () => Promise<T>) => Promise<T>;

export function createPacer(perSecond: number, clock: Clock): Pacer {
  const interval = 1000 / perSecond;
  let nextFree = 0;
  return (work) => {
    const now = clock.now();
    const slot = Math.max(now, nextFree);
    nextFree = slot + interval;
    if (slot - now < 1) return work();
    return new Promise((resolve, reject) => {
      clock.setTimer(slot - now, () => { work().then(resolve, reject); });
    });
  };
}
