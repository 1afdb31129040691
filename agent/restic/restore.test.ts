import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, link, lstat, lutimes, mkdir, open, readFile, readdir, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { restics, Scratch } from '../../test/builders/agentParts.js';
import { failure, ResticBed } from '../../test/builders/resticBed.js';
import type { CommandOutcome } from './outcome.js';
import { literal, restore } from './restore.js';
import { restoreTarget } from './restoreTarget.js';
import { listTree } from './tree.js';

const run = promisify(execFile);
const root = process.getuid?.() === 0;

/** Names that mean something to a shell, a pattern, a flag or a terminal. */
const awkward = ['with space', 'line\nfeed', 'report[1].txt', 'star*', 'what?', 'back\\slash', '**', '-o sftp.command=x', '!not', '{a,b}', '~', '$HOME', "quo'te\"", 'ümläut', '𝕬', ' '];
/** Each is what a glob of an awkward one would match too. */
const lookalikes = ['report1.txt', 'starfish', 'whatX', 'backslash', 'anything'];

async function sparse(path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.write(Buffer.from('begin'), 0, 5, 0);
  await file.write(Buffer.from('end'), 0, 3, 6_000_000);
  await file.close();
}

async function makeSource(dir: string): Promise<void> {
  await mkdir(join(dir, 'plain/deep/er'), { recursive: true });
  await mkdir(join(dir, 'names'));
  await mkdir(join(dir, 'empty'), { mode: 0o700 });
  for (const name of [...awkward, ...lookalikes]) await writeFile(join(dir, 'names', name), `content of ${name}`);
  const bytes = Buffer.concat([Buffer.from(join(dir, 'names') + '/bad'), Buffer.from([0xff, 0xfe]), Buffer.from('.txt')]);
  await writeFile(bytes, 'not utf-8');
  await writeFile(join(dir, 'plain/deep/er/a'), 'A', { mode: 0o640 });
  await link(join(dir, 'plain/deep/er/a'), join(dir, 'plain/hard'));
  await symlink('../empty', join(dir, 'plain/link'));
  await symlink('/nowhere/at all', join(dir, 'plain/dangling'));
  await sparse(join(dir, 'plain/sparse'));
  await writeFile(join(dir, 'plain/setuid'), '#!', { mode: 0o755 });
  if (root) await chown(join(dir, 'plain/setuid'), 1234, 4321);
  await chmod(join(dir, 'plain/setuid'), 0o4755);
  await chmod(join(dir, 'plain'), 0o2751);
  await run('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "user.note", b"\\x00\\xff bytes")', join(dir, 'plain/setuid')]).catch(() => undefined);
  await utimes(join(dir, 'plain/deep/er/a'), 1_234_567_890.123, 1_234_567_890.987);
  await lutimes(join(dir, 'plain/link'), 1_000_000_000, 1_000_000_000);
  await utimes(join(dir, 'empty'), 999_999_999, 999_999_999);
}

/** Everything of a tree that a restore must bring back, by relative name (bytes as latin1). */
async function facts(dir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const firstOf = new Map<bigint, string>();
  const visit = async (path: Buffer, name: string): Promise<void> => {
    const { mode, uid, gid, mtimeNs, size, ino, nlink } = await lstat(path, { bigint: true });
    const type = Number(mode) & 0o170000;
    const first = type !== 0o040000 && nlink > 1n ? firstOf.get(ino) ?? name : '';
    if (first === name) firstOf.set(ino, name);
    const content = type === 0o100000 ? createHash('sha256').update(await readFile(path)).digest('hex').slice(0, 16) : type === 0o120000 ? await readlink(path, 'latin1') : '';
    found[name] = `${mode.toString(8)} ${uid}:${gid} ${mtimeNs} ${type === 0o040000 ? '' : size} ${first} ${content}`;
    if (type !== 0o040000) return;
    for (const entry of (await readdir(path, { encoding: 'buffer' })).sort((a, b) => a.compare(b))) await visit(Buffer.concat([path, Buffer.from('/'), entry]), `${name}/${entry.toString('latin1')}`);
  };
  await visit(Buffer.from(dir), '');
  return found;
}

async function xattr(path: string): Promise<string> {
  return run('python3', ['-c', 'import os,sys; print({n: os.getxattr(sys.argv[1], n) for n in os.listxattr(sys.argv[1])})', path]).then(({ stdout }) => stdout.trim(), () => 'no python3');
}

for (const { name, path } of restics) {
  describe(`restore with ${name}`, function () {
    this.timeout(60_000);
    const scratch = new Scratch();
    const old = path.includes('0.14');
    let bed: ResticBed;
    let dir = '';
    let source = '';
    let snapshot = '';

    const go = async (args: Partial<RestoreArgs>, change: Partial<Parameters<typeof restore>[1]> = {}): Promise<CommandOutcome> => restore(await bed.open(), { ...bed.io, job: 'job-1', args: { snapshot, overwrite: 'Never', ...args }, ...change });

    before(async () => {
      dir = await scratch.dir('restore');
      source = join(dir, 'source');
      await mkdir(source);
      await makeSource(source);
      bed = await ResticBed.make(dir, path);
      snapshot = (await bed.backup([source])).snapshotID ?? '';
    });
    after(async () => scratch.clean());
    beforeEach(() => { bed.lines.length = 0; bed.progress.length = 0; });

    it('brings everything back byte for byte: modes, owners, times, attributes, hard links, links, holes and every name', async () => {
      const target = join(dir, 'whole');
      const outcome = await go({ targetDirectory: target, verify: true });
      expect(outcome).to.deep.include({ phase: 'Succeeded', reason: 'Completed', targetDirectory: target });
      expect(await facts(join(target, source))).to.deep.equal(await facts(source));
      expect(await xattr(join(target, source, 'plain/setuid'))).to.equal(await xattr(join(source, 'plain/setuid')));
      if (!old) expect((await stat(join(target, source, 'plain/sparse'))).blocks, 'holes').to.be.lessThan(6_000_000 / 512 / 4);
      expect((await stat(target)).mode & 0o777).to.equal(0o700);
      if (!old) {
        expect(outcome.summary?.filesRestored).to.be.greaterThan(20);
        expect(outcome.summary?.bytesRestored).to.be.greaterThan(6_000_000);
        expect(bed.lines.join('\n')).not.to.contain('"message_type":"status"');
      }
    });

    it('takes chosen paths literally: no other file comes with them (E31)', async () => {
      const target = join(dir, 'chosen');
      expect(await go({ targetDirectory: target, paths: awkward.map((one) => join(source, 'names') + '/' + one) })).to.deep.include({ reason: 'Completed' });
      expect((await readdir(join(target, source, 'names'))).sort()).to.deep.equal([...awkward].sort());
      for (const one of awkward) expect(await readFile(join(target, source, 'names', one), 'utf8')).to.equal(`content of ${one}`);
    });

    it('restores a directory with names that are not text, and refuses to choose one by itself (PathNotText)', async () => {
      const target = join(dir, 'parent');
      expect((await go({ targetDirectory: target, paths: [`${source}/names/`] })).reason).to.equal('Completed');
      expect(await facts(join(target, source, 'names'))).to.deep.equal(await facts(join(source, 'names')));
      const { entries } = await listTree(await bed.open(), { snapshot, path: join(source, 'names') }, bed.io.signal);
      const bad = entries.find(({ notText }) => notText);
      expect(bad?.name).to.match(/^bad\ufffd+\.txt$/);
      expect((await failure(go({ targetDirectory: join(dir, 'never'), paths: [bad?.path ?? ''] }))).reason).to.equal('PathNotText');
      expect(await readdir(dir)).not.to.include('never');
    });

    it('fails with PathNotFound and writes nothing when a chosen path is not in the snapshot', async () => {
      const target = join(dir, 'nothing');
      for (const wrong of [join(source, 'names/repor*'), join(source, 'absent'), `${source}/names/../plain`]) {
        const outcome = await go({ targetDirectory: target, paths: [join(source, 'empty'), wrong] });
        expect(outcome).to.deep.include({ phase: 'Failed', reason: 'PathNotFound' });
        expect(outcome.message).to.equal(`not in snapshot ${snapshot.slice(0, 8)}: ${wrong}; nothing was restored`);
      }
      expect(await readdir(dir)).not.to.include('nothing');
    });

    it('names a snapshot that is not there, and takes nothing else for one', async () => {
      for (const wrong of ['0123456789abcdef', 'latest', `${snapshot}:/etc`, '--target=/']) {
        const error = await failure(go({ snapshot: wrong, targetDirectory: join(dir, 'x'), paths: ['/a'] }));
        expect(error.reason, wrong).to.equal('SnapshotNotFound');
      }
      expect((await failure(go({ snapshot: '0123456789abcdef', targetDirectory: join(dir, 'x') }))).reason, 'everything of it').to.equal('SnapshotNotFound');
    });

    it('overwrites what is there only as it was told', async () => {
      const target = join(dir, 'over');
      const file = join(target, source, 'names/star*');
      const again = async (overwrite: RestoreArgs['overwrite'], content: string, seconds: number): Promise<string> => {
        await writeFile(file, content);
        await utimes(file, seconds, seconds);
        await go({ targetDirectory: target, paths: [join(source, 'names/star*')], overwrite });
        return readFile(file, 'utf8');
      };
      await go({ targetDirectory: target, paths: [join(source, 'names/star*')] });
      expect(await again('Always', 'changed', 2_000_000_000)).to.equal('content of star*');
      if (old) {
        const error = await failure(again('Never', 'mine', 1));
        expect(error.reason).to.equal('ResticTooOld');
        expect(error.message).to.contain('overwrite Never where files may be already needs restic 0.17');
        expect(await readFile(file, 'utf8')).to.equal('mine');
        return;
      }
      expect(await again('Never', 'mine', 1)).to.equal('mine');
      expect(await again('IfNewer', 'newer', 2_000_000_000)).to.equal('newer');
      expect(await again('IfChanged', 'other size', 1)).to.equal('content of star*');
    });

    it('says what a dry run would do and makes not even the directory, or which restic can', async () => {
      const dry = go({ targetDirectory: join(dir, 'dry') }, { dryRun: true });
      if (old) expect((await failure(dry)).message).to.match(/^a dry run of a restore needs restic 0\.17 or newer on this host, which has 0\.14\.\d+$/);
      else expect((await dry).message).to.match(/^dry run: \d+ files would be restored to /);
      expect(await readdir(dir)).not.to.include('dry');
    });

    it('never writes through a link that an earlier restore left in the directory', async () => {
      const [linked, victim] = [join(dir, 'linked'), join(dir, 'victim')];
      await mkdir(join(linked, dirname(source)), { recursive: true, mode: 0o700 });
      await mkdir(victim);
      await symlink(victim, join(linked, source));
      const again = go({ targetDirectory: linked, overwrite: 'Always' });
      if (old) expect(await failure(again)).to.deep.include({ reason: 'ResticTooOld' }).and.to.have.property('message').that.contains(`${join(linked, source)} is a symbolic link`);
      else expect((await again).reason).to.equal('Completed');
      expect(await readdir(victim)).to.deep.equal([]);
    });

    it('is RestoreIncomplete, naming the files, when something could not be written', async function () {
      const target = join(dir, 'blocked');
      await mkdir(join(target, source, 'plain/hard'), { recursive: true, mode: 0o700 }); // a directory where a file must go
      await writeFile(join(target, source, 'plain/hard/inside'), 'x');
      const outcome = await go({ targetDirectory: target, overwrite: 'Always' });
      expect(outcome).to.deep.include({ phase: 'Failed', reason: 'RestoreIncomplete' });
      expect(outcome.skippedFiles?.join('\n')).to.contain('hard');
      expect(outcome.message).to.contain('could not be restored').and.to.contain(target);
      expect(await readFile(join(target, source, 'plain/deep/er/a'), 'utf8'), 'the rest is there').to.equal('A');
    });

    it('fills a small disk and says that this one is full, not the repository', async function () {
      if (!root) return this.skip();
      const small = join(dir, 'small');
      await mkdir(small, { mode: 0o700 });
      await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', small]);
      try {
        const big = join(dir, 'big');
        await mkdir(big);
        await writeFile(join(big, 'file'), Buffer.alloc(3_000_000, 'x'));
        const { snapshotID = '' } = await bed.backup([big], { group: { tag: 'big' } });
        const error = await failure(go({ snapshot: snapshotID, targetDirectory: join(small, 'in') }));
        expect(error.reason, error.message).to.equal('DiskFull');
        expect(error.message).to.contain('the restore needs more room than the target directory has');
      } finally {
        await run('umount', ['-l', small]);
      }
    });

    describe('in place', () => {
      // a directory of root below / : everything under the temporary directory may be changed by others
      const own = `/rm-restore-test-${process.pid}`;
      before(async function () {
        if (!root) return this.skip();
        await mkdir(join(own, 'data'), { recursive: true, mode: 0o755 });
        await writeFile(join(own, 'data/file'), 'as it was');
        await writeFile(join(own, 'data/other'), 'other');
      });
      after(async () => rm(own, { recursive: true, force: true }));
      let saved = '';
      beforeEach(async () => { saved ||= (await bed.backup([own], { group: { tag: 'own' } })).snapshotID ?? ''; });

      it('puts a file back where it came from, and leaves the others', async () => {
        await writeFile(join(own, 'data/file'), 'ruined');
        await writeFile(join(own, 'data/other'), 'newer');
        expect(await go({ snapshot: saved, inPlace: true, overwrite: 'Always', paths: [join(own, 'data/file')] })).to.deep.include({ reason: 'Completed', targetDirectory: '/' });
        expect(await readFile(join(own, 'data/file'), 'utf8')).to.equal('as it was');
        expect(await readFile(join(own, 'data/other'), 'utf8')).to.equal('newer');
      });

      it('is refused through a symbolic link, and nothing is written behind it (E31)', async () => {
        const elsewhere = join(dir, 'elsewhere');
        await mkdir(elsewhere, { recursive: true });
        await rm(join(own, 'data'), { recursive: true });
        await symlink(elsewhere, join(own, 'data'));
        for (const paths of [[join(own, 'data/file')], undefined]) {
          const error = await failure(go({ snapshot: saved, inPlace: true, overwrite: 'Always', paths }));
          expect(error.reason).to.equal('TargetRefused');
          expect(error.message).to.equal(`restoring in place is refused: ${join(own, 'data')} is a symbolic link, and could lead the restore elsewhere; restore into a directory of its own (restore.targetDirectory) and copy from it`);
        }
        expect(await readdir(elsewhere)).to.deep.equal([]);
        await rm(join(own, 'data'));
      });

      it('is refused below a directory that others may write, or that is not ours (E31)', async () => {
        await mkdir(join(own, 'data'));
        await chmod(join(own, 'data'), 0o777);
        expect((await failure(go({ snapshot: saved, inPlace: true, overwrite: 'Always' }))).message).to.contain(`${join(own, 'data')} may be written by others (mode 0777)`);
        await chmod(join(own, 'data'), 0o755);
        await chown(join(own, 'data'), 1234, 0);
        expect((await failure(go({ snapshot: saved, inPlace: true, overwrite: 'Always', paths: [join(own, 'data/file')] }))).message).to.contain('belongs to uid 1234');
        expect(await readdir(join(own, 'data'))).to.deep.equal([]);
        expect((await failure(go({ inPlace: true, overwrite: 'Always' }))).message, 'the temporary directory').to.contain('/tmp may be written by others');
      });
    });

    it('refuses a directory that is there and that others may change', async () => {
      const target = join(dir, 'open');
      await mkdir(target);
      await chmod(target, 0o777);
      expect((await failure(go({ targetDirectory: target }))).message).to.equal(`${target} may be written by others (mode 0777); choose a directory that is not there yet`);
      await symlink(target, join(dir, 'to-open'));
      expect((await failure(go({ targetDirectory: join(dir, 'to-open') }))).reason).to.equal('TargetRefused');
      expect(await readdir(target)).to.deep.equal([]);
    });

    it('tells progress on the way where restic does', async () => {
      if (old) return; // it tells nothing until its end
      const many = join(dir, 'many');
      await mkdir(many);
      await writeFile(join(many, 'big'), randomBytes(6_000_000));
      const { snapshotID = '' } = await bed.backup([many], { group: { tag: 'many' } });
      bed.progress.length = 0;
      const slow = await bed.open({ bandwidth: { downloadKiBps: 2_000 } });
      await restore(slow, { ...bed.io, job: 'j', args: { snapshot: snapshotID, overwrite: 'Never', targetDirectory: join(dir, 'progress') } });
      expect(bed.progress.length).to.be.greaterThan(0);
      expect(bed.progress.at(-1)).to.include({ totalBytes: 6_000_000 });
    });
  });
}

describe('restore targets', () => {
  it('expand a leading home only, and are absolute', () => {
    const of = (targetDirectory?: string): string => restoreTarget({ snapshot: 's', overwrite: 'Never', targetDirectory }, 'job-1', '/home/me');
    expect(of()).to.equal('/home/me/rm-restore/job-1');
    expect(restoreTarget({ snapshot: 's', overwrite: 'Never' }, 'j')).to.equal(join(homedir(), 'rm-restore/j'));
    expect(['~/a', '$HOME/a', '${HOME}/a', '/a/~/$HOME', '/a/../b/'].map(of)).to.deep.equal(['/home/me/a', '/home/me/a', '/home/me/a', '/a/~/$HOME', '/b']);
    for (const wrong of ['a', './a', '$OTHER/a', '~other/a', '$HOMEless', '', '/a\0b']) expect(() => of(wrong), wrong).to.throw(/is not absolute/);
    for (const wrong of ['/', '//', '/a/..']) expect(() => of(wrong), wrong).to.throw(/is the root of the file system/);
  });

  it('escape what a pattern would take for more than itself', () => {
    expect(literal('/a[1]*?\\b', 'linux')).to.equal('/a[[]1][*][?]\\\\b');
    expect(literal('/C/a[1]', 'windows')).to.equal('/C/a[[]1]');
  });
});
