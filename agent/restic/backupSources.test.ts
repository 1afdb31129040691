import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { restics, Scratch } from '../../test/builders/agentParts.js';
import { failure, ResticBed } from '../../test/builders/resticBed.js';
import { init } from './init.js';
import { text } from './json.js';
import { ResticProbe } from './capabilities.js';
import { Restic } from './restic.js';
import { restore } from './restore.js';
import { snapshots } from './snapshots.js';
import { listNodes } from './tree.js';

const run = promisify(execFile);
const root = process.getuid?.() === 0;

for (const { name, path } of restics) {
  describe(`sources of a backup with ${name}`, function () {
    this.timeout(60_000);
    const old = path.includes('0.14');
    const scratch = new Scratch();
    let bed: ResticBed;
    let dir = '';
    let source = '';
    const mounts: string[] = [];

    before(async () => {
      dir = await scratch.dir('sources');
      bed = await ResticBed.make(dir, path);
    });
    after(async () => scratch.clean());
    beforeEach(async () => {
      bed.lines.length = 0;
      source = join(dir, `source-${Math.random()}`);
      await mkdir(source);
      await writeFile(join(source, 'a'), 'A');
    });
    afterEach(async () => { for (const at of mounts.splice(0)) await run('umount', ['-l', at]); });

    async function mount(at: string, ...args: string[]): Promise<void> {
      await mkdir(at, { recursive: true });
      await run('mount', [...args, at]);
      mounts.push(at);
    }

    /** Names of all files of a snapshot below the source. */
    async function saved(snapshot: string | undefined): Promise<string[]> {
      const found: string[] = [];
      await listNodes(await bed.open(), snapshot ?? '', ['/'], bed.io.signal, (node) => { if (text(node, 'type') === 'file') found.push((text(node, 'path') ?? '').replace(`${source}/`, '')); }, true);
      return found.sort();
    }

    it('leaves out what each form of exclude says, and nothing else (S1)', async function () {
      const files = ['a', 'x.tmp', 'deep/er/x.tmp', 'X.TMP', 'abs/inside', 'other/abs/inside', 'logs/1.log', 'logs/keep.log', 'cache/CACHEDIR.TAG', 'cache/blob', 'marked/.nobackup', 'marked/x', 'headed/.tag', 'headed/x', 'unheaded/.tag', 'unheaded/x', 'exact', 'larger', '-o sftp.command=x'];
      for (const file of files) {
        await mkdir(join(source, file, '..'), { recursive: true });
        await writeFile(join(source, file), file === 'headed/.tag' ? 'leave me out, please' : file === 'cache/CACHEDIR.TAG' ? 'Signature: 8a477f597d28d172789f06886806bc55' : file === 'exact' ? Buffer.alloc(1024) : file === 'larger' ? Buffer.alloc(1025) : 'x');
      }
      if (root) {
        await mount(join(source, 'other-file-system'), '-t', 'tmpfs', 'tmpfs');
        await writeFile(join(source, 'other-file-system/x'), 'x');
      }
      const { snapshotID, complete } = await bed.backup([source], { group: {
        excludes: ['*.tmp', join(source, 'abs'), '*.log', '!keep.log', '--password-file=/etc/passwd', '-o=sftp.command=x'], excludeIfPresent: ['.nobackup', '.tag:leave me out'], excludeCaches: true, excludeLargerThan: '1k', oneFileSystem: true,
      } });
      expect(complete).to.be.true;
      expect(await saved(snapshotID)).to.deep.equal(['a', 'X.TMP', 'other/abs/inside', 'logs/keep.log', 'cache/CACHEDIR.TAG', 'marked/.nobackup', 'headed/.tag', 'unheaded/.tag', 'unheaded/x', 'exact', '-o sftp.command=x'].sort());
      if (!root) return;
      expect(await saved((await bed.backup([source], { group: { tag: 'across' } })).snapshotID), 'without a word all is saved').to.deep.equal([...files, 'other-file-system/x'].sort());
    });

    it('backs nothing up while what must be mounted is not, and goes on when it is (MountMissing, E32)', async function () {
      const at = join(source, 'disk');
      await mkdir(at);
      const group = { requireMount: [at] };
      for (const requireMount of [[at], [join(at, 'absent')], [join(source, 'a')]]) {
        const error = await failure(bed.backup([source], { group: { requireMount } }));
        expect(error.reason).to.equal('MountMissing');
        expect(error.message).to.equal(`nothing is mounted at ${requireMount[0] ?? ''}, which source group docs requires (requireMount); nothing was backed up`);
      }
      expect(bed.lines).to.deep.equal([]);
      if (!root) return this.skip();
      await mount(at, '-t', 'tmpfs', 'tmpfs');
      expect((await bed.backup([source], { group })).complete).to.be.true;
      await run('umount', [mounts.pop() ?? '']);
      expect((await failure(bed.backup([source], { group }))).reason).to.equal('MountMissing');
      const bound = join(source, 'bound to it');
      await mount(bound, '--bind', dir);
      expect((await bed.backup([source], { group: { requireMount: [bound], excludes: [bound] } })).complete, 'a bind mount of the same device').to.be.true;
    });

    it('makes no snapshot when nothing changed and that was asked for, or says that restic is too old', async () => {
      // not below the temporary directory, whose own time restic saves and changes
      const still = root ? `/rm-unchanged-test-${process.pid}` : source;
      const work = async () => bed.backup([still], { group: { tag: 'same', skipIfUnchanged: true } });
      await mkdir(still, { recursive: true });
      await writeFile(join(still, 'a'), 'A');
      after(async () => rm(still, { recursive: true, force: true }));
      if (old) {
        expect((await failure(work())).message).to.match(/^skipIfUnchanged of source group docs needs restic 0\.17 or newer on this host, which has 0\.14\.\d+$/);
        return;
      }
      expect(await work()).to.deep.include({ unchanged: false, complete: true });
      if (root) expect(await work()).to.deep.include({ unchanged: true, complete: true, snapshotID: undefined });
      await writeFile(join(still, 'a'), 'B');
      expect((await work()).unchanged).to.be.false;
      expect(await snapshots(await bed.open(), { tag: 'same' })).to.have.length(2);
    });

    it('saves what a command prints, and nothing when the command fails (X14)', async () => {
      const from = async (...command: [string, ...string[]]) => bed.backup([], { group: { tag: 'dump', stdin: { command, filename: 'dump [1].sql' } } });
      if (old) {
        const error = await failure(from('printf', 'x'));
        expect(error.reason).to.equal('ResticTooOld');
        expect(error.message).to.match(/^stdin\.command of source group docs needs restic 0\.17 or newer on this host, which has 0\.14\.\d+$/);
        return;
      }
      const { snapshotID = '' } = await from('printf', '%s', '-- "a b" $HOME\n');
      const target = join(dir, 'dump');
      await restore(await bed.open(), { ...bed.io, job: 'j', args: { snapshot: snapshotID, overwrite: 'Never', targetDirectory: target, paths: ['/dump [1].sql'] } });
      expect(await readFile(join(target, 'dump [1].sql'), 'utf8')).to.equal('-- "a b" $HOME\n');
      for (const [command, what] of [[['sh', '-c', 'echo half; exit 3'], 'stdin.command of source group docs (sh) failed, so nothing was saved: '], [['/no/such/program'], 'stdin.command of source group docs (/no/such/program) failed, so nothing was saved: '], [['true'], 'stdin.command of source group docs (true) printed nothing; the snapshot is empty']] as [[string, ...string[]], string][]) {
        const error = await failure(from(...command));
        expect(error.reason, error.message).to.equal('StdinCommandFailed');
        expect(error.message).to.contain(what);
      }
      expect(await snapshots(await bed.open(), { tag: 'dump' }), 'the good one and the empty one').to.have.length(2);
    });

    it('gives the command nothing of what is for restic alone', async function () {
      if (old) return; // it knows no --stdin-from-command
      const { snapshotID = '' } = await bed.backup([], { group: { tag: 'variables', stdin: { command: ['env'], filename: 'variables' } } });
      const target = join(dir, 'variables');
      await restore(await bed.open(), { ...bed.io, job: 'j', args: { snapshot: snapshotID, overwrite: 'Never', targetDirectory: target } });
      expect(await readFile(join(target, 'variables'), 'utf8')).to.contain('PATH=').and.not.to.match(/RESTIC_/);
    });

    it('says what a dry run would do and makes no snapshot', async () => {
      const result = await bed.backup([source], { group: { tag: 'dry' }, dryRun: true });
      expect(result).to.deep.include({ complete: true, unchanged: false });
      expect(result.summary.filesNew).to.equal(1);
      expect(await snapshots(await bed.open(), { tag: 'dry' })).to.deep.equal([]);
    });

    it('names the first twenty files that it had to skip', async function () {
      if (!root) return this.skip(); // root reads everything: restic drops to nobody here
      const wrapper = join(dir, 'as-nobody');
      await writeFile(wrapper, `#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups ${path} "$@"\n`, { mode: 0o755 });
      await chmod(dir, 0o777);
      const own = join(dir, 'nobody');
      await mkdir(own);
      await chmod(own, 0o777);
      await chmod(source, 0o755);
      const secret = Array.from({ length: 25 }, (_, index) => join(source, `secret ${index}`));
      for (const file of secret) await writeFile(file, 'x', { mode: 0o600 });
      const program = await new ResticProbe(wrapper).program();
      const repository = { name: 'r', url: join(own, 'repo'), password: 'pw' };
      const { id } = await init(new Restic({ program, repository, cacheDir: join(own, 'cache/x') }), () => undefined);
      const restic = new Restic({ program, repository: { ...repository, id }, cacheDir: join(own, 'cache/y') });
      await mkdir(join(own, 'cache/y'), { recursive: true });
      await chmod(join(own, 'cache/y'), 0o777);
      const result = await bed.backup([source], { restic });
      expect(result).to.deep.include({ complete: false, exitCode: 3, warnings: 25 });
      expect(result.skippedFiles).to.have.length(20);
      for (const file of result.skippedFiles) expect(secret).to.include(file);
    });
  });
}
