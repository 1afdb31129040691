import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { expect } from 'chai';
import { restics, Scratch } from '../test/builders/agentParts.js';

describe('restic-manager-agent', function () {
  this.timeout(30_000);
  const scratch = new Scratch();
  afterEach(async () => scratch.clean());

  function run(args: string[], env: Record<string, string> = {}): { code: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=source', '--import=tsx', fileURLToPath(new URL('./main.ts', import.meta.url)), ...args], {
      cwd: fileURLToPath(new URL('..', import.meta.url)), env: { PATH: process.env['PATH'], HOME: '/root', ...env }, encoding: 'utf8',
    });
    return { code: status, out: stdout, err: stderr };
  }

  it('version names version and commit', () => {
    expect(run(['version']).out).to.match(/^restic-manager-agent \S+ \(\S+\)\n$/);
  });

  it('self-test proves the parts, and a missing restic is a warning', () => {
    const good = run(['self-test'], { RM_RESTIC: restics[0].path });
    expect(good.code).to.equal(0);
    expect(good.out).to.match(/^ok {2}/m).and.contain('0.19').and.not.contain('FAIL');
    const without = run(['self-test'], { RM_RESTIC: '/nowhere/restic' });
    expect(without.code).to.equal(0);
    expect(without.out).to.contain('warn  restic');
  });

  it('status says that no agent ever ran here', async () => {
    const { code, err } = run(['status'], { RM_STATE_DIR: join(await scratch.dir('status'), 'state') });
    expect(code).to.equal(1);
    expect(err).to.contain('no agent ever ran');
  });

  it('enroll needs a server, and refuses one that is not encrypted', async () => {
    const env = { RM_STATE_DIR: join(await scratch.dir('enroll'), 'state') };
    expect(run(['enroll'], env)).to.deep.include({ code: 2, err: 'restic-manager-agent: name the server: --server https://backup.example.org\n' });
    expect(run(['enroll', '--server', 'http://backup.example.org'], env).err).to.contain('not encrypted');
  });
});
