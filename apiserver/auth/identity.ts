/**
 * What the rest of the server asks of identity: who is it, may they, and the few secrets of the server itself.
 * Everything behind it is a typed Secret in the object store: one home, one backup, usable by every replica.
 */
import type { KeyObject } from 'node:crypto';
import type { ObjectKey } from '#crds/meta.js';
import type { Principal, Role } from '#crds/objectStore.js';
import type { Access } from './types.js';

export type UserRole = Exclude<Role, 'system'>;

export interface User {
  /** uid of the user's Secret. */
  id: string;
  /** As typed at creation; compared without case. */
  name: string;
  role: UserRole;
}

/** A session just begun: what Set-Cookie needs. */
export interface Session {
  user: User;
  cookie: string;
  /** Marks this browser as one the user has logged in from: it is not held back by others' failed attempts. */
  deviceCookie: string;
  maxAgeSeconds: number;
}

export type LoginResult =
  | { outcome: 'ok'; session: Session }
  /** Unknown user and wrong password look and take the same. */
  | { outcome: 'refused' }
  | { outcome: 'limited'; retryAfterSeconds: number };

/** What a token was minted with and hands to the agent that redeems it. */
export interface EnrollmentGrant {
  hostname: string;
  tags: string[];
  repository?: { url: string; username?: string; password?: string };
  initialPaths: string[];
  /** Who minted it: objects are made with their rights. */
  mintedBy: Principal;
  /** Set when the token was minted for a Host that existed: that Host gets a new bearer and the old one dies. */
  replacesHostUid?: string;
}

export type RedeemRefusal = 'unknown' | 'used' | 'expired';

export interface Identity extends Access {
  /** True from the first user on, for ever. */
  hasUsers(): Promise<boolean>;
  /** The one-time token that makes the first user; undefined once a user exists. Printed at each start, never logged elsewhere. */
  bootstrapToken(): Promise<string | undefined>;
  /** Makes the first user, an admin. @returns 'closed' once any user exists, 'refused' for a wrong token */
  bootstrap(input: { token: string; username: string; password: string }): Promise<{ outcome: 'ok'; user: User } | { outcome: 'closed' | 'refused' }>;
  createUser(input: { username: string; password: string; role: UserRole }, by: Principal): Promise<User>;
  login(input: { username: string; password: string; sourceIP: string; deviceCookie?: string }): Promise<LoginResult>;
  /** Ends the session of this cookie at once; an invalid cookie is no error. */
  logout(cookie: string | undefined): Promise<void>;

  /** Mints a one-shot enrolment token (1 h). The raw token is in the return value and nowhere else. */
  mintEnrollmentToken(grant: EnrollmentGrant): Promise<{ token: string; expiresAt: string }>;
  /** Looks without redeeming, so that a refusal for another reason does not burn the token. */
  peekEnrollmentToken(token: string): Promise<EnrollmentGrant | RedeemRefusal>;
  /** Of several who redeem the same token at once exactly one gets the grant. */
  redeemEnrollmentToken(token: string): Promise<EnrollmentGrant | RedeemRefusal>;

  /** Whose agent bearer is this? The token itself or the whole `Bearer ...` header. Undefined: unknown or revoked. The Host itself may be gone: compare its uid, so that its agent can be told so in a signed way. */
  agentByBearer(bearer: string | undefined): Promise<AgentIdentity | undefined>;
  /** A new bearer for a Host (its Secret is owned by the Host); earlier ones of the same Host stop working. */
  issueBearer(host: { metadata: { name: string; uid: string } }): Promise<string>;

  /** The server's Ed25519 key: agents pin its public half; it signs `revoked`. */
  signingKey: SigningKey;
  /** Key of plan revisions and credential hashes: 32 random bytes that never leave the server. */
  planKey: Uint8Array;
  /** A token of the built-in system:admin for admin.kubeconfig: no expiry, dead once its Secret is deleted. */
  adminToken(): Promise<string>;
  /** Removes expired tokens and revocations. @returns how many went */
  sweep(): Promise<number>;
  close(): Promise<void>;
}

/** The uid is the Host's: a re-created Host of the same name is another host. */
export interface AgentIdentity {
  host: ObjectKey;
  hostUid: string;
}

export interface SigningKey {
  privateKey: KeyObject;
  /** Ed25519 signature, 64 bytes. */
  sign(bytes: Uint8Array): Buffer;
  /** The raw 32-byte public key, base64. */
  publicKeyBase64: string;
}
