/** One-shot enrolment tokens: kept as hashes, redeemed by deleting with a uid precondition, so that of many exactly one wins. */
import { randomBytes } from 'node:crypto';
import type { Role } from '#crds/objectStore.js';
import { equalText, hashOf } from './constantTime.js';
import type { EnrollmentGrant, Identity, RedeemRefusal } from './identity.js';
import type { Revocations } from './revocations.js';
import type { SecretBox, TypedSecret } from './secrets.js';

const LIFETIME_MS = 3_600_000;
/** How long after its end a token is still known by name, so that the log can say why it was refused. */
export const REMEMBERED_MS = 24 * 3_600_000;

type EnrollmentTokens = Pick<Identity, 'mintEnrollmentToken' | 'peekEnrollmentToken' | 'redeemEnrollmentToken'>;

export function createEnrollmentTokens(secrets: SecretBox, revocations: Revocations, now: () => number): EnrollmentTokens {
  const nameOf = (hash: string): string => `enrollment-token-${hash.slice(0, 32)}`;

  async function find(token: string): Promise<TypedSecret | RedeemRefusal> {
    const hash = hashOf(token);
    const secret = await secrets.get(nameOf(hash));
    if (!secret || !equalText(secret.data['hash'] ?? '', hash)) return await revocations.isRevoked(`enroll:${hash}`) ? 'used' : 'unknown';
    return Date.parse(secret.data['expires'] ?? '') > now() ? secret : 'expired';
  }

  return {
    async mintEnrollmentToken(grant) {
      const token = `rme_${randomBytes(32).toString('base64url')}`;
      const hash = hashOf(token);
      const expiresAt = new Date(now() + LIFETIME_MS).toISOString();
      await secrets.create({ name: nameOf(hash), use: 'enrollment-token', data: { hash, expires: expiresAt, grant: JSON.stringify(grant) } });
      return { token, expiresAt };
    },
    async peekEnrollmentToken(token) {
      const found = await find(token);
      return typeof found === 'string' ? found : grantOf(found);
    },
    async redeemEnrollmentToken(token) {
      const found = await find(token);
      if (typeof found === 'string') return found;
      const grant = grantOf(found);
      if (typeof grant === 'string') return grant;
      if (!await secrets.remove(found)) return 'used';
      await revocations.revoke(`enroll:${hashOf(token)}`, now() + REMEMBERED_MS);
      return grant;
    },
  };
}

const roles: readonly string[] = ['viewer', 'operator', 'admin'] satisfies Role[];

/** What we wrote ourselves, read with care all the same: the Secret can be edited by an admin. */
function grantOf({ data }: TypedSecret): EnrollmentGrant | RedeemRefusal {
  try {
    const grant = JSON.parse(data['grant'] ?? '') as EnrollmentGrant;
    return typeof grant.hostname === 'string' && Array.isArray(grant.tags) && Array.isArray(grant.initialPaths) && roles.includes(grant.mintedBy.role) ? grant : 'unknown';
  } catch {
    return 'unknown';
  }
}
