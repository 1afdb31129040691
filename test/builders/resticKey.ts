/**
 * Makes a test repository quick to open: restic makes its key cost half a second of processor each time. The master key is
 * sealed again with a cheap one; nothing else of the repository changes.
 * @see restic design document, "Keys, Encryption and MAC"
 */
import { createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface KeyFile { N: number; r: number; p: number; salt: string; data: string }

/** @param repository its directory, with one key for this password */
export async function cheapenKey(repository: string, password: string): Promise<void> {
  const [name = ''] = await readdir(join(repository, 'keys'));
  const key = JSON.parse(await readFile(join(repository, 'keys', name), 'utf8')) as KeyFile;
  const sealed = Buffer.from(key.data, 'base64');
  const master = crypt(derive(password, key).encrypt, sealed.subarray(0, 16), sealed.subarray(16, -16));
  const cheap = { ...key, N: 2, r: 8, p: 1 };
  const own = derive(password, cheap);
  const nonce = randomBytes(16);
  const hidden = crypt(own.encrypt, nonce, master);
  const content = JSON.stringify({ ...cheap, data: Buffer.concat([nonce, hidden, poly1305(own, nonce, hidden)]).toString('base64') });
  await writeFile(join(repository, 'keys', createHash('sha256').update(content).digest('hex')), content, { mode: 0o600 });
  await rm(join(repository, 'keys', name));
}

function derive(password: string, { N, r, p, salt }: KeyFile): { encrypt: Buffer; k: Buffer; r: Buffer } {
  const bytes = scryptSync(password, Buffer.from(salt, 'base64'), 64, { N, r, p, maxmem: 2 ** 30 });
  return { encrypt: bytes.subarray(0, 32), k: bytes.subarray(32, 48), r: bytes.subarray(48, 64) };
}

function crypt(key: Buffer, nonce: Buffer, data: Buffer): Buffer {
  return createCipheriv('aes-256-ctr', key, nonce).update(data);
}

/** Poly1305-AES: the one-time pad is the nonce under AES. */
function poly1305({ k, r }: { k: Buffer; r: Buffer }, nonce: Buffer, data: Buffer): Buffer {
  const little = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const factor = little(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < data.length; at += 16) sum = ((sum + little(Buffer.concat([data.subarray(at, at + 16), Buffer.from([1])]))) * factor) % (2n ** 130n - 5n);
  const pad = little(createCipheriv('aes-128-ecb', k, null).setAutoPadding(false).update(nonce));
  return Buffer.from(((sum + pad) % 2n ** 128n).toString(16).padStart(32, '0'), 'hex').reverse();
}
