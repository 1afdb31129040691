/** Nothing that a build makes is committed: not dist/, not compiled files beside their sources, not fetched tools. */
import { run } from '../lib/exec.js';
import type { Checker } from './problem.js';

const built = /^(dist|node_modules|\.tools|\.data|\.quickstart|coverage)\/|^(crds|controller|apiserver|agent|ui\/src|hack|test)\/.*(\.d\.ts|\.js|\.js\.map|\.tsbuildinfo)$/;
/** Written by hand although they look compiled. */
const byHand = /^ui\/src\/[^/]*\.d\.ts$|^ui\/public\//;

export const checkCommitted: Checker = async (root) => {
  const { stdout, code, stderr } = await run('git', ['ls-files', '-z'], { cwd: root, mayFail: true });
  if (code !== 0) return /not a git repository/.test(stderr) ? [] : [`git ls-files: ${stderr.trim()}`];
  return stdout.split('\0').filter((file) => built.test(file) && !byHand.test(file)).map((file) => `${file}: built files are not committed`);
};
