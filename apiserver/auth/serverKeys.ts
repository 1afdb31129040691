/** The server's own keys, made once and kept as Secrets: Ed25519 for tokens and signed frames, 32 random bytes for plan revisions. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { SigningKey } from './identity.js';
import type { SecretBox } from './secrets.js';

export const SIGNING_KEY_SECRET = 'server-signing-key';
export const PLAN_KEY_SECRET = 'plan-key';

export interface ServerKeys {
  signingKey: SigningKey;
  publicKey: KeyObject;
  planKey: Uint8Array;
}

/** @throws Error naming the Secret when one of them is there but unusable: it is never replaced silently */
export async function loadServerKeys(secrets: SecretBox): Promise<ServerKeys> {
  const signing = await secrets.getOrCreate(SIGNING_KEY_SECRET, 'signing-key', () => ({ privateKey: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }));
  const plan = await secrets.getOrCreate(PLAN_KEY_SECRET, 'signing-key', () => ({ key: randomBytes(32).toString('base64') }));
  const planKey = Buffer.from(plan.data['key'] ?? '', 'base64');
  if (planKey.length !== 32) throw new Error(`Secret ${PLAN_KEY_SECRET}: key "key" does not hold 32 bytes of base64`);
  const privateKey = parsePrivateKey(signing.data['privateKey'] ?? '');
  const publicKey = createPublicKey(privateKey);
  const { x } = publicKey.export({ format: 'jwk' });
  return {
    planKey,
    publicKey,
    signingKey: { privateKey, publicKeyBase64: Buffer.from(x ?? '', 'base64url').toString('base64'), sign: (bytes) => sign(null, bytes, privateKey) },
  };
}

function parsePrivateKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch { /* Said below, without the key's text. */ }
  throw new Error(`Secret ${SIGNING_KEY_SECRET}: key "privateKey" does not hold an Ed25519 key in PEM`);
}
