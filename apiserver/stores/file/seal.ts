/**
 * Secrets at rest: AES-256-GCM under the server's key. The whole object is sealed, not `data` alone, because kubectl keeps
 * a copy of the data in the last-applied annotation. namespace/name is bound as additional data, so that a sealed text
 * moved to another name does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE = 12;
const TAG = 16;

export interface Sealer {
  seal(text: string, bound: string): string;
  /** @throws when the key is another one, the text was changed, or it was sealed for another name */
  open(sealed: string, bound: string): string;
  /** 32 bytes for another use, derived so that neither use tells about the other. */
  derive(use: string): Buffer;
}

/** @throws when the key is not 32 bytes */
export function createSealer(key: Buffer): Sealer {
  if (key.length !== 32) throw new Error(`the secret key has ${key.length} bytes, 32 are needed`);
  return {
    seal(text, bound) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64');
    },
    open(sealed, bound) {
      const bytes = Buffer.from(sealed, 'base64');
      if (bytes.length < NONCE + TAG) throw new Error('the sealed text is cut short');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG }).setAAD(Buffer.from(bound)).setAuthTag(bytes.subarray(-TAG));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]).toString('utf8');
    },
    derive: (use) => Buffer.from(hkdfSync('sha256', key, '', `restic-manager/${use}`, 32)),
  };
}
