import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { expect } from 'chai';
import { AgentBed } from '../test/builders/agentBed.js';
import { restics, Scratch, until } from '../test/builders/agentParts.js';

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

  describe('with the agent.yaml of the host\'s owner', () => {
    let bed: AgentBed;
    let file = '';
    beforeEach(async () => {
      bed = await AgentBed.make();
      file = join(bed.dir, 'agent.yaml');
    });
    afterEach(async () => bed.clean());
    /** The server by an address that is not loopback's. */
    const elsewhere = (): string => `http://[::ffff:127.0.0.1]:${bed.server.port}`;
    const ends = async (env: Record<string, string>): Promise<number | null> => new Promise((resolve) => bed.launch({ RM_AGENT_CONFIG: file, ...env }).on('exit', (code) => { resolve(code); }));

    it('speaks unencrypted to another machine only with allowPlaintext: true', async () => {
      await writeFile(file, 'allowPlaintext: false\n');
      expect(await ends({ RM_SERVER: elsewhere() })).to.equal(1);
      expect(bed.log).to.contain('is not encrypted, so repository passwords would travel in the open; use https://, or set allowPlaintext: true in agent.yaml');
      expect(bed.server.posts).to.deep.equal([]);
      await writeFile(file, 'allowPlaintext: true\n');
      bed.launch({ RM_AGENT_CONFIG: file, RM_SERVER: elsewhere() });
      await bed.server.session(1);
    });

    it('names the policy in force when it starts and in its status, of the environment the names alone', async () => {
      await writeFile(file, `policy: {hooks: off, restoreRoots: [/srv/restore], repositoryURLs: []}\nenvironment: {HTTPS_PROXY: "http://me:canary-4711@proxy:3128"}\n`, { mode: 0o600 });
      bed.launch({ RM_AGENT_CONFIG: file });
      await bed.server.session(1);
      const started = JSON.parse(bed.log.split('\n')[0] ?? '') as Record<string, unknown>;
      expect(started).to.deep.include({ msg: 'restic-manager-agent starts', configFile: file, policy: { hooks: 'off', inPlaceRestore: true, restoreRoots: ['/srv/restore'], repositoryURLs: [], updates: true }, environment: ['HTTPS_PROXY'], allowPlaintext: false });
      await until('the status', async () => readFile(join(bed.stateDir, 'status.json'), 'utf8').catch(() => ''));
      const env = { RM_STATE_DIR: bed.stateDir, RM_AGENT_CONFIG: file };
      expect(JSON.parse(run(['status', '--json'], env).out)).to.have.property('policy').that.deep.equals({ file, hooks: 'off', inPlaceRestore: true, restoreRoots: ['/srv/restore'], repositoryURLs: [], updates: true, environment: ['HTTPS_PROXY'], allowPlaintext: false });
      expect(run(['status'], env).out).to.contain(`
policy      hooks: off, inPlaceRestore: true, updates: true, allowPlaintext: false (${file})
  restoreRoots    /srv/restore
  includeRoots    any
  repositoryURLs  none
  environment     HTTPS_PROXY
`);
      expect(bed.log + await readFile(join(bed.stateDir, 'status.json'), 'utf8')).not.to.contain('canary');
    });

    it('does not start with a wrong or writable one: exit code 2, file and key, or the command that closes it', async () => {
      await writeFile(file, 'policy: {hooks: of}\n');
      expect(await ends({})).to.equal(2);
      expect(bed.log).to.contain(`restic-manager-agent: ${file}: policy.hooks must be one of server, directory, off, not "of"`);
      await chmod(file, 0o666);
      expect(run(['status'], { RM_AGENT_CONFIG: file })).to.deep.include({ code: 2 }).and.to.have.property('err').that.contains(`run chmod go-w ${file}`);
    });
  });

  it('starts on no state that others may read: each file it made, and agent.env, is refused by name with the command', async () => {
    const bed = await AgentBed.make();
    try {
      const session = await bed.start().then(async () => bed.ready());
      session.send('job.run', bed.run('one'));
      expect((await bed.server.finished('uid-one')).phase).to.equal('Succeeded');
      await until('its own list of snapshots', () => bed.server.of('snapshots.report').length > 0);
      await bed.stop();
      await mkdir(join(bed.dir, 'etc'), { recursive: true });
      await writeFile(join(bed.dir, 'etc/agent.env'), 'RM_AGENT_TOKEN=x\n', { mode: 0o600 });
      const entries = (await readdir(bed.stateDir, { recursive: true, withFileTypes: true })).map((entry) => ({ path: join(entry.parentPath, entry.name), mode: entry.isDirectory() ? 0o700 : 0o600 }));
      const own = entries.filter(({ path }) => !/\/cache\/.*\//.test(path));
      expect(own.map(({ path }) => path.slice(bed.stateDir.length + 1))).to.include.members(['credentials.json', 'state.json', 'plan.enc', 'plan.key', 'journal.jsonl', 'spool', 'spool/id', 'status.json', 'cache']);
      for (const { path, mode } of [{ path: bed.stateDir, mode: 0o700 }, ...own, { path: join(bed.dir, 'etc/agent.env'), mode: 0o600 }]) {
        expect((await stat(path)).mode & 0o777, path).to.equal(mode);
        await chmod(path, mode | 0o040);
        const refused = await bed.start().then(() => 'started', (error: unknown) => (error as Error).message);
        expect(refused).to.equal(`${path} has mode 0${(mode | 0o040).toString(8)}, but it holds secrets: run chmod 0${mode.toString(8)} ${path}`);
        await chmod(path, mode);
      }
      await bed.start();
    } finally {
      await bed.clean();
    }
  });
});
