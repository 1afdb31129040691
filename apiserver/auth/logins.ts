/** Sessions of people: login with limits, signed cookies, logout. A session ends with its time, its revocation or a new sessionEpoch of its user. */
import type { Principal } from '#crds/objectStore.js';
import { createAttempts } from './attempts.js';
import type { Identity, User } from './identity.js';
import { PasswordsBusy, type Passwords } from './passwords.js';
import type { Revocations } from './revocations.js';
import type { Tokens } from './tokens.js';
import type { Users } from './users.js';

export const SESSION_SECONDS = 24 * 3600;
const DEVICE_SECONDS = 180 * 24 * 3600;
const FAILURES_PER_USER = 10;
const FAILURES_PER_IP = 40;
const WINDOW_MS = 15 * 60_000;

export interface Logins extends Pick<Identity, 'login' | 'logout'> {
  /** The user of a session cookie, looked up anew. */
  bySession(cookie: string): Promise<Principal | undefined>;
}

export function createLogins({ users, passwords, tokens, revocations, now }: { users: Users; passwords: Passwords; tokens: Tokens; revocations: Revocations; now: () => number }): Logins {
  const perUser = createAttempts({ max: FAILURES_PER_USER, windowMs: WINDOW_MS, now });
  const perIp = createAttempts({ max: FAILURES_PER_IP, windowMs: WINDOW_MS, now });

  /** A browser this user logged in from before is limited on its own, so that others' failures cannot lock the user out. */
  async function userKey(name: string, deviceCookie: string | undefined): Promise<string> {
    const device = deviceCookie === undefined ? undefined : await tokens.verify('device', deviceCookie);
    return device && device.sub.toLowerCase() === name ? `device:${device.jti}` : `user:${name}`;
  }

  return {
    async login({ username, password, sourceIP, deviceCookie }) {
      const name = username.toLowerCase();
      const key = await userKey(name, deviceCookie);
      // Taken before the check and given back on success: attempts in parallel count too.
      const wait = perIp.take(sourceIP);
      if (wait !== undefined) return { outcome: 'limited', retryAfterSeconds: wait };
      const waitUser = perUser.take(key);
      if (waitUser !== undefined) {
        perIp.refund(sourceIP);
        return { outcome: 'limited', retryAfterSeconds: waitUser };
      }
      const user = await users.find(name);
      let right: boolean;
      try {
        right = await passwords.matches(password, user?.passwordHash);
      } catch (error) {
        perIp.refund(sourceIP);
        perUser.refund(key);
        if (error instanceof PasswordsBusy) return { outcome: 'limited', retryAfterSeconds: 5 };
        throw error;
      }
      if (!right || !user || user.disabled) return { outcome: 'refused' };
      perIp.refund(sourceIP);
      perUser.refund(key);
      const cookie = await tokens.sign('session', { sub: user.name, uid: user.id, epoch: user.sessionEpoch, lifetimeSeconds: SESSION_SECONDS });
      const device = await tokens.sign('device', { sub: user.name, uid: user.id, lifetimeSeconds: DEVICE_SECONDS });
      const shown: User = { id: user.id, name: user.name, role: user.role };
      return { outcome: 'ok', session: { user: shown, cookie, deviceCookie: device, maxAgeSeconds: SESSION_SECONDS } };
    },
    async logout(cookie) {
      const claims = cookie === undefined ? undefined : await tokens.verify('session', cookie);
      if (claims) await revocations.revoke(`session:${claims.jti}`, (claims.exp ?? 0) * 1000);
    },
    async bySession(cookie) {
      const claims = await tokens.verify('session', cookie);
      if (!claims) return undefined;
      const user = await users.find(claims.sub);
      if (!user || user.disabled || user.id !== claims.uid || user.sessionEpoch !== claims.epoch) return undefined;
      if (await revocations.isRevoked(`session:${claims.jti}`)) return undefined;
      return principalOf(user);
    },
  };
}

export function principalOf({ id, name, role }: User): Principal {
  return { name, uid: id, role, groups: ['system:authenticated', `restic-manager:${role}`] };
}
