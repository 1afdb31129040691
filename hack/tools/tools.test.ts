/** What the fetcher takes and refuses; the fetching itself is what `npm test` does before any suite runs. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../lib/exec.js';
import { inRoot } from '../lib/root.js';
import { onPath, toolPath } from './paths.js';
import { atLeast, clusterTools, tools } from './tools.js';

describe('hack/tools', function () {
  this.timeout(30_000);
  it('compares versions by number', () => {
    expect(atLeast('0.19.1', '0.17.0')).to.equal(true);
    expect(atLeast('0.9.0', '0.17.0')).to.equal(false);
    expect(atLeast('1.29.0', '1.29.0')).to.equal(true);
    expect(atLeast('1.20.2', '1.29.0')).to.equal(false);
  });
  it('builds exactly the version it names', async () => {
    for (const { name, go } of tools) {
      if (!go) continue;
      const { stdout } = await run('cat', [inRoot('hack/tools/modules', name, 'go.mod')]);
      expect(stdout).to.match(new RegExp(`\\sv${go.version.replaceAll('.', '\\.')}\\b`), name);
      expect(stdout).to.contain(`tool ${go.package}`);
    }
  });
  it('finds every tool after a fetch, and each answers with an accepted version', async () => {
    for (const tool of tools.filter(({ name }) => !(clusterTools as readonly string[]).includes(name))) {
      const { stdout, stderr } = await run(toolPath(tool.name), tool.versionArgs, { mayFail: tool.versionPattern !== undefined });
      expect(tool.accepts((tool.versionPattern ?? /\bv?(\d+\.\d+\.\d+)/).exec(stdout + stderr)?.[1] ?? ''), `${tool.name}: ${stdout}${stderr}`).to.equal(true);
    }
  });
  it('names the fix when a tool cannot be had from anywhere', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'rm-tools-'));
    try {
      await writeFile(join(empty, 'kubectl'), '#!/bin/sh\necho Client Version: v1.20.2\n');
      await chmod(join(empty, 'kubectl'), 0o755);
      const script = `import { fetchTools } from ${JSON.stringify(inRoot('hack/tools/fetch.ts'))}; await fetchTools(['kubectl'], ${JSON.stringify(empty)}).catch((error) => { console.log(error.message); });`;
      const { stdout } = await run(process.execPath, ['--conditions=source', '--import=tsx', '--input-type=module', '-e', script], { env: { PATH: empty, HOME: empty } });
      expect(stdout).to.contain('Install kubectl 1.29 or newer on PATH, or Go 1.26');
      expect(onPath('no-such-program')).to.equal(undefined);
    } finally {
      await rm(empty, { recursive: true, force: true });
    }
  });
});
