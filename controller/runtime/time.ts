/** Times as objects carry them. */
import type { Timestamp } from '#crds/meta.js';

/** RFC 3339 UTC, whole seconds, as Kubernetes writes times. */
export function timestamp(ms: number): Timestamp {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Epoch ms, or undefined for an absent or unreadable time. */
export function parseTime(text: string | null | undefined): number | undefined {
  if (!text) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The earliest of the moments that are still ahead, as a Result; nothing ahead, nothing to do. */
export function requeueAt(now: number, ...moments: readonly (number | undefined)[]): { requeueAfter?: number } {
  const ahead = moments.filter((moment): moment is number => moment !== undefined && moment > now);
  return ahead.length === 0 ? {} : { requeueAfter: Math.min(...ahead) - now };
}
