/** The door of the room: makes the Identity that every listener shares. */
import type { Clock, Log } from '#controller/ports.js';
import type { ObjectStore } from '#crds/objectStore.js';
import { createApiTokens } from './apiTokens.js';
import { createBearers } from './bearers.js';
import { createBootstrap } from './bootstrap.js';
import { cookieOf, SESSION_COOKIE } from './cookies.js';
import { createEnrollmentTokens } from './enrollmentTokens.js';
import type { Identity } from './identity.js';
import { createLogins } from './logins.js';
import { createPasswords } from './passwords.js';
import { createRevocations } from './revocations.js';
import { authorize } from './roles.js';
import { createSecretBox } from './secrets.js';
import { loadServerKeys } from './serverKeys.js';
import { sweepExpired } from './sweep.js';
import { createTokens } from './tokens.js';
import { createUsers } from './users.js';

export type { AgentIdentity, EnrollmentGrant, Identity, LoginResult, RedeemRefusal, Session, SigningKey, User, UserRole } from './identity.js';
export type { Access, AccessQuestion, Verdict } from './types.js';
export { authorize, rulesOf } from './roles.js';

export interface IdentityOptions {
  store: ObjectStore;
  namespace: string;
  clock: Clock;
  log: Log;
}

const SWEEP_MS = 10 * 60_000;

/** Loads or makes the server's keys, then answers. @throws Error when a key's Secret is there but unusable */
export async function createIdentity({ store, namespace, clock, log }: IdentityOptions): Promise<Identity> {
  const now = (): number => clock.now();
  const secrets = createSecretBox(store, namespace);
  const keys = await loadServerKeys(secrets);
  const passwords = createPasswords();
  const users = createUsers(secrets, passwords);
  const tokens = createTokens({ privateKey: keys.signingKey.privateKey, publicKey: keys.publicKey, now });
  const revocations = createRevocations(secrets);
  const logins = createLogins({ users, passwords, tokens, revocations, now });
  const apiTokens = createApiTokens(secrets, tokens);

  const sweep = async (): Promise<number> => sweepExpired(secrets, now());
  let cancelSweep = schedule();
  function schedule(): () => void {
    return clock.setTimer(SWEEP_MS, () => {
      sweep().catch((error: unknown) => { log.warn({ error: String(error) }, 'expired tokens could not be removed'); });
      cancelSweep = schedule();
    });
  }

  return {
    ...createBootstrap(secrets, users),
    ...createEnrollmentTokens(secrets, revocations, now),
    ...createBearers(secrets, namespace),
    login: (input) => logins.login(input),
    logout: (cookie) => logins.logout(cookie),
    adminToken: () => apiTokens.adminToken(),
    signingKey: keys.signingKey,
    planKey: keys.planKey,
    hasUsers: () => users.any(),
    async createUser(input, by) {
      const { id, name, role } = await users.create(input);
      log.info({ user: name, role, by: by.name }, 'user created');
      return { id, name, role };
    },
    async authenticate(request) {
      const { authorization } = request.headers;
      // A bearer that does not hold is not made good by a cookie.
      if (authorization !== undefined) return /^Bearer +\S+$/i.test(authorization) ? apiTokens.byBearer(authorization.replace(/^Bearer +/i, '')) : undefined;
      const cookie = cookieOf(request, SESSION_COOKIE);
      return cookie === undefined ? undefined : logins.bySession(cookie);
    },
    authorize,
    sweep,
    async close() {
      cancelSweep();
      await passwords.close();
    },
  };
}
