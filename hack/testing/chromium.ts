/** The e2e suites drive a real Chromium. It is a system package: installed only in CI or when asked for, otherwise the fix is named. */
import { run } from '../lib/exec.js';
import { step } from '../lib/step.js';
import { chromiumPath, onPath } from '../tools/paths.js';

/** @returns the browser's path. @throws Error naming the fix */
export async function ensureChromium(mayInstall: boolean): Promise<string> {
  const present = chromiumPath();
  if (present) return present;
  const fix = 'Chromium is missing: install it (Debian: apt-get install chromium), name one in TEST_CHROMIUM, or run as root with --install';
  if (!mayInstall || !onPath('apt-get') || process.getuid?.() !== 0) throw new Error(fix);
  await step('install Chromium from the distribution (a few minutes)', async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-q'], { env, timeoutMs: 300_000, mayFail: true });
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], { env, timeoutMs: 15 * 60_000 });
  });
  const installed = chromiumPath();
  if (!installed) throw new Error(fix);
  return installed;
}
