/** Local users, one typed Secret each. The Secret's name is derived from the lower-case user name, so that two spellings of a name are one user (E19). */
import { createHash } from 'node:crypto';
import type { User, UserRole } from './identity.js';
import type { Passwords } from './passwords.js';
import type { SecretBox, TypedSecret } from './secrets.js';

export interface StoredUser extends User {
  passwordHash: string;
  /** Sessions signed under another epoch are over. */
  sessionEpoch: number;
  disabled: boolean;
}

export interface Users {
  any(): Promise<boolean>;
  find(name: string): Promise<StoredUser | undefined>;
  /** @throws AlreadyExists */
  create(input: { username: string; password: string; role: UserRole }): Promise<StoredUser>;
}

const roles: readonly string[] = ['viewer', 'operator', 'admin'] satisfies UserRole[];

export function createUsers(secrets: SecretBox, passwords: Passwords): Users {
  return {
    async any() {
      return (await secrets.list('user')).length > 0;
    },
    async find(name) {
      const secret = await secrets.get(secretName(name));
      return secret && userOf(secret);
    },
    async create({ username, password, role }) {
      const hash = await passwords.hash(password);
      const secret = await secrets.create({ name: secretName(username), use: 'user', data: { username, role, passwordHash: hash, sessionEpoch: '1' } });
      return { id: secret.uid, name: username, role, passwordHash: hash, sessionEpoch: 1, disabled: false };
    },
  };
}

export function secretName(username: string): string {
  return `user-${createHash('sha256').update(username.toLowerCase()).digest('hex').slice(0, 32)}`;
}

/** Undefined for a Secret that does not hold what a user needs: it lets nobody in. */
function userOf({ uid, data }: TypedSecret): StoredUser | undefined {
  const { username, role, passwordHash, sessionEpoch, disabled } = data;
  if (username === undefined || role === undefined || !isRole(role)) return undefined;
  return { id: uid, name: username, role, passwordHash: passwordHash ?? '', sessionEpoch: Number(sessionEpoch ?? '0'), disabled: disabled === 'true' };
}

function isRole(text: string): text is UserRole {
  return roles.includes(text);
}
