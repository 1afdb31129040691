/** The checks that are other programs: the compilers and the linter. Their output is their problem list. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/exec.js';
import { inRoot } from '../lib/root.js';
import type { Checker } from './problem.js';

/** Runs a script of node_modules in `root`; every non-empty output line of a failing run is a problem. */
const program = (script: string, args: readonly string[]): Checker => async (root) => {
  const { code, stdout, stderr } = await run(process.execPath, [inRoot('node_modules', script), ...args], { cwd: root, mayFail: true, timeoutMs: 300_000, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined } });
  if (code === 0) return [];
  const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trimEnd()).filter((line) => line.trim() !== '');
  return lines.length > 0 ? lines : [`${script}: status ${code}`];
};

export const checkTypes: Checker = program('typescript/bin/tsc', ['-b', '--pretty', 'false']);
export const checkPage: Checker = async (root) =>
  existsSync(join(root, 'ui/tsconfig.json')) ? program('vue-tsc/bin/vue-tsc.js', ['--noEmit', '-p', 'ui', '--incremental', '--tsBuildInfoFile', 'dist/.cache/vue-tsc.tsbuildinfo'])(root) : [];
export const checkLint: Checker = program('eslint/bin/eslint.js', ['.', '--max-warnings', '0', '--cache', '--cache-location', 'dist/.cache/eslint/', '--cache-strategy', 'content']);
