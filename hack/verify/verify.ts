/** All checks of `npm run verify`. The slow ones are other processes, so two lanes keep two cores busy. It holds no tests. */
import { root } from '../lib/root.js';
import { checkBoundaries } from './boundaries.js';
import { checkBundles } from './bundled.js';
import { checkLint, checkPage, checkTypes } from './commands.js';
import { checkCommitted } from './committed.js';
import { checkAudit, checkDependencies } from './dependencies.js';
import { checkGenerated } from './generated.js';
import type { Checker } from './problem.js';

type Check = readonly [name: string, check: Checker];
const lanes: readonly (readonly Check[])[] = [
  [['types (tsc -b)', checkTypes], ['lint', checkLint]],
  [['boundaries', checkBoundaries], ['bundles', checkBundles], ['generated files', checkGenerated], ['dependencies', checkDependencies], ['npm audit', checkAudit], ['committed files', checkCommitted], ['types of the page (vue-tsc)', checkPage]],
];
const shown = 40;

async function runCheck([name, check]: Check): Promise<boolean> {
  const begin = Date.now();
  const problems = await check(root).catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  console.log(`  ${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  for (const problem of problems.slice(0, shown)) console.log(`       ${problem}`);
  if (problems.length > shown) console.log(`       ... and ${problems.length - shown} more lines`);
  return problems.length === 0;
}

/** @throws Error naming the checks that refused */
export async function runVerify(): Promise<void> {
  const begin = Date.now();
  console.log('> verify ...');
  const refused: string[] = [];
  await Promise.all(lanes.map(async (lane) => {
    for (const check of lane) if (!(await runCheck(check))) refused.push(check[0]);
  }));
  console.log(`  verify took ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  if (refused.length > 0) throw new Error(`refused by: ${refused.join(', ')}`);
}
