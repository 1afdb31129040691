/** Which test files there are: every `*.test.ts` of the rooms, those under the given paths, or those whose path contains a given word. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { inRoot, root } from '../lib/root.js';

const rooms = ['crds', 'controller', 'apiserver', 'agent', 'hack', 'ui/src', 'test'];

/** @param paths files, folders or parts of a path, empty for all. @returns paths relative to the checkout, sorted; suites that need a cluster are not among them */
export async function findTests(paths: readonly string[]): Promise<string[]> {
  const words = paths.filter((path) => !existsSync(resolve(root, path)));
  if (words.length > 0) {
    const named = paths.length > words.length ? await findTests(paths.filter((path) => !words.includes(path))) : [];
    return [...new Set([...named, ...(await findTests([])).filter((file) => words.some((word) => file.includes(word)))])].sort();
  }
  const starts = paths.length > 0 ? paths.map((path) => resolve(root, path)) : rooms.map((room) => inRoot(room));
  const found = new Set<string>();
  for (const start of starts.filter((path) => existsSync(path))) {
    const entries = (await stat(start)).isDirectory()
      ? (await readdir(start, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
      : [start];
    for (const path of entries) if (path.endsWith('.test.ts') && !/(^|\/)(node_modules|dist)\//.test(relative(root, path))) found.add(relative(root, path));
  }
  return [...found].filter((path) => paths.length > 0 || !/^test\/(cluster|bench|soak)\//.test(path)).sort();
}
