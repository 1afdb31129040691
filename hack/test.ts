/**
 * `npm test [-- path ...]`: everything that needs no cluster. Brings the tools, builds, verifies, runs the suites, and ends with one
 * line, `N passed, N failed, N skipped`, the last thing printed. With paths (files, folders, parts of a path), only those test files run.
 */
import { buildAll } from './build.js';
import { ensureChromium } from './testing/chromium.js';
import { findTests } from './testing/find.js';
import { createTally } from './testing/tally.js';
import { fetchTools } from './tools/fetch.js';
import { runVerify } from './verify/verify.js';

const args = process.argv.slice(2);
const mayInstall = Boolean(process.env.CI) || args.includes('--install');
const paths = args.filter((arg) => !arg.startsWith('--'));
const tally = createTally();
/** Suites that start programs and browsers run apart from the rest: what they leave behind must not colour the others. */
const isHeavy = (file: string): boolean => /^(test\/(integration|e2e)|hack\/quickstart)\//.test(file);

await tally.must('npm test', async () => {
  const files = await findTests(paths);
  if (files.length === 0) throw new Error(`no test file matches ${paths.join(' ') || '*.test.ts'}`);
  const ready = await tally.must('tools', () => fetchTools(['restic', 'restic-0.14', 'rest-server', 'versitygw', 'sshd', 'kubectl']));
  const browser = files.every((file) => !file.startsWith('test/e2e/')) || (await tally.must('Chromium', () => ensureChromium(mayInstall)));
  const built = await tally.must('build', () => buildAll());
  if (paths.length === 0 && (await tally.must('verify', runVerify))) tally.passed += 1;
  await tally.group('unit and contract suites', files.filter((file) => !isHeavy(file)));
  if (ready && browser && built) await tally.group('integration and e2e suites', files.filter(isHeavy));
});
tally.close();
