/**
 * A lock in a repository as restic itself would write it, but of any host, process and time: sealed with the repository's key.
 * @see restic design "Keys, Encryption and MAC": AES-256-CTR, then Poly1305-AES over the ciphertext; internal/crypto of restic
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendHost } from './backendHost.js';

export interface ForgedLock { hostname: string; pid: number; /** Epoch ms. */ time: number; exclusive: boolean }

/** Writes it beside the repository's own locks. @returns its id */
export async function forgeLock(host: Pick<BackendHost, 'bare' | 'repository'> & { backend: Pick<BackendHost['backend'], 'files'> }, { hostname, pid, time, exclusive }: ForgedLock): Promise<string> {
  const key = JSON.parse(host.bare('cat', 'masterkey', '--no-lock')) as MasterKey;
  const sealed = seal(Buffer.from(JSON.stringify({ time: new Date(time).toISOString(), exclusive, hostname, username: 'root', pid, uid: 0, gid: 0 })), key);
  const id = createHash('sha256').update(sealed).digest('hex');
  const folder = join(host.backend.files(host.repository), 'locks');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, id), sealed);
  return id;
}

/** Base64. */
interface MasterKey { mac: { k: string; r: string }; encrypt: string }

function seal(plain: Buffer, { mac: { k, r }, encrypt }: MasterKey): Buffer {
  const nonce = randomBytes(16);
  const cipher = createCipheriv('aes-256-ctr', Buffer.from(encrypt, 'base64'), nonce);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  const block = createCipheriv('aes-128-ecb', Buffer.from(k, 'base64'), null).setAutoPadding(false);
  const pad = Buffer.concat([block.update(nonce), block.final()]);
  return Buffer.concat([nonce, text, poly1305(text, Buffer.from(r, 'base64'), pad)]);
}

/** RFC 8439, 2.5. */
function poly1305(message: Buffer, r: Buffer, s: Buffer): Buffer {
  const number = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const clamped = number(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) sum = ((sum + number(Buffer.concat([message.subarray(at, at + 16), Buffer.of(1)]))) * clamped) % ((1n << 130n) - 5n);
  const tag = (sum + number(s)) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}
