/** The key that encrypts Secrets at rest: 32 random bytes, base64, made on the first start of a data directory and never again. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeAtomic } from './atomicFile.js';

/**
 * @param storeDir once it exists the key must exist too: a new key would open nothing
 * @throws Error naming the file
 */
export async function loadSecretKey(file: string, storeDir: string): Promise<Buffer> {
  if (!existsSync(file)) {
    if (existsSync(storeDir)) throw new Error(`RM_SECRET_KEY_FILE: ${file} is missing, but ${storeDir} holds Secrets encrypted with it; put the key file back`);
    await writeAtomic(file, `${randomBytes(32).toString('base64')}\n`);
  }
  const text = (await readFile(file, 'utf8')).trim();
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== 32) throw new Error(`RM_SECRET_KEY_FILE: ${file} does not hold 32 bytes in base64 or hex`);
  return key;
}
