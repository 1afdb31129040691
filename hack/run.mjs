#!/usr/bin/env node
/**
 * The door of every npm script: works in an empty clone with nothing but Node. It installs what package-lock.json names,
 * then hands over to the TypeScript file that does the work. Plain JavaScript without dependencies, because it runs before them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const commands = {
  quickstart: 'hack/quickstart.ts',
  test: 'hack/test.ts',
  'test:cluster': 'hack/testCluster.ts',
  verify: 'hack/verify/main.ts',
  bench: 'test/bench/main.ts',
  soak: 'hack/soak.ts',
  build: 'hack/build.ts',
  start: 'hack/start.ts',
  dev: 'hack/dev.ts',
  tools: 'hack/tools/main.ts',
};

/** True when every package of package-lock.json is installed at its version (optional ones may be absent: other platforms). */
function installed() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const present = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(([path, entry]) => path === '' || (present[path] ? present[path].version === entry.version : entry.optional === true || entry.devOptional === true));
  } catch {
    return false;
  }
}

function install() {
  if (installed()) return;
  console.log('installing the packages of package-lock.json (npm ci, about a minute) ...');
  const begin = Date.now();
  const npm = spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' });
  if (npm.status !== 0) {
    console.error(`npm ci failed (${npm.error?.message ?? npm.signal ?? `exit ${npm.status}`}): check the network and the npm registry settings, then run the command again`);
    return npm.status || 1;
  }
  console.log(`installed in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

/** Prints the closing line that the test commands owe on every way out. */
function leave(code, name) {
  if (['test', 'test:cluster', 'soak'].includes(name)) console.log('0 passed, 1 failed, 0 skipped');
  process.exit(code);
}

const [name, ...args] = process.argv.slice(2);
const file = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
if (!file) {
  console.error(`usage: node hack/run.mjs ${Object.keys(commands).join('|')} [arguments]`);
  process.exit(2);
}
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: restic-manager needs Node 20.19 or newer`);
  leave(1, name);
}
const failed = install();
if (failed) leave(failed, name);

const child = spawn(process.execPath, ['--conditions=source', '--import=tsx', join(root, file), ...args], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => { console.error(`cannot start ${file}: ${error.message}`); leave(1, name); });
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
