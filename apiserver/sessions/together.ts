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
  const { job, runID, firstSeq, lines } = first.payload;
  const all = [...lines];
  let count = 1;
  for (const next of followers) {
    if (!('type' in next) || next.type !== 'job.log' || next.seq !== first.seq + count || next.seq > last) break;
    const { payload } = next;
    // Lines that come again, and those after a gap, are neighbours of their own.
    if (payload.job !== job || payload.runID !== runID || payload.firstSeq !== firstSeq + all.length || all.length + payload.lines.length > MOST_LINES) break;
    all.push(...payload.lines);
    count += 1;
  }
  return count === 1 ? { whole: first, count } : { whole: { ...first, payload: { ...first.payload, lines: all } }, count };
}
