/** Generated files are what their sources say, and there is none without a source. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateAll } from '../generate/all.js';
import { sourceFiles } from './imports.js';
import type { Checker } from './problem.js';

export const checkGenerated: Checker = async (root) => {
  const wanted = await generateAll(root);
  const problems: string[] = [];
  for (const [path, text] of wanted) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present === undefined) problems.push(`${path}: missing, run \`npm run generate\``);
    else if (present !== text) problems.push(`${path}: differs from its source, run \`npm run generate\``);
  }
  const files = (await Promise.all(['crds', 'controller', 'apiserver', 'agent', 'ui'].map((room) => sourceFiles(root, room)))).flat();
  for (const file of files) if (file.includes('.gen.') && !wanted.has(file)) problems.push(`${file}: generated from nothing, delete it`);
  return problems;
};
