/** Generated files and drawn lifecycles are what their sources say, and there is none without a source. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateAll } from '../generate/all.js';
import { machinesDocument } from '../generate/machines.js';
import { sourceFiles } from './imports.js';
import type { Checker } from './problem.js';

const remedy = (path: string): string => (path === 'docs/machines.md' ? 'npm run docs:machines' : 'npm run generate');

export const checkGenerated: Checker = async (root) => {
  const wanted = await generateAll(root);
  if (existsSync(join(root, 'controller/kinds'))) wanted.set('docs/machines.md', await machinesDocument(root));
  const problems: string[] = [];
  for (const [path, text] of wanted) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present === undefined) problems.push(`${path}: missing, run \`${remedy(path)}\``);
    else if (present !== text) problems.push(`${path}: differs from its source, run \`${remedy(path)}\``);
  }
  const files = (await Promise.all(['crds', 'controller', 'apiserver', 'agent', 'ui'].map((room) => sourceFiles(root, room)))).flat();
  for (const file of files) if (file.includes('.gen.') && !wanted.has(file)) problems.push(`${file}: generated from nothing, delete it`);
  return problems;
};
