import { chmod, mkdir, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { hostname } from 'node:os';
import { expect } from 'chai';
import { planGroup, restics, Scratch, until } from '../../test/builders/agentParts.js';
import { startBackend } from '../../test/builders/backends.js';
import { cheapenKey } from '../../test/builders/resticKey.js';
import { backup, type BackupResult, type Progress } from './backup.js';
import { ResticProbe } from './capabilities.js';
import { catConfig } from './catConfig.js';
import { ResticError } from './exitCodes.js';
import { init } from './init.js';
import { locks } from './locks.js';
import { cacheDirFor } from './pinnedCache.js';
import { Restic, ResticAborted } from './restic.js';
import { newest, snapshots } from './snapshots.js';
import { stats } from './stats.js';
import { decideUnlock, unlock, type UnlockFacts } from './unlock.js';

const PASSWORD = 'canary-password-4711';

async function reasonOf(work: Promise<unknown>): Promise<string> {
  return work.then(() => 'succeeded', (error: unknown) => (error instanceof ResticError ? error.reason : `not a ResticError: ${String(error)}`));
}

for (const { name, path } of restics) {
  describe(`restic commands with ${name}`, function () {
    this.timeout(60_000);
    const scratch = new Scratch();
    const probe = new ResticProbe(path);
    let dir = '';
    let source = '';
    let id = '';
    const lines: string[] = [];
    const progress: Progress[] = [];

    async function open(change: { id?: string; url?: string; password?: string; bandwidth?: { uploadKiBps?: number } } = {}): Promise<Restic> {
      const pinned = 'id' in change ? change.id : id;
      const cacheDir = cacheDirFor(join(dir, 'cache'), pinned);
      await mkdir(cacheDir, { recursive: true });
      return new Restic({ program: await probe.program(), cacheDir, bandwidth: change.bandwidth, openLimitMs: 500, repository: { name: 'r', url: change.url ?? join(dir, 'repo'), password: change.password ?? PASSWORD, id: pinned } });
    }

    async function runBackup(restic: Restic, change: Partial<Parameters<typeof planGroup>[0]> = {}, signal = new AbortController().signal): Promise<BackupResult> {
      return backup(restic, { group: planGroup({ includes: [source], ...change }), snapshotHost: 'web1', signal, onLine: (stream, line) => lines.push(`${stream}: ${line}`), onProgress: (one) => progress.push(one) });
    }

    beforeEach(async () => {
      dir = await scratch.dir('restic');
      source = join(dir, 'source');
      await mkdir(source);
      await writeFile(join(source, 'a'), 'hello');
      lines.length = 0;
      progress.length = 0;
      const opened = await init(await open({ id: undefined }), () => undefined);
      ({ id } = opened);
      await cheapenKey(join(dir, 'repo'), PASSWORD);
      expect(opened.created).to.be.true;
      expect(id).to.match(/^[0-9a-f]{64}$/);
    });
    afterEach(async () => scratch.clean());

    it('opens what is there instead of creating it twice, with and without the id pinned', async () => {
      expect(await init(await open({ id: undefined }), () => undefined)).to.deep.equal({ id, created: false });
      expect(await init(await open(), () => undefined)).to.deep.equal({ id, created: false });
      expect((await catConfig(await open())).formatVersion).to.equal(2);
    });

    it('never creates a repository whose id is pinned and that is gone (H5)', async () => {
      await rename(join(dir, 'repo'), join(dir, 'elsewhere'));
      const restic = await open();
      expect(await reasonOf(init(restic, () => undefined))).to.equal('NoRepository');
      expect(await reasonOf(runBackup(restic))).to.equal('NoRepository');
      expect(await readdir(dir)).not.to.include('repo');
    });

    it('makes nothing over half a repository, in a directory and on a rest-server (H5)', async () => {
      const server = await startBackend('rest');
      try {
        for (const [url, files] of [[join(dir, 'repo'), join(dir, 'repo')], [server.url('half'), server.files('half')]] as const) {
          if (url !== files) await init(await open({ id: undefined, url }), () => undefined);
          await rm(join(files, 'config'));
          const before = await readdir(join(files, 'keys'));
          const error = await init(await open({ id: undefined, url }), () => undefined).catch((reason: unknown) => reason as ResticError);
          expect(error).to.be.instanceOf(ResticError).with.property('reason', 'RepositoryDamaged');
          expect((error as ResticError).message).to.match(/is half there: it has keys and no config.*nothing is made over it/);
          expect(await readdir(join(files, 'keys')), url).to.deep.equal(before);
          expect(await readdir(files), url).not.to.include('config');
        }
      } finally {
        await server.stop();
      }
    });

    it('says so too where the storage cannot be looked at past restic (H5)', async () => {
      await rm(join(dir, 'repo', 'config'));
      const seen = new Restic({ program: await probe.program(), cacheDir: join(dir, 'cache'), openLimitMs: 500, repository: { name: 'r', url: join(dir, 'repo').replace(/^\/*/, './../'.repeat(20)), password: PASSWORD } });
      expect(await reasonOf(init(seen, () => undefined))).to.equal('RepositoryDamaged');
    });

    it('sees that the repository was replaced, by init and by backup, and writes nothing into the cache of the old one', async () => {
      await rm(join(dir, 'repo'), { recursive: true });
      const other = await init(await open({ id: undefined }), () => undefined);
      expect(other.id).not.to.equal(id);
      expect(await reasonOf(init(await open(), () => undefined))).to.equal('RepositoryReplaced');
      expect(await reasonOf(runBackup(await open()))).to.equal('RepositoryReplaced');
      expect(await reasonOf(runBackup(await open())), 'the second time too').to.equal('RepositoryReplaced');
    });

    it('backs up with host and tag, tells progress apart from log lines, and finds its parent after the paths changed (J6)', async () => {
      await writeFile(join(source, 'b'), randomBytes(3_000_000));
      const first = await runBackup(await open({ bandwidth: { uploadKiBps: 2_000 } }));
      expect(first).to.deep.include({ complete: true, exitCode: 0, repositoryID: id, missing: [] });
      expect(first.summary).to.deep.include({ filesNew: 2, filesProcessed: 2 });
      expect(lines.join('\n')).to.contain('"message_type":"summary"').and.not.contain('"message_type":"status"');
      expect(progress.length).to.be.greaterThan(0);
      const extra = join(dir, 'extra');
      await mkdir(extra);
      const second = await runBackup(await open(), { includes: [source, extra] });
      expect(second.summary).to.deep.include({ filesNew: 0, filesUnmodified: 2 });
      const list = await snapshots(await open(), { host: 'web1' });
      expect(list).to.have.length(2);
      expect(list[1]).to.deep.include({ hostname: 'web1', tags: ['docs'] });
      expect(list[1]?.id.startsWith(second.snapshotID ?? 'none')).to.be.true;
      expect(newest(list)).to.equal(list[1]?.id);
      expect(await snapshots(await open(), { host: 'other' })).to.have.length(0);
      expect((await stats(await open())).sizeBytes).to.be.greaterThan(3_000_000);
      expect((await stats(await open())).snapshotCount).to.equal(2);
    });

    it('hands every option on as one argument, so that none is taken for another', async () => {
      await writeFile(join(source, '-o sftp.command=x'), 'x');
      await writeFile(join(source, 'skip.tmp'), 'x');
      const result = await runBackup(await open(), { excludes: ['*.tmp', '--password-file=/etc/shadow'], excludeCaches: true, excludeIfPresent: ['.nobackup'], excludeLargerThan: '1G', oneFileSystem: true });
      expect(result.summary.filesNew).to.equal(2);
    });

    it('is complete only when every path was there, and names the missing one', async () => {
      const result = await runBackup(await open(), { includes: [source, join(dir, 'missing')] });
      expect(result.complete).to.be.false;
      expect(result.missing).to.deep.equal([join(dir, 'missing')]);
      expect(lines.some((line) => line.startsWith('agent: ') && line.includes('missing'))).to.be.true;
    });

    it('fails with SourceMissing when no path is there, without starting restic (J5)', async () => {
      expect(await reasonOf(runBackup(await open(), { includes: [join(dir, 'missing')] }))).to.equal('SourceMissing');
      expect(lines).to.be.empty;
    });

    it('fails with WrongPassword, and the password is in no line (J5)', async () => {
      const restic = await open({ password: 'another-canary' });
      expect(await reasonOf(runBackup(restic))).to.equal('WrongPassword');
      expect(await reasonOf(init(restic, () => undefined))).to.equal('WrongPassword');
      expect(lines.join('\n')).not.to.contain('another-canary');
    });

    it('fails with RepositoryUnreachable, and creates nothing, when nobody listens (J5)', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      expect(await reasonOf(init(await open({ id: undefined, url: `rest:http://127.0.0.1:${port}/r` }), () => undefined))).to.equal('RepositoryUnreachable');
      expect(await reasonOf(runBackup(await open({ url: `rest:http://127.0.0.1:${port}/r` })))).to.equal('RepositoryUnreachable');
    });

    it('fails with RepositoryReplaced or NoRepository, never ResticFailed, when the directory holds no repository', async () => {
      await mkdir(join(dir, 'empty'));
      expect(await reasonOf(runBackup(await open({ url: join(dir, 'empty') })))).to.equal('NoRepository');
    });

    it('is cancelled at once under a low bandwidth limit, where restic alone would first send what it is at, and leaves nothing (J4, H6)', async () => {
      const server = await startBackend('rest');
      try {
        const repository = { name: 'slow', url: server.url('slow'), password: PASSWORD };
        const options = { program: await probe.program(), cacheDir: join(dir, 'cache'), openLimitMs: 500 };
        const made = await init(new Restic({ ...options, repository }), () => undefined);
        await cheapenKey(server.files('slow'), PASSWORD);
        await writeFile(join(source, 'noise'), randomBytes(24 * 2 ** 20));
        const notes: string[] = [];
        const restic = new Restic({ ...options, repository: { ...repository, id: made.id }, bandwidth: { uploadKiBps: 20 }, onNote: (line) => notes.push(line) });
        const abort = new AbortController();
        const run = runBackup(restic, {}, abort.signal).catch((error: unknown) => error);
        const sending = async (): Promise<boolean> => (await readdir(join(server.files('slow'), 'data'), { recursive: true })).some((name) => name.includes('tmp') || /[0-9a-f]{64}/.test(name));
        await until('something to be sent', sending, 20_000);
        const asked = Date.now();
        abort.abort();
        const error = await run;
        const took = Date.now() - asked;
        expect(error).to.be.instanceOf(ResticAborted);
        expect(took, 'ms; 128 KiB take 6,400').to.be.lessThan(3_000);
        const bare = new Restic({ ...options, repository });
        if (name.includes('0.14')) await unlock(bare, { hostname: hostname(), now: Date.now(), clockSkewMs: 0, alive: () => false, ownDeadChild: () => true });
        expect(await locks(bare)).to.be.empty;
        await until('the server to let go of what was broken off', async () => !(await readdir(server.files('slow'), { recursive: true })).some((file) => file.includes('tmp')));
        expect((await bare.run('check', [])).code).to.equal(0);
        expect(notes).to.be.empty;
      } finally {
        await server.stop();
      }
    });

    if (name === 'newest restic') it('says what it waits for when a restic under a limit cannot be broken off (J4, H6)', async () => {
      await writeFile(join(source, 'noise'), randomBytes(24 * 2 ** 20));
      const notes: string[] = [];
      const abort = new AbortController();
      const restic = (await open({ bandwidth: { uploadKiBps: 20 } })).with({ onNote: (line) => notes.push(line) });
      const run = runBackup(restic, {}, abort.signal).catch((error: unknown) => error);
      await until('its lock', async () => (await readdir(join(dir, 'repo', 'locks'))).length > 0);
      await until('something to be sent', async () => (await readdir(join(dir, 'repo', 'data'), { recursive: true })).some((file) => file.includes('tmp')));
      abort.abort();
      expect(await run).to.be.instanceOf(ResticAborted).with.property('killed', true);
      expect(notes).to.deep.equal(['restic backup was asked to stop and is still at it: under its bandwidth limit it ends what it is sending first; it is killed after 5 seconds']);
    });

    it('leaves no lock when it is cancelled, and says that it was (J4)', async () => {
      await writeFile(join(source, 'big'), '');
      await truncate(join(source, 'big'), 40 * 2 ** 30); // sparse: much to read, nothing to upload
      const abort = new AbortController();
      const running = runBackup(await open(), {}, abort.signal);
      await until('progress', () => progress.length > 1);
      const began = Date.now();
      abort.abort();
      const error: unknown = await running.then(() => undefined, (reason: unknown) => reason);
      expect(error).to.be.instanceOf(ResticAborted);
      expect(Date.now() - began).to.be.lessThan(4_000);
      expect(await readdir(join(dir, 'repo', 'locks'))).to.be.empty;
    });

    it('removes the lock of its own dead child, and no other (unlock rule)', async () => {
      await writeFile(join(source, 'big'), randomBytes(8_000_000));
      const child = spawn(path, ['backup', '--no-cache', '--limit-upload=500', source], { env: { PATH: process.env['PATH'], RESTIC_REPOSITORY: join(dir, 'repo'), RESTIC_PASSWORD: PASSWORD }, stdio: 'ignore' });
      const ended = new Promise((resolve) => child.on('exit', resolve));
      await until('a lock', async () => (await readdir(join(dir, 'repo', 'locks'))).length > 0);
      const restic = await open();
      const facts: UnlockFacts = { hostname: hostname(), now: Date.now(), clockSkewMs: 0, alive: (pid) => pid === child.pid, ownDeadChild: () => false };
      expect((await unlock(restic, facts)).decision.act, 'a live one').to.equal('none');
      child.kill('SIGKILL');
      await ended;
      const dead: UnlockFacts = { ...facts, alive: () => false };
      expect((await unlock(restic, dead)).decision.act, 'dead, but not ours').to.equal('leave');
      expect(await locks(restic)).to.have.length(1);
      expect((await unlock(restic, { ...dead, ownDeadChild: (pid) => pid === child.pid })).decision.act).to.equal('unlock');
      expect(await locks(restic)).to.be.empty;
    });

    it('makes a partial backup of what it may read, and fails with NothingRead when that is nothing', async function () {
      if (process.getuid?.() === 0) {
        // root reads everything: a file that vanishes between scan and read is not to be had at will, so a wrapper drops to nobody
        const wrapper = join(dir, 'as-nobody');
        await writeFile(wrapper, `#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups ${path} "$@"\n`, { mode: 0o755 });
        await chmod(dir, 0o777);
        const secret = join(source, 'secret');
        await writeFile(secret, 'x', { mode: 0o600 });
        const own = new ResticProbe(wrapper);
        const repository = { name: 'r', url: join(dir, 'nobody'), password: PASSWORD };
        const cacheDir = join(dir, 'nobody-cache');
        await mkdir(cacheDir, { mode: 0o777 });
        await chmod(cacheDir, 0o777);
        await chmod(source, 0o755);
        const pinned = await init(new Restic({ program: await own.program(), repository, cacheDir }), () => undefined);
        const restic = new Restic({ program: await own.program(), repository: { ...repository, id: pinned.id }, cacheDir });
        const result = await runBackup(restic);
        expect(result).to.deep.include({ complete: false, exitCode: 3 });
        expect(result.warnings).to.be.greaterThan(0);
        expect(await reasonOf(runBackup(restic, { includes: [secret] }))).to.equal('NothingRead');
      } else this.skip();
    });
  });
}

describe('unlock rule', () => {
  const now = Date.parse('2026-11-24T00:00:00Z');
  const base: UnlockFacts = { hostname: 'h', now, clockSkewMs: 0, alive: () => false, ownDeadChild: (pid) => pid === 7 };
  const lock = (change: { hostname?: string; pid?: number; age?: number }) => ({ id: 'x', hostname: change.hostname ?? 'h', pid: change.pid ?? 7, time: now - (change.age ?? 60_000), exclusive: false });
  const HOUR = 3_600_000;
  const rows: [string, ReturnType<typeof lock>[], Partial<UnlockFacts>, string][] = [
    ['does nothing without locks', [], {}, 'none'],
    ['takes the lock of an own dead child', [lock({})], {}, 'unlock'],
    ['leaves a dead process of this host that was not ours', [lock({ pid: 8 })], {}, 'leave'],
    ['leaves everything when one of those restic would take is not ours', [lock({}), lock({ pid: 8 })], {}, 'leave'],
    ['does not run for a live lock of another host', [lock({ hostname: 'other' })], {}, 'none'],
    ['leaves a lock of another host that restic would call stale after 30 minutes', [lock({ hostname: 'other', age: HOUR })], {}, 'leave'],
    ['takes a lock older than two hours', [lock({ hostname: 'other', age: 2.1 * HOUR })], {}, 'unlock'],
    ['does not believe its clock when it is 5 minutes off', [lock({ hostname: 'other', age: 2.1 * HOUR })], { clockSkewMs: 300_000 }, 'leave'],
    ['counts the two hours by server time', [lock({ hostname: 'other', age: 2.05 * HOUR })], { clockSkewMs: 240_000 }, 'leave'],
    ['does not believe a clock that no server confirmed', [lock({ hostname: 'other', age: 5 * HOUR })], { clockSkewMs: undefined }, 'leave'],
    ['leaves a live process of this host alone', [lock({})], { alive: () => true }, 'none'],
  ];
  for (const [sentence, list, change, act] of rows) it(sentence, () => { expect(decideUnlock(list, { ...base, ...change }).act).to.equal(act); });
});
