/** The agent's Ed25519 key: it proves an announcement and signs every hello. Stored raw, base64: 32 bytes seed, 32 bytes public. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';

export interface AgentKey {
  /** 32-byte seed, base64. */
  seed: string;
  /** Raw public key, base64. */
  publicKey: string;
}

export function newKey(): AgentKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  return { seed: toBase64(d), publicKey: toBase64(x) };
}

/** Signature, base64. */
export function signWith(key: AgentKey, data: Uint8Array): string {
  return sign(null, data, privateKeyOf(key)).toString('base64');
}

/** @param publicKey raw, base64. A key or signature of a wrong form verifies nothing. */
export function verifyWith(publicKey: string, data: Uint8Array, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey) }, format: 'jwk' });
    return verify(null, data, key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** `SHA256:` + unpadded base64 of the SHA-256 of the raw key, as ssh prints it. */
export function fingerprintOf(publicKey: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('base64').replace(/=+$/, '')}`;
}

function privateKeyOf({ seed, publicKey }: AgentKey): KeyObject {
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d: toBase64Url(seed), x: toBase64Url(publicKey) }, format: 'jwk' });
}

function toBase64(text: string): string {
  return Buffer.from(text, 'base64url').toString('base64');
}

function toBase64Url(text: string): string {
  return Buffer.from(text, 'base64').toString('base64url');
}
