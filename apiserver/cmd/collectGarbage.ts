/**
 * Full collections, asked for when a server has looked at its whole fleet for the first time, and later when it is idle after
 * much work, as when every agent came back at once: such work leaves about as much garbage as it keeps, and V8 collects by what
 * is allocated, so an idle process would hold on to it for hours.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_MS = 15_000;
/** Share of the time since the last look that was spent working. */
const IDLE = 0.05;
/** Garbage worth a pause: half of what is kept, and this much. */
const WORTH_BYTES = 16 * 1024 * 1024;

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') return;
  // The second moves together what the first left scattered; only then pages go back.
  for (let time = 0; time < 2; time++) (collect as () => void)();
}

/** Collects now, and from then on when idle. @returns ends it */
export function collectWhenIdle(): () => void {
  collectGarbage();
  let kept = getHeapStatistics().used_heap_size;
  let last = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    if (utilization > IDLE || getHeapStatistics().used_heap_size < kept * 1.5 + WORTH_BYTES) return;
    collectGarbage();
    kept = getHeapStatistics().used_heap_size;
  }, LOOK_MS);
  timer.unref();
  return () => { clearInterval(timer); };
}
