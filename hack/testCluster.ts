/**
 * `npm run test:cluster [-- path ...]`: what needs a real Kubernetes API. Brings etcd, kube-apiserver, a second kubectl and helm (built
 * with Go when they are not there), runs test/cluster, and ends with `N passed, N failed, N skipped`, the last thing printed.
 */
import { findTests } from './testing/find.js';
import { createTally } from './testing/tally.js';
import { fetchTools } from './tools/fetch.js';
import { clusterTools } from './tools/tools.js';

const paths = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const tally = createTally();
await tally.must('npm run test:cluster', async () => {
  const files = await findTests(paths.length > 0 ? paths : ['test/cluster']);
  if (files.length === 0) throw new Error(`no test file matches ${paths.join(' ') || 'test/cluster'}`);
  if (await tally.must('tools', () => fetchTools(['kubectl', ...clusterTools]))) await tally.group('cluster suites', files);
});
tally.close();
