/**
 * Builds what runs: the two programs as self-contained bundles straight from their sources, and the page. Types are verify's
 * business, so a build is quick. Skipped when the sources are those of the last build (by content, not by time).
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type BuildFailure } from 'esbuild';
import { bundleOptions, bundles } from './bundles.js';
import { run } from './lib/exec.js';
import { inRoot } from './lib/root.js';
import { messageOf, step } from './lib/step.js';

const stampFile = inRoot('dist/build.json');
const rooms = ['crds', 'controller', 'apiserver', 'agent'];
interface Stamp { programs?: string; page?: string }

/** A content hash over the folders' source files (tests left out) and the files that steer the build. */
async function hashOf(folders: readonly string[], extra: string): Promise<string> {
  const hash = createHash('sha256').update(extra);
  const steering = ['package-lock.json', 'package.json', 'tsconfig.base.json', 'hack/bundles.ts', 'hack/build.ts'];
  const found = await Promise.all(folders.map(async (folder) => {
    const entries = existsSync(inRoot(folder)) ? await readdir(inRoot(folder), { recursive: true, withFileTypes: true }) : [];
    return entries.filter((entry) => entry.isFile() && !entry.name.includes('.test.')).map((entry) => join(entry.parentPath, entry.name));
  }));
  for (const path of [...steering.map((name) => inRoot(name)), ...found.flat().sort()]) {
    if (existsSync(path)) hash.update(path.slice(inRoot().length)).update('\0').update(await readFile(path)).update('\0');
  }
  return hash.digest('hex');
}

/** BUILD_VERSION and the commit of the checkout; the same stamp goes into every program. */
async function versionStamp(): Promise<{ version: string; commit: string }> {
  const version = process.env.BUILD_VERSION ?? '0.0.0-dev';
  const git = await run('git', ['rev-parse', '--short=12', 'HEAD'], { mayFail: true });
  return { version, commit: git.code === 0 ? git.stdout.trim() : 'unknown' };
}

async function buildPrograms(stamp: { version: string; commit: string }): Promise<void> {
  for (const bundle of bundles()) {
    try {
      await build(bundleOptions(bundle, stamp));
    } catch (error) {
      const errors = (error as BuildFailure).errors ?? [];
      const places = errors.slice(0, 10).map((entry) => `${entry.location?.file ?? bundle.entry}:${entry.location?.line ?? 0}: ${entry.text}`);
      throw new Error(`bundle of the ${bundle.name}: ${places.length > 0 ? `\n  ${places.join('\n  ')}` : messageOf(error)}`);
    }
  }
}

async function buildPage(): Promise<void> {
  if (!existsSync(inRoot('ui/vite.config.ts'))) return;
  await run(process.execPath, [inRoot('node_modules/vite/bin/vite.js'), 'build', '--config', 'ui/vite.config.ts', '--logLevel', 'warn'], { timeoutMs: 300_000, env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' } });
}

/** Builds what is stale. @throws Error naming the file and line that does not build */
export async function buildAll(options: { force?: boolean } = {}): Promise<void> {
  const stamp = await versionStamp();
  const wanted: Stamp = { programs: await hashOf(rooms, stamp.version), page: await hashOf(['crds', 'ui'], stamp.version) };
  const last = await readFile(stampFile, 'utf8').then((text) => JSON.parse(text) as Stamp, (): Stamp => ({}));
  const programsFresh = !options.force && last.programs === wanted.programs && bundles().every((bundle) => existsSync(inRoot(bundle.outfile)));
  const pageFresh = !options.force && last.page === wanted.page && (existsSync(inRoot('dist/ui/index.html')) || !existsSync(inRoot('ui/vite.config.ts')));
  if (programsFresh && pageFresh) { console.log('> build: up to date'); return; }
  await mkdir(inRoot('dist'), { recursive: true });
  await rm(stampFile, { force: true });
  if (!programsFresh) await step('build the server and the agent', () => buildPrograms(stamp));
  if (!pageFresh) await step('build the page', buildPage);
  await writeFile(stampFile, `${JSON.stringify(wanted)}\n`);
}

if (process.argv[1] === import.meta.filename) {
  try {
    await buildAll({ force: process.argv.includes('--force') });
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}
