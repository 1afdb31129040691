/**
 * `npm test [-- path ...]`: everything that needs no cluster. Brings the tools, builds, verifies, runs the suites, and ends with one
 * line, `N passed, N failed, N skipped`, the last thing printed. With paths, only those test files run (folders are searched).
 */
import { buildAll } from './build.js';
import { messageOf, step } from './lib/step.js';
import { ensureChromium } from './testing/chromium.js';
import { findTests } from './testing/find.js';
import { runMocha } from './testing/mocha.js';
import { fetchTools } from './tools/fetch.js';
import { runVerify } from './verify/verify.js';

const args = process.argv.slice(2);
const mayInstall = Boolean(process.env.CI) || args.includes('--install');
const paths = args.filter((arg) => !arg.startsWith('--'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** Suites that start programs and browsers run apart from the rest: what they leave behind must not colour the others. */
const isHeavy = (file: string): boolean => /^test\/(integration|e2e)\//.test(file);

/** One thing outside mocha that must hold: its failure is counted, and what can still run goes on. */
async function must(what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    console.error(`FAILED: ${what}: ${messageOf(error)}`);
    total.failed += 1;
    return false;
  }
}

async function runGroup(name: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const counts = await step(`${name}: ${files.length} files`, () => runMocha(name, files));
  for (const complaint of counts.complaints) console.error(`FAILED: ${complaint}`);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

await must('npm test', async () => {
  const files = await findTests(paths);
  if (files.length === 0) throw new Error(`no test file matches ${paths.join(' ') || '*.test.ts'}`);
  const ready = await must('tools', () => fetchTools(['restic', 'restic-0.14', 'rest-server', 'kubectl']));
  const browser = files.every((file) => !file.startsWith('test/e2e/')) || (await must('Chromium', () => ensureChromium(mayInstall)));
  const built = await must('build', () => buildAll());
  if (paths.length === 0 && (await must('verify', runVerify))) total.passed += 1;
  await runGroup('unit and contract suites', files.filter((file) => !isHeavy(file)));
  if (ready && browser && built) await runGroup('integration and e2e suites', files.filter(isHeavy));
});
if (total.passed === 0 && total.failed === 0) { console.error('FAILED: no test ran'); total.failed += 1; }
const line = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`;
process.stdout.write(line, () => { process.exit(total.failed > 0 ? 1 : 0); });
