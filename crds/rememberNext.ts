/** A NextFire that remembers what it was told: stepping a cron through a time zone costs half a millisecond, and the same question comes at every look. */
import type { NextFire } from './schedule.js';

/** Between `from` and `due` the answer is `due`. */
interface Known { from: number; due: number | undefined }

/** Expressions remembered at most; then all are forgotten, which costs time only. */
const EXPRESSIONS = 4_096;
/** Spans per expression: what lies behind now and what lies ahead, for a jitter or two. */
const SPANS = 4;

/** The same answers, fewer of them worked out: the first due moment after `from` is also the first after every moment up to it. */
export function rememberNext(next: NextFire): NextFire {
  const known = new Map<string, Known[]>();
  return (cron, timeZone, after) => {
    const key = `${timeZone} ${cron}`;
    const spans = known.get(key) ?? [];
    const hit = spans.find(({ from, due }) => from <= after && (due === undefined || after < due));
    if (hit) return hit.due;
    const due = next(cron, timeZone, after);
    const same = spans.find((span) => span.due === due);
    if (same) same.from = Math.min(same.from, after);
    else {
      if (known.size >= EXPRESSIONS) known.clear();
      known.set(key, [{ from: after, due }, ...spans.slice(0, SPANS - 1)]);
    }
    return due;
  };
}
