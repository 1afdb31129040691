/** Removes what is over: enrolment tokens (a day later, so that the log can say "expired") and revocations nobody asks for any more. */
import { REMEMBERED_MS } from './enrollmentTokens.js';
import { REVOCATION_LABEL } from './revocations.js';
import type { SecretBox, TypedSecret } from './secrets.js';

export async function sweepExpired(secrets: SecretBox, now: number): Promise<number> {
  const tokens = await secrets.list('enrollment-token');
  const revocations = await secrets.list('token', REVOCATION_LABEL);
  const over = [...tokens.filter((secret) => isOver(secret, now - REMEMBERED_MS)), ...revocations.filter((secret) => isOver(secret, now))];
  for (const secret of over) await secrets.remove(secret);
  return over.length;
}

/** What has no readable end is over as well: it opens nothing. */
function isOver(secret: TypedSecret, before: number): boolean {
  const expires = Date.parse(secret.data['expires'] ?? '');
  return Number.isNaN(expires) || expires < before;
}
