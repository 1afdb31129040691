/** The one-time token that makes the first user. It lives in a Secret until used: deleting that Secret is the act that wins. */
import { randomBytes } from 'node:crypto';
import { equalText } from './constantTime.js';
import type { Identity, User } from './identity.js';
import type { SecretBox } from './secrets.js';
import type { Users } from './users.js';

export const BOOTSTRAP_SECRET = 'bootstrap-token';

export function createBootstrap(secrets: SecretBox, users: Users): Pick<Identity, 'bootstrapToken' | 'bootstrap'> {
  async function current(): Promise<string | undefined> {
    const existing = await secrets.get(BOOTSTRAP_SECRET);
    if (await users.any()) {
      if (existing) await secrets.remove(existing);
      return undefined;
    }
    const secret = existing ?? await secrets.getOrCreate(BOOTSTRAP_SECRET, 'token', () => ({ token: randomBytes(24).toString('base64url') }));
    return secret.data['token'];
  }

  return {
    bootstrapToken: current,
    async bootstrap({ token, username, password }) {
      if (await users.any()) return { outcome: 'closed' };
      const secret = await secrets.get(BOOTSTRAP_SECRET);
      if (!secret || !equalText(secret.data['token'] ?? '', token)) return { outcome: 'refused' };
      if (!await secrets.remove(secret)) return { outcome: 'closed' };
      try {
        const { id, name, role }: User = await users.create({ username, password, role: 'admin' });
        return { outcome: 'ok', user: { id, name, role } };
      } catch (error) {
        // The user could not be stored: the printed token must go on working.
        await secrets.create({ name: BOOTSTRAP_SECRET, use: 'token', data: secret.data });
        throw error;
      }
    },
  };
}
