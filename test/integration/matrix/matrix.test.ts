/**
 * Every job type, with both restics, on every kind of storage, through a real server and real agents. What the job says is
 * compared with what a bare restic finds in the repository afterwards (J1).
 */
import { spawnSync } from 'node:child_process';
import { readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { restics } from '../../builders/agentParts.js';
import { addBackendHost, type BackendHost, type Job } from '../../builders/backendHost.js';
import { startBackend, type Backend, type BackendName } from '../../builders/backends.js';
import { openWorld, type World } from '../../builders/world.js';

const names = ['s3', 'local', 'append-only', 'sftp'] satisfies BackendName[];
const short = { 'newest restic': 'new', 'restic 0.14': 'old' } as const;

describe('every job type, both restics, every back end (J1)', function () {
  this.timeout(120_000);
  let world: World;
  const backends = new Map<BackendName, Backend>();
  before(async () => {
    world = await openWorld();
    for (const name of names) backends.set(name, await startBackend(name, [`${name}-new`, `${name}-old`]));
  });
  after(async () => {
    await world.close();
    for (const backend of backends.values()) await backend.stop();
  });

  for (const backendName of names) {
    for (const { name: resticName, path: restic } of restics) {
      describe(`${backendName}, ${resticName}`, () => {
        let host: BackendHost;
        let first: Job;
        let second: Job;
        const succeeded = (job: Job, reason = 'Completed'): Job => {
          expect(job.status, JSON.stringify(job.status)).to.include({ phase: 'Succeeded', reason });
          return job;
        };
        const snapshot = (job: Job): string => host.snapshots().find(({ id }) => id.startsWith(job.status?.snapshotID ?? 'none'))?.id ?? '';

        it('Init: the repository that bare restic finds is the one whose id is pinned (H5)', async () => {
          const backend = backends.get(backendName);
          if (!backend) throw new Error(`no back end ${backendName}`);
          host = await addBackendHost(world, backend, { name: `${backendName}-${short[resticName]}`, restic });
          const { id } = JSON.parse(host.bare('cat', 'config', '--no-lock')) as { id: string };
          expect((await world.get('Repository', host.repository))?.status).to.include({ phase: 'Ready', id });
          const init = (await world.list('ResticJob')).filter(({ spec }) => spec.type === 'Init' && spec.hostRef.name === host.name);
          expect(init.map(({ status }) => status?.reason)).to.deep.equal(['Initialized']);
        });

        it('Backup: one snapshot a run, under the host\'s name and the group\'s tag, the second on the first', async () => {
          first = succeeded(await host.run('Backup'));
          await writeFile(join(host.source, 'hello.txt'), 'hello again\n');
          await writeFile(join(host.source, 'new.txt'), 'new\n');
          await unlink(join(host.source, 'report1.txt'));
          second = succeeded(await host.run('Backup'));
          const found = host.snapshots();
          expect(found.map(({ hostname, tags, paths }) => ({ hostname, tags, paths }))).to.deep.equal([1, 2].map(() => ({ hostname: host.name, tags: [host.name], paths: [host.source] })));
          expect([snapshot(first), snapshot(second)]).to.deep.equal(found.map(({ id }) => id));
          expect(second.status?.summary, 'found its parent').to.include({ filesNew: 1, filesChanged: 1 });
          const target = join(world.dir, `bare-${host.name}`);
          host.bare('restore', '--no-lock', snapshot(second), '--target', target);
          expectSame(join(target, host.source), host.source);
          await rm(target, { recursive: true });
        });

        it('Diff: counts what bare restic counts', async () => {
          const job = succeeded(await host.run('Diff', { diff: { a: snapshot(first), b: snapshot(second) } }));
          const lines = host.bare('diff', '--no-lock', '--json', snapshot(first), snapshot(second)).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { message_type: string; changed_files?: number; added?: { files: number; bytes: number }; removed?: { files: number; bytes: number } });
          const counted = lines.find(({ message_type: type }) => type === 'statistics');
          expect(job.status?.summary).to.include({ filesAdded: counted?.added?.files, filesRemoved: counted?.removed?.files, filesChanged: counted?.changed_files, bytesAdded: counted?.added?.bytes, bytesRemoved: counted?.removed?.bytes });
        });

        it('Restore: a whole snapshot into a new directory, and one path that a pattern would mistake (E31)', async () => {
          const bare = join(world.dir, `bare-${host.name}`);
          host.bare('restore', '--no-lock', snapshot(first), '--target', bare);
          const whole = succeeded(await host.run('Restore', { restore: { snapshot: snapshot(first), targetDirectory: join(world.dir, `whole-${host.name}`), overwrite: 'Never' } }));
          expectSame(join(whole.status?.targetDirectory ?? '', host.source), join(bare, host.source));
          const one = succeeded(await host.run('Restore', { restore: { snapshot: snapshot(first), paths: [join(host.source, 'report[1].txt')], targetDirectory: join(world.dir, `one-${host.name}`), overwrite: 'Never' } }));
          const restored = join(one.status?.targetDirectory ?? '', host.source);
          expect(await readdir(restored)).to.deep.equal(['report[1].txt']);
          expect(await readFile(join(restored, 'report[1].txt'), 'utf8')).to.equal('the one with brackets\n');
        });

        it('Check: reads all data and finds none of it damaged, as bare restic does', async () => {
          succeeded(await host.run('Check', { check: { readDataSubsetPercent: 100 } }));
          host.bare('check', '--read-data', '--no-lock');
        });

        it('Unlock: takes the lock that a killed restic left, which bare restic then no longer finds', async () => {
          await host.leaveLock();
          expect(host.locks(), 'a lock is there').to.not.deep.equal([]);
          const job = succeeded(await host.run('Unlock'));
          expect(job.status?.summary).to.include({ locksRemoved: 1, locksLeft: 0 });
          expect(host.locks()).to.deep.equal([]);
        });

        it('Forget: exactly the snapshot that was named', async () => {
          const job = succeeded(await host.run('Forget', { forget: { snapshotIDs: [snapshot(first)] } }));
          expect(job.status?.summary).to.include({ snapshotsRemoved: 1 });
          expect(host.snapshots().map(({ id }) => id)).to.deep.equal([snapshot(second)]);
        });

        it('Prune: nothing that no snapshot needs is left, and what is needed is whole', async () => {
          const size = (): number => (JSON.parse(host.bare('stats', '--mode', 'raw-data', '--json', '--no-lock')) as { total_size: number }).total_size;
          const needed = size();
          succeeded(await host.run('Prune'));
          expect(host.bare('prune', '--dry-run', '--no-lock')).to.match(/to delete:\s+0 blobs|total prune:\s+0 blobs/);
          expect(size()).to.equal(needed);
          host.bare('check', '--read-data', '--no-lock');
        });
      });
    }
  }
});

/** Byte for byte, with names. */
function expectSame(a: string, b: string): void {
  const { status, stdout, stderr } = spawnSync('diff', ['-r', '--no-dereference', a, b], { encoding: 'utf8' });
  expect(status, stdout + stderr).to.equal(0);
}
