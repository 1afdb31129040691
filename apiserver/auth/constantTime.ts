/** Comparing secrets without telling how much of them was right. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Constant time also in the length: digests are compared. */
export function equalText(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** SHA-256, hex: how random tokens are kept at rest. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
