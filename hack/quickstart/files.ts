/** Files worth backing up, and the proof that two trees are the same byte for byte. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** A small tree with what usually goes wrong: empty files, spaces, other alphabets, binary data, a link. */
export async function writeSampleFiles(folder: string): Promise<void> {
  await mkdir(join(folder, 'letters/deep/er'), { recursive: true });
  await writeFile(join(folder, 'empty'), '');
  await writeFile(join(folder, 'a name with spaces.txt'), 'spaces\n');
  await writeFile(join(folder, 'größe-日本語.txt'), 'alphabets\n');
  await writeFile(join(folder, 'report[1].txt'), 'brackets\n');
  for (let index = 0; index < 50; index += 1) await writeFile(join(folder, 'letters', `${index}.txt`), `letter ${index}\n`.repeat(index + 1));
  await writeFile(join(folder, 'letters/deep/er/binary.dat'), Buffer.concat(Array.from({ length: 32_768 }, (_, index) => createHash('sha256').update(String(index)).digest())));
  await symlink('../empty', join(folder, 'letters/link'));
}

/** Path -> content hash (a link's target for links). */
async function fingerprints(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = new Map<string, string>();
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(relative(folder, path), createHash('sha256').update(await readFile(path)).digest('hex'));
    else found.set(relative(folder, path), entry.isSymbolicLink() ? 'link' : 'folder');
  }
  return found;
}

/** @returns how many entries both trees have. @throws Error naming the first difference */
export async function compareTrees(original: string, copy: string): Promise<number> {
  const [wanted, found] = [await fingerprints(original), await fingerprints(copy)];
  for (const [path, hash] of wanted) if (found.get(path) !== hash) throw new Error(`restored files differ: ${path} is ${found.has(path) ? 'not the same' : 'missing'}`);
  for (const path of found.keys()) if (!wanted.has(path)) throw new Error(`restored files differ: ${path} was never backed up`);
  return wanted.size;
}
