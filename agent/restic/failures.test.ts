import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { restics, Scratch, until } from '../../test/builders/agentParts.js';
import { failure, PASSWORD, ResticBed } from '../../test/builders/resticBed.js';
import { freePort } from '../../test/builders/services.js';
import { check } from './check.js';
import { catConfig } from './catConfig.js';
import { diff } from './diff.js';
import { forget } from './forget.js';
import { ForgetLedger } from './forgetLedger.js';
import { init } from './init.js';
import { pastLocks } from './lockWait.js';
import { locks } from './locks.js';
import { prune } from './prune.js';
import type { Restic } from './restic.js';
import { restore } from './restore.js';
import { snapshots } from './snapshots.js';
import { listTree } from './tree.js';
import { unlockStale, type UnlockFacts } from './unlock.js';

const run = promisify(execFile);
const root = process.getuid?.() === 0;

for (const { name, path } of restics) {
  describe(`failures of ${name}, made to happen`, function () {
    this.timeout(90_000);
    const old = path.includes('0.14');
    const scratch = new Scratch();
    let bed: ResticBed;
    let dir = '';
    let source = '';
    let ids: string[] = [];
    let ledger: ForgetLedger;

    before(async () => {
      dir = await scratch.dir('failures');
      source = join(dir, 'source');
      await mkdir(source);
      bed = await ResticBed.make(dir, path);
      for (const content of ['one', 'two']) {
        await writeFile(join(source, 'a'), content);
        await writeFile(join(source, 'big'), randomBytes(1_500_000));
        await bed.backup([source]);
      }
      ids = (await snapshots(await bed.open(), {})).map(({ id }) => id);
      ledger = await ForgetLedger.open(dir, bed.id ?? '');
    });
    after(async () => scratch.clean());
    beforeEach(() => { bed.lines.length = 0; });

    const commands: Record<string, (restic: Restic) => Promise<unknown>> = {
      init: async (restic) => init(restic, () => undefined),
      backup: async (restic) => bed.backup([source], { restic }),
      forget: async (restic) => forget(restic, { ...bed.io, ledger, now: Date.now(), clockSkewMs: 0, args: { snapshotIDs: [ids[0] ?? ''] } }),
      prune: async (restic) => prune(restic, bed.io),
      check: async (restic) => check(restic, bed.io),
      restore: async (restic) => restore(restic, { ...bed.io, job: 'j', args: { snapshot: ids[0] ?? '', overwrite: 'Never', targetDirectory: join(dir, `restored-${Math.random()}`) } }),
      diff: async (restic) => diff(restic, { a: ids[0] ?? '', b: ids[1] ?? '' }, bed.io),
      tree: async (restic) => listTree(restic, { snapshot: ids[0] ?? '', path: '/' }, bed.io.signal),
      unlock: async (restic) => unlockStale(restic, Date.now(), bed.io),
    };

    it('say WrongPassword for every command, and what to do; the password is in no line', async () => {
      const restic = await bed.open({ repository: { password: 'another-canary\n' } });
      for (const [command, work] of Object.entries(commands)) {
        const error = await failure(work(restic));
        expect(error.reason, command).to.equal('WrongPassword');
        expect(error.message).to.equal("restic refused the repository password; set key password in the Secret of the repository (spec.credentialsSecretRef) (restic: wrong password or no key found); the password of the Secret begins or ends with white space or a line end, which restic's --password-file would cut off");
      }
      expect(bed.lines.join('\n')).not.to.contain('another-canary');
    });

    it('say RepositoryUnreachable for every command when nobody listens', async () => {
      const port = await freePort();
      const restic = await bed.open({ repository: { url: `rest:http://127.0.0.1:${port}/r` }, openLimitMs: 200 });
      for (const [command, work] of Object.entries(commands)) {
        const error = await failure(work(restic));
        expect(error.reason, `${command}: ${error.message}`).to.equal('RepositoryUnreachable');
        expect(error.message).to.contain(`the repository at rest:http://127.0.0.1:${port}/r cannot be reached; check the address, the network and that the storage is running (restic: `).and.to.contain('connection refused');
      }
    });

    it('say NoRepository for every command where there is none, and make none', async () => {
      const restic = await bed.open({ repository: { url: join(dir, 'absent') } });
      for (const [command, work] of Object.entries(commands)) {
        const error = await failure(work(restic));
        expect(error.reason, `${command}: ${error.message}`).to.equal('NoRepository');
        expect(error.message).to.contain(`the repository at ${join(dir, 'absent')} is gone`.slice(command === 'init' || command === 'backup' ? 0 : 4, command === 'init' || command === 'backup' ? undefined : 4 + 'repository at'.length));
      }
      expect(await readdir(dir)).not.to.include('absent');
    });

    it('say SnapshotNotFound for a snapshot that is not there', async () => {
      const restic = await bed.open();
      const missing = 'deadbeefdeadbeef';
      for (const work of [async () => diff(restic, { a: ids[0] ?? '', b: missing }, bed.io), async () => listTree(restic, { snapshot: missing, path: '/' }, bed.io.signal), async () => restore(restic, { ...bed.io, job: 'j', args: { snapshot: missing, overwrite: 'Never', targetDirectory: join(dir, 'none') } })]) {
        const error = await failure(work());
        expect(error.reason, error.message).to.equal('SnapshotNotFound');
      }
      for (const [a, b] of [['deadbeef', 'deadbeef'], [ids[0] ?? '', (ids[0] ?? '').slice(0, 8)], ['--json', ids[0] ?? ''], ['latest', ids[0] ?? '']] as const) expect((await failure(diff(restic, { a, b }, bed.io))).reason, 'E25').to.equal('SnapshotNotFound');
    });

    it('say ResticKilled when somebody else ends restic', async () => {
      const long = join(dir, 'long');
      await writeFile(long, '');
      await truncate(long, 40 * 2 ** 30); // sparse: much to read, nothing to upload
      for (const signal of ['SIGKILL', 'SIGINT'] as const) {
        bed.progress.length = 0;
        let child = 0;
        const error = failure(bed.backup([long], { group: { tag: 'long' }, restic: await bed.open({ onChild: ({ pid }) => { child = pid; } }) }));
        await until('progress', () => bed.progress.length > 0);
        process.kill(child, signal);
        expect((await error).reason, (await error).message).to.equal('ResticKilled');
        expect((await error).message).to.contain(signal === 'SIGKILL' ? 'restic backup was killed by SIGKILL: by hand, or by the system when memory ran out' : 'restic backup was interrupted, and not by this agent');
        await (await bed.open()).run('unlock', []);
      }
    });

    it('say RepositoryFull or DiskFull, whichever it is', async function () {
      if (!root) return this.skip();
      const small = join(dir, 'small');
      await mkdir(small);
      await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small]);
      const big = join(dir, 'too-big');
      await mkdir(big);
      await writeFile(join(big, 'file'), randomBytes(6_000_000));
      const temporary = process.env['TMPDIR'];
      try {
        const full = await ResticBed.make(join(dir, 'full'), path, join(small, 'repo'));
        const error = await failure(full.backup([big]));
        expect(error.reason, error.message).to.equal('RepositoryFull');
        expect(error.message).to.contain(`the storage of the repository at ${join(small, 'repo')} is full`);
        await rm(join(small, 'repo'), { recursive: true });
        process.env['TMPDIR'] = small;
        const other = await failure(bed.backup([big], { group: { tag: 'big' } }));
        expect(other.reason, other.message).to.equal('DiskFull');
        expect(other.message).to.contain("this host's disk is full: restic needs room for its cache and temporary files");
      } finally {
        if (temporary === undefined) delete process.env['TMPDIR'];
        else process.env['TMPDIR'] = temporary;
        await run('umount', ['-l', small]);
      }
      await (await bed.open()).run('unlock', []);
    });

    it('say RepositoryDamaged or name the files when the repository lost data', async () => {
      const copy = join(dir, 'copy');
      const packs = async (): Promise<string[]> => (await readdir(join(copy, 'data'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const fresh = async (): Promise<Restic> => {
        await rm(copy, { recursive: true, force: true });
        await cp(bed.url, copy, { recursive: true });
        return bed.open({ repository: { url: copy }, cacheDir: join(dir, 'cache', String(Math.random())) });
      };
      let restic = await fresh();
      for (const pack of await packs()) {
        if (!old) await truncate(pack, 50);
        else if ((await stat(pack)).size > 100_000) await rm(pack); // it tries to read trees that are gone for a minute
      }
      const checked = await check(restic, bed.io);
      expect(checked).to.deep.include({ phase: 'Failed', reason: 'CheckFoundErrors' });
      expect(checked.summary?.errorsFound).to.be.greaterThan(0);
      if (old) return; // it tries each pack again for a quarter of an hour
      const lost = await Promise.resolve(commands['restore']?.(restic)).then((outcome) => outcome as { reason: string }, (error: unknown) => error as { reason: string });
      expect(['RepositoryDamaged', 'RestoreIncomplete']).to.include(lost.reason);
      for (const command of ['diff', 'tree', 'prune']) {
        const error = await failure(commands[command]?.(restic) ?? Promise.resolve());
        expect(error.reason, `${command}: ${error.message}`).to.equal('RepositoryDamaged');
      }
      restic = await fresh();
      for (const index of await readdir(join(copy, 'index'))) await writeFile(join(copy, 'index', index), 'garbage');
      const told = await check(restic, bed.io);
      expect(told.phase).to.equal('Failed');
      expect(['RepositoryDamaged', 'CheckFoundErrors']).to.include(told.reason);
    });

    it('say that too much or a NUL was asked for, and leave no file of the run', async () => {
      const restic = await bed.open({ repository: { files: { 'ca.pem': 'x' } } });
      for (const args of [['a\0b'], Array.from({ length: 40 }, () => 'x'.repeat(100_000))]) {
        const error = await failure(restic.run('backup', ['--', ...args]));
        expect(error.message).to.contain('restic backup was not started: ').and.to.contain(args.length > 1 ? 'too many for one command' : 'a NUL character');
      }
      expect((await readdir(join(dir, 'cache'))).filter((file) => file.startsWith('files-'))).to.deep.equal([]);
    });

    it('do not come from a password of several lines, or one that is not ASCII: restic takes it as it is', async () => {
      const password = 'pässword "one"\n$two\\ three\n';
      const own = await ResticBed.make(join(dir, 'odd'), path, join(dir, 'odd/repo'), { password });
      expect((await catConfig(await own.open({ repository: { password } }))).id).to.equal(own.id);
      const bare = await run(path, ['-r', own.url, '--no-cache', 'cat', 'config'], { env: { PATH: process.env['PATH'], RESTIC_PASSWORD: password } });
      expect((JSON.parse(bare.stdout) as { id: string }).id).to.equal(own.id);
    });

    describe('with somebody else in the repository', () => {
      let holder: ChildProcess | undefined;
      /** A restic of nobody's that holds an exclusive lock until it is ended. */
      async function hold(): Promise<ChildProcess> {
        const child = spawn(path, ['check', '--read-data', '--no-cache', '--limit-download=20'], { env: { PATH: process.env['PATH'], RESTIC_REPOSITORY: bed.url, RESTIC_PASSWORD: PASSWORD }, stdio: 'ignore' });
        holder = child;
        await until('a lock', async () => (await readdir(join(bed.url, 'locks'))).some((file) => /^[0-9a-f]{64}$/.test(file)));
        return child;
      }
      const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
        const over = once(child, 'exit');
        child.kill(signal);
        await over;
      };
      afterEach(async () => {
        if (holder && holder.exitCode === null && holder.signalCode === null) await end(holder, 'SIGKILL');
        await clear();
      });
      const clear = async (): Promise<void> => { for (const lock of await readdir(join(bed.url, 'locks'))) await rm(join(bed.url, 'locks', lock)); };
      const facts = (change: Partial<UnlockFacts> = {}): UnlockFacts => ({ hostname: hostname(), now: Date.now(), clockSkewMs: 0, alive: (pid) => pid === holder?.pid && holder.exitCode === null && holder.signalCode === null, ownDeadChild: () => false, ...change });

      it('say RepositoryLocked at once for everything that locks, and read what needs no lock', async () => {
        const { pid } = await hold();
        const restic = await bed.open({ waitForLocks: false });
        for (const command of ['backup', 'forget', 'prune', 'check', 'restore', 'diff']) {
          const error = await failure(commands[command]?.(restic) ?? Promise.resolve());
          expect(error.reason, `${command}: ${error.message}`).to.equal('RepositoryLocked');
          expect(error.message).to.contain(`the repository at ${bed.url} is locked (restic: `).and.to.contain(`PID ${pid ?? 0} on ${hostname()}`);
        }
        const beside = restic.with({ noLock: true });
        expect(await commands['diff']?.(beside), 'beside a check of ours').to.deep.include({ reason: 'Completed' });
        expect(await commands['restore']?.(beside)).to.deep.include({ reason: 'Completed' });
        await commands['tree']?.(restic);
        expect(await snapshots(restic, {})).to.have.length(2);
      });

      it('wait for it where restic can, saying for whom; else they say who it is', async () => {
        const child = await hold();
        const ended = new Promise((resolve) => setTimeout(resolve, 3_000)).then(async () => {
          await end(child, 'SIGKILL');
          await clear();
        });
        const work = pastLocks(await bed.open(), { facts, signal: bed.io.signal, onLine: bed.onLine }, async (own) => diff(own, { a: ids[0] ?? '', b: ids[1] ?? '' }, bed.io));
        if (old) {
          const error = await failure(work);
          expect(error.reason).to.equal('RepositoryLocked');
          expect(error.message).to.match(new RegExp(`^the repository at ${bed.url} is locked, held by pid ${child.pid ?? 0} on .* for 0 minutes \\(exclusively\\); wait for it to end, or remove the lock \\(a job of type Unlock\\)`));
        } else {
          expect((await work).reason).to.equal('Completed');
          expect(bed.lines.some((line) => line.startsWith(`agent: waiting for the repository, held by pid ${child.pid ?? 0} on `))).to.be.true;
        }
        await ended;
      });

      it('get past the lock of an own dead child by themselves, and leave anybody else\'s to a person', async () => {
        const child = await hold();
        await end(child, 'SIGKILL');
        const work = async (ownDeadChild: boolean): Promise<unknown> => pastLocks(await bed.open({ waitForLocks: false }), { facts: () => facts({ ownDeadChild: () => ownDeadChild }), signal: bed.io.signal, onLine: bed.onLine }, async (own) => diff(own.with({ waitForLocks: false }), { a: ids[0] ?? '', b: ids[1] ?? '' }, bed.io));
        expect((await failure(work(false))).reason).to.equal('RepositoryLocked');
        expect(await locks(await bed.open())).to.have.length(1);
        expect(await work(true)).to.deep.include({ reason: 'Completed' });
        expect(bed.lines.some((line) => line.startsWith('agent: removed a stale lock: held by pid '))).to.be.true;
      });

      it('are mended by a person\'s unlock, which takes what restic deems stale and says what stays (R6)', async () => {
        const child = await hold();
        const stays = await unlockStale(await bed.open(), Date.now(), bed.io);
        expect(stays).to.deep.include({ phase: 'Failed', reason: 'RepositoryLocked', summary: { locksRemoved: 0, locksLeft: 1 } });
        expect(stays.message).to.match(new RegExp(`held by pid ${child.pid ?? 0} on .* for 0 minutes \\(exclusively\\), stale for restic from \\d{4}-`));
        await end(child, 'SIGKILL');
        const gone = await unlockStale(await bed.open(), Date.now(), bed.io);
        expect(gone).to.deep.include({ phase: 'Succeeded', reason: 'Completed', summary: { locksRemoved: 1, locksLeft: 0 } });
        expect(bed.lines.some((line) => line.startsWith('agent: lock ') && line.includes(`pid ${child.pid ?? 0} on`))).to.be.true;
        expect(await unlockStale(await bed.open(), Date.now(), bed.io)).to.deep.include({ message: 'there was no lock' });
      });
    });
  });
}
