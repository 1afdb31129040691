/** Plants one violation of each kind in a small tree of its own and sees the checkers refuse it by name, and the clean tree pass. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { run } from '../lib/exec.js';
import { inRoot, root as checkout } from '../lib/root.js';
import { checkBoundaries } from './boundaries.js';
import { checkBundles } from './bundled.js';
import { checkLint, checkPage, checkTypes } from './commands.js';
import { checkCommitted } from './committed.js';
import { checkDependencies } from './dependencies.js';
import { checkGenerated } from './generated.js';
import type { Checker } from './problem.js';

/** A tree with one honest file per room. */
const clean: Record<string, string> = {
  'package.json': JSON.stringify({ type: 'module', imports: Object.fromEntries(['crds', 'controller', 'apiserver', 'agent'].map((room) => [`#${room}/*.js`, { source: `./${room}/*.ts`, default: `./dist/${room}/*.js` }])), dependencies: { ws: '8.23.0' } }),
  'package-lock.json': JSON.stringify({ packages: { '': {}, 'node_modules/ws': { version: '8.23.0', integrity: 'sha512-x', license: 'MIT' } } }),
  'hack/verify/dependencies.yaml': 'ws: WebSockets\n',
  'crds/word.ts': 'export const word: string = "crds";\n',
  'controller/decide.ts': "import { createHash } from 'node:crypto';\nimport { word } from '#crds/word.js';\nexport const decide = (): string => createHash('sha256').update(word).digest('hex');\n",
  'apiserver/cmd/standalone.ts': "import { decide } from '#controller/decide.js';\nexport const serve = async (): Promise<unknown> => [decide(), await import('@kubernetes/client-node')];\n",
  'agent/main.ts': "import { word } from '#crds/word.js';\nexport const agent = word;\n",
};

describe('verify', function () {
  this.timeout(60_000);
  let root = '';
  const plant = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  };
  /** One problem line holds every word. */
  const refuses = async (check: Checker, ...words: string[]): Promise<void> => {
    const problems = await check(root);
    expect(problems.some((problem) => words.every((word) => problem.includes(word))), `wanted ${words.join(' + ')} in:\n${problems.join('\n') || '(no problem)'}`).to.equal(true);
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'rm-verify-'));
    for (const [file, text] of Object.entries(clean)) await plant(file, text);
    await symlink(inRoot('node_modules'), join(root, 'node_modules'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('passes a clean tree', async () => {
    for (const check of [checkBoundaries, checkBundles, checkDependencies]) expect(await check(root)).to.deep.equal([]);
  });

  describe('boundaries', () => {
    const planted: [why: string, file: string, text: string, word: string][] = [
      ['an import against the arrow', 'crds/bad.ts', "export { decide } from '#controller/decide.js';", 'may not know controller'],
      ['the controller reaching the server', 'controller/bad.ts', "import '#apiserver/cmd/standalone.js';", 'may not know apiserver'],
      ['the agent reaching the controller', 'agent/bad.ts', "import type { X } from '#controller/decide.js';", 'may not know controller'],
      ['the page reaching the server, in a component', 'ui/src/Bad.vue', "<template><p/></template>\n<script setup lang=\"ts\">\nimport x from '#apiserver/cmd/standalone.js';\n</script>", 'may not know apiserver'],
      ['another room by a relative path', 'agent/bad.ts', "import '../crds/word.js';", 'only along the arrow'],
      ['a dynamic import against the arrow', 'controller/bad.ts', "export const x = await import('#agent/main.js');", 'may not know agent'],
      ['a package outside the list of its room', 'agent/bad.ts', "import express from 'express';", 'not among the packages of agent'],
      ['a package in crds', 'crds/bad.ts', "import { ulid } from 'ulid';", 'not among the packages of crds'],
      ['a Node module in crds', 'crds/bad.ts', "import { join } from 'node:path';", 'not among the Node modules of crds'],
      ['files in the controller', 'controller/bad.ts', "import { readFile } from 'node:fs/promises';", 'not among the Node modules of controller'],
      ['the store in the controller', 'controller/bad.ts', "import { open } from 'lmdb';", 'not among the packages of controller'],
    ];
    for (const [why, file, text, word] of planted) {
      it(`refuses ${why}`, async () => {
        await plant(file, text);
        await refuses(checkBoundaries, file, word);
      });
    }
  });

  describe('bundles', () => {
    it('refuses an agent that carries a module of the server', async () => {
      await plant('agent/main.ts', "export { decide } from '#controller/decide.js';");
      await refuses(checkBundles, 'agent bundle', 'controller/decide.ts');
    });
    it('refuses a standalone server that loads the Kubernetes client at start', async () => {
      await plant('controller/decide.ts', "import { KubeConfig } from '@kubernetes/client-node';\nexport const decide = (): unknown => new KubeConfig();");
      await refuses(checkBundles, 'apiserver/cmd/standalone.ts', '@kubernetes/client-node');
    });
  });

  describe('generated files', () => {
    const copyCrds = async (): Promise<void> => { await cp(inRoot('crds'), join(root, 'crds'), { recursive: true, force: true }); };
    it('refuses a generated file that differs from its source', async () => {
      await copyCrds();
      const file = 'crds/types/host.gen.ts';
      await plant(file, `${await readFile(join(root, file), 'utf8')}\n// edited by hand\n`);
      await refuses(checkGenerated, file, 'differs from its source');
    });
    it('refuses a definition whose types were not generated again, and a generated file without a source', async () => {
      await copyCrds();
      const source = 'crds/v1alpha1/host.yaml';
      await plant(source, (await readFile(join(root, source), 'utf8')).replace('suspend:', 'suspended:'));
      await plant('crds/types/ghost.gen.ts', 'export {};\n');
      await refuses(checkGenerated, 'crds/types/host.gen.ts', 'npm run generate');
      await refuses(checkGenerated, 'crds/types/ghost.gen.ts', 'generated from nothing');
    });
  });

  describe('dependencies', () => {
    const lock = (entry: object): Promise<void> => plant('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/ws': { version: '8.23.0', integrity: 'sha512-x', license: 'MIT', ...entry } } }));
    it('refuses a dependency without a stated reason, and a range instead of a version', async () => {
      await plant('package.json', JSON.stringify({ dependencies: { ws: '^8.0.0', leftpad: '1.0.0' } }));
      await refuses(checkDependencies, 'leftpad', 'no reason');
      await refuses(checkDependencies, 'ws', 'exact version');
    });
    it('refuses a deprecated package', async () => { await lock({ deprecated: 'use another' }); await refuses(checkDependencies, 'ws', 'deprecated'); });
    it('refuses a licence off the list', async () => { await lock({ license: 'AGPL-3.0' }); await refuses(checkDependencies, 'ws', 'AGPL-3.0'); });
    it('refuses a registry host in the lockfile', async () => { await lock({ resolved: 'https://registry.example/ws/-/ws-8.23.0.tgz' }); await refuses(checkDependencies, 'registry host'); });
    it('refuses a lockfile that leaves out what other platforms need', async () => { await lock({ optionalDependencies: { 'ws-win32': '1.0.0' } }); await refuses(checkDependencies, 'ws-win32', 'no entry'); });
    it('refuses a package without a checksum', async () => { await lock({ integrity: undefined }); await refuses(checkDependencies, 'ws', 'checksum'); });
  });

  describe('committed files', () => {
    it('refuses a build that was committed', async () => {
      await plant('dist/restic-manager.js', '');
      await plant('crds/word.js', '');
      await run('git', ['init', '-q'], { cwd: root });
      await run('git', ['add', '-f', 'dist/restic-manager.js', 'crds/word.js', 'crds/word.ts'], { cwd: root });
      await refuses(checkCommitted, 'dist/restic-manager.js', 'not committed');
      await refuses(checkCommitted, 'crds/word.js', 'not committed');
    });
  });

  describe('compilers and linter', () => {
    const base = async (): Promise<void> => {
      await cp(inRoot('tsconfig.base.json'), join(root, 'tsconfig.base.json'));
      await cp(inRoot('eslint.config.js'), join(root, 'eslint.config.js'));
    };
    it('refuses a type error', async () => {
      await base();
      await plant('tsconfig.json', JSON.stringify({ files: [], references: [{ path: 'crds' }] }));
      await plant('crds/tsconfig.json', JSON.stringify({ extends: '../tsconfig.base.json', compilerOptions: { rootDir: '.', outDir: '../dist/crds', types: [] }, include: ['**/*.ts'] }));
      await plant('crds/bad.ts', 'export const n: number = "text";\n');
      await refuses(checkTypes, 'crds/bad.ts', 'TS2322');
    });
    it('refuses a type error in a component', async () => {
      await base();
      await plant('ui/tsconfig.json', JSON.stringify({ extends: '../tsconfig.base.json', compilerOptions: { lib: ['ES2023', 'DOM'], module: 'ESNext', moduleResolution: 'Bundler', types: [], composite: false, noEmit: true }, include: ['src/**/*.vue'] }));
      await plant('ui/src/Bad.vue', '<template><p>{{ word.missing }}</p></template>\n<script setup lang="ts">\nconst word: { there: string } = { there: "x" };\n</script>\n');
      await refuses(checkPage, 'ui/src/Bad.vue', 'missing');
    });
    it('refuses what the linter refuses: any, and a promise nobody waits for', async () => {
      await base();
      for (const room of ['crds', 'controller', 'apiserver', 'agent', 'hack', 'test']) await plant(`${room}/tsconfig.json`, JSON.stringify({ extends: '../tsconfig.base.json', include: ['**/*.ts'] }));
      await plant('agent/bad.ts', 'export const x: any = 1;\nconst later = async (): Promise<void> => {};\nlater();\n');
      await refuses(checkLint, 'no-explicit-any');
      await refuses(checkLint, 'no-floating-promises');
    });
  });

  it('knows no reason to refuse this checkout its generated files, boundaries and dependencies', async () => {
    for (const check of [checkGenerated, checkBoundaries, checkDependencies]) expect(await check(checkout)).to.deep.equal([]);
  });
});
