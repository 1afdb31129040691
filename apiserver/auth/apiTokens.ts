/** API tokens: signed bearers backed by a Secret each; deleting the Secret is the revocation. Here: the one of system:admin. */
import { randomBytes } from 'node:crypto';
import type { Principal } from '#crds/objectStore.js';
import type { Identity } from './identity.js';
import type { SecretBox } from './secrets.js';
import type { Tokens } from './tokens.js';

const SYSTEM_ADMIN = 'system:admin';
const SYSTEM_ADMIN_TOKEN = 'system-admin';

export interface ApiTokens extends Pick<Identity, 'adminToken'> {
  byBearer(token: string): Promise<Principal | undefined>;
}

export function createApiTokens(secrets: SecretBox, tokens: Tokens): ApiTokens {
  const nameOf = (token: string): string => `api-token-${token}`;
  return {
    async adminToken() {
      // A deleted Secret comes back with another id: what was signed for the old one stays dead.
      const { data } = await secrets.getOrCreate(nameOf(SYSTEM_ADMIN_TOKEN), 'api-token', () => ({ id: randomBytes(16).toString('hex'), user: SYSTEM_ADMIN, role: 'admin' }));
      return tokens.sign('api', { sub: SYSTEM_ADMIN, token: SYSTEM_ADMIN_TOKEN, jti: data['id'] ?? '' });
    },
    async byBearer(token) {
      const claims = await tokens.verify('api', token);
      if (claims?.token !== SYSTEM_ADMIN_TOKEN || claims.sub !== SYSTEM_ADMIN) return undefined;
      const secret = await secrets.get(nameOf(claims.token));
      if (!secret || secret.data['id'] !== claims.jti || claims.jti === '') return undefined;
      return { name: SYSTEM_ADMIN, role: 'admin', groups: ['system:masters', 'system:authenticated'] };
    },
  };
}
