import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { restics, Scratch } from '../../test/builders/agentParts.js';
import { startBackend, type Backend } from '../../test/builders/backends.js';
import { backendFiles } from './backendFiles.js';
import { ResticProbe } from './capabilities.js';
import { catConfig } from './catConfig.js';
import { init } from './init.js';
import { Restic } from './restic.js';

const rejection = async (work: Promise<unknown>): Promise<Error> => work.then(() => { throw new Error('it did not fail'); }, (error: unknown) => error as Error);

describe('files of back ends', function () {
  this.timeout(60_000);
  const scratch = new Scratch();
  afterEach(async () => scratch.clean());

  it('are 0600 for one run, named by flag and variable, and gone after it; what a killed agent left goes too', async () => {
    const dir = await scratch.dir();
    await mkdir(join(dir, 'files-of-a-dead-agent'));
    const files = await backendFiles({ url: 'gs:bucket:/', files: { 'gcs.json': '{}', 'ca.pem': 'x\n' } }, dir);
    const path = files.env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect(await readFile(path, 'utf8')).to.equal('{}\n');
    expect(files.flags).to.deep.equal([`--cacert=${join(path, '../ca.pem')}`]);
    expect(await readdir(dir)).to.have.length(1);
    await files.remove();
    expect(await readdir(dir)).to.deep.equal([]);
    expect((await backendFiles({ url: '/srv' }, join(dir, 'never'))).flags).to.deep.equal([]);
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('become one ssh command, whichever way the address is written; nothing of it is an option or another command', async () => {
    const dir = await scratch.dir();
    const command = async (url: string): Promise<string> => {
      const files = await backendFiles({ url, files: { 'ssh-key': 'k', known_hosts: 'h' } }, dir);
      await files.remove();
      return files.flags[1]?.replaceAll("'", '').replace(/^.*StrictHostKeyChecking=yes /, '') ?? '';
    };
    expect(await command('sftp://me@host.example:2222//srv/repo')).to.equal('-p 2222 -l me -s -- host.example sftp');
    expect(await command('sftp:u1-sub2@box:repo')).to.equal('-l u1-sub2 -s -- box sftp');
    expect(await command('sftp://[::1]:22/repo')).to.equal('-p 22 -s -- ::1 sftp');
    expect(await command('rest:http://host/')).to.equal('');
    for (const url of ["sftp://me@ho'st/x", 'sftp:-oProxyCommand=x:repo', 'sftp://a b@host/x', 'sftp:me$(id)@host:x']) expect((await rejection(command(url))).message, url).to.contain('cannot be used with an SSH key');
    expect((await rejection(backendFiles({ url: 'sftp:h:x', files: { '../x': '' } }, dir))).message).to.contain('"../x"');
    expect(await readdir(dir), 'nothing is left by a refusal').to.deep.equal([]);
  });

  it('and what the repository sets besides reaches restic; no option that could name a program does', async () => {
    const dir = await scratch.dir();
    const program = await new ResticProbe(restics[0].path).program();
    const open = (options: Record<string, string>): Restic => new Restic({ program, repository: { name: 'r', url: join(dir, 'repo'), password: 'pw', formatVersion: 1, packSizeMiB: 8, options }, cacheDir: join(dir, 'cache/x') });
    await init(open({ 'local.connections': '2' }), () => undefined);
    expect(await open({}).json('cat', ['config', '--no-lock'])).to.include({ version: 1 });
    expect((await rejection(catConfig(open({ 'sftp.command': 'touch /x' })))).message).to.contain('option sftp.command, which this agent does not pass on');
    expect((await rejection(catConfig(open({ 'local.layout': 's3legacy' })))).message).to.contain('option local.layout, which this agent does not pass on');
    expect((await rejection(catConfig(open({ 'local.connections': 'many' })))).message, 'restic saw it').to.contain('many');
  });

  describe('on a real sshd', () => {
    let backend: Backend;
    before(async () => { backend = await startBackend('sftp'); });
    after(async () => { await backend.stop(); });

    for (const { name, path } of restics) {
      it(`${name} opens the repository with the key of the Secret, and speaks to no server that known_hosts does not name`, async () => {
        const dir = await scratch.dir();
        const program = await new ResticProbe(path).program();
        const { password = '', ...files } = backend.secret('r');
        const repository = { name: 'r', url: backend.url(name.replaceAll(' ', '-')), password, files };
        const open = (change: Record<string, string>): Restic => new Restic({ program, repository: { ...repository, files: { ...files, ...change } }, cacheDir: join(dir, 'cache/x') });
        const { id } = await init(open({}), () => undefined);
        expect((await catConfig(open({}))).id).to.equal(id);
        expect(backend.restic(name.replaceAll(' ', '-'), ['cat', 'config', '--no-lock']).stdout).to.contain(id);
        const stranger = await rejection(catConfig(open({ known_hosts: '[127.0.0.1]:1 ssh-ed25519 AAAA' })));
        expect(stranger, stranger.message).to.include({ reason: 'RepositoryUnreachable' });
        expect(stranger.message).to.match(/Host key verification failed|cannot be reached/);
        expect((await readdir(join(dir, 'cache'))).filter((each) => each.startsWith('files-'))).to.deep.equal([]);
      });
    }
  });
});
