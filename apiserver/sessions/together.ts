/** Log frames of one job that wait one behind the other are taken as one: one write for all their lines. Pure. */
import type { QueuedFrame, SpooledFrame } from './reports.js';

type Frame = SpooledFrame & { seq: number };

/** As many as one frame may hold. */
const MOST_LINES = 2_000;

/**
 * @param followers what waits behind `first`, in order
 * @param last the highest seq that may go with it
 * @returns `first`, or a frame with the lines of `count` frames
 */
export function withFollowing(first: Frame, followers: readonly QueuedFrame[], last: number): { whole: Frame; count: number } {
  if (first.type !== 'job.log') return { whole: first, count: 1 };
  const { job, runID, lines } = first.payload;
  const all = [...lines];
  let count = 1;
  for (const next of followers) {
    if (!('type' in next) || next.type !== 'job.log' || next.seq !== first.seq + count || next.seq > last) break;
    const { payload } = next;
    if (payload.job !== job || payload.runID !== runID || all.length + payload.lines.length > MOST_LINES) break;
    // A number that comes again or goes back is for its own frame to answer for.
    if (!rises([all.at(-1)?.seq ?? 0, ...payload.lines.map(({ seq }) => seq)])) break;
    all.push(...payload.lines);
    count += 1;
  }
  return count === 1 ? { whole: first, count } : { whole: { ...first, payload: { ...first.payload, lines: all } }, count };
}

function rises(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0));
}
