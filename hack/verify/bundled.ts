/**
 * What really ends up in the programs, taken from the bundler's own module lists: the agent carries nothing of the server, and the
 * standalone server loads no Kubernetes client before it is asked to (it costs 340 ms and 80 MB).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { bundleOptions, type Bundle } from '../bundles.js';
import type { Checker } from './problem.js';

const stamp = { version: '0.0.0-dev', commit: 'unknown' };

async function metafileOf(root: string, bundle: Bundle): Promise<Metafile | undefined> {
  if (!existsSync(join(root, bundle.entry))) return undefined;
  const result = await build({ ...bundleOptions(bundle, stamp), absWorkingDir: root, write: false, metafile: true, sourcemap: false, nodePaths: [join(import.meta.dirname, '../../node_modules')] });
  return result.metafile;
}

/** Modules reachable over static imports from `entry`. */
function staticallyReachable(metafile: Metafile, entry: string): Set<string> {
  const seen = new Set([entry]);
  for (const path of seen) {
    for (const imported of metafile.inputs[path]?.imports ?? []) if (imported.kind !== 'dynamic-import') seen.add(imported.path);
  }
  return seen;
}

const forbidden = /^(apiserver|controller|ui|hack|test)\//;
const client = /(^|\/)@kubernetes\/client-node(\/|$)/;

export const checkBundles: Checker = async (root) => {
  const agent = await metafileOf(root, { name: 'agent', entry: 'agent/main.ts', outfile: 'dist/restic-manager-agent.js' });
  const server = await metafileOf(root, { name: 'server', entry: 'apiserver/cmd/standalone.ts', outfile: 'dist/standalone.js' });
  const strangers = Object.keys(agent?.inputs ?? {}).filter((path) => forbidden.test(path)).map((path) => `agent bundle: holds ${path}`);
  const eager = server && [...staticallyReachable(server, 'apiserver/cmd/standalone.ts')].find((path) => client.test(path));
  return [
    ...(agent ? strangers : ['agent bundle: agent/main.ts is not there']),
    ...(server ? [] : ['server bundle: apiserver/cmd/standalone.ts is not there']),
    ...(eager ? [`server bundle: apiserver/cmd/standalone.ts reaches ${eager} by static imports: load it with await import()`] : []),
  ];
};
