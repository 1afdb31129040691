/** Signed tokens (JWT, EdDSA): what a session cookie, a known device and an API token are made of. Three audiences, never interchangeable. */
import { randomBytes, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT, type JWTPayload } from 'jose';

export type Audience = 'session' | 'device' | 'api';

export interface TokenClaims {
  /** User name. */
  sub: string;
  jti: string;
  /** uid of the user's Secret (session, device). */
  uid?: string;
  /** The user's sessionEpoch when it was signed (session). */
  epoch?: number;
  /** Name of the API token (api). */
  token?: string;
  /** Seconds since the epoch; absent: does not expire. */
  exp?: number;
}

export interface Tokens {
  sign(audience: Audience, claims: Omit<TokenClaims, 'jti' | 'exp'> & { jti?: string; lifetimeSeconds?: number }): Promise<string>;
  /** Undefined for anything that is not a token of ours for this audience, or is over. */
  verify(audience: Audience, token: string): Promise<TokenClaims | undefined>;
}

const ISSUER = 'restic-manager';
/** Signatures once checked: a client repeats its token with each request. Expiry and revocation are looked at every time. */
const REMEMBERED = 4_096;

export function createTokens({ privateKey, publicKey, now }: { privateKey: KeyObject; publicKey: KeyObject; now: () => number }): Tokens {
  const remembered: Record<Audience, Map<string, TokenClaims>> = { session: new Map(), device: new Map(), api: new Map() };

  return {
    async sign(audience, { lifetimeSeconds, jti = randomBytes(16).toString('hex'), ...claims }) {
      const issued = Math.floor(now() / 1000);
      const jwt = new SignJWT({ ...claims }).setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' }).setIssuer(ISSUER).setAudience(audience).setJti(jti).setIssuedAt(issued);
      if (lifetimeSeconds !== undefined) jwt.setExpirationTime(issued + lifetimeSeconds);
      return jwt.sign(privateKey);
    },
    async verify(audience, token) {
      if (token.length > 4096) return undefined;
      const known = remembered[audience];
      let claims = known.get(token);
      if (claims === undefined) {
        try {
          const { payload } = await jwtVerify(token, publicKey, { issuer: ISSUER, audience, algorithms: ['EdDSA'], currentDate: new Date(now()) });
          claims = claimsOf(payload);
        } catch {
          return undefined;
        }
        if (claims === undefined) return undefined;
        if (known.size >= REMEMBERED) known.clear();
        known.set(token, claims);
      }
      return claims.exp !== undefined && claims.exp * 1000 <= now() ? undefined : claims;
    },
  };
}

function claimsOf({ sub, jti, exp, uid, epoch, token }: JWTPayload): TokenClaims | undefined {
  if (typeof sub !== 'string' || typeof jti !== 'string') return undefined;
  return {
    sub, jti,
    ...(typeof uid === 'string' ? { uid } : {}), ...(typeof epoch === 'number' ? { epoch } : {}),
    ...(typeof token === 'string' ? { token } : {}), ...(typeof exp === 'number' ? { exp } : {}),
  };
}
