/**
 * Regenerates everything that is derived: `npm run generate [outDir]`. Sources are the CustomResourceDefinitions
 * (crds/v1alpha1) and the wire and operator schemas; outputs are committed and compared by verify.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root } from '../lib/root.js';
import { generateAll } from './all.js';

const out = process.argv[2] ?? root;
const files = await generateAll(root);
for (const [path, text] of files) {
  const target = join(out, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
}
console.log(`generated ${files.size} files`);
