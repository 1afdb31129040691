/** The door of the room: makes the Identity that every listener shares. */
export type { EnrollmentGrant, Identity, LoginResult, RedeemRefusal, Session, SigningKey, User, UserRole } from './identity.js';
export type { Access, AccessQuestion, Verdict } from './types.js';
export { authorize, rulesOf } from './roles.js';
