/** What the two programs are made of. The build writes them; verify reads the same bundles' module lists and never drifts from the build. */
import { existsSync } from 'node:fs';
import type { BuildOptions } from 'esbuild';
import { inRoot } from './lib/root.js';

export interface Bundle { name: string; entry: string; outfile: string }

/** Entries that do not exist (yet) are left out. */
export function bundles(): Bundle[] {
  const all: Bundle[] = [
    { name: 'server', entry: 'apiserver/cmd/main.ts', outfile: 'dist/restic-manager.js' },
    { name: 'agent', entry: 'agent/main.ts', outfile: 'dist/restic-manager-agent.js' },
    { name: 'password worker', entry: 'apiserver/auth/passwordWorker.ts', outfile: 'dist/passwordWorker.js' },
  ];
  return all.filter((bundle) => existsSync(inRoot(bundle.entry)));
}

/** CommonJS packages inside an ES module still ask for `require`, `__filename` and `__dirname`. */
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __toPath } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __toPath(import.meta.url);',
  "const __dirname = __toPath(new URL('.', import.meta.url));",
].join(' ');

/** Native code (lmdb) stays outside; names are kept so that stack traces and error names can be read. */
export function bundleOptions(bundle: Bundle, stamp: { version: string; commit: string }): BuildOptions {
  return {
    absWorkingDir: inRoot(), entryPoints: [bundle.entry], outfile: bundle.outfile,
    bundle: true, platform: 'node', target: 'node20.19', format: 'esm', conditions: ['source'], external: ['lmdb'],
    banner: { js: banner }, legalComments: 'none', minifySyntax: true, minifyWhitespace: true, sourcemap: 'linked', sourcesContent: false,
    define: { __VERSION__: JSON.stringify(stamp.version), __COMMIT__: JSON.stringify(stamp.commit) },
    metafile: true, logLevel: 'silent',
  };
}
