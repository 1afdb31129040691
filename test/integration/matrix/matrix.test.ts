/**
 * Every job type, with both restics, on every kind of storage, through a real server and real agents. What the job says is
 * compared with what a bare restic finds in the repository afterwards (J1).
 */
import { spawnSync } from 'node:child_process';
import { rm, unlink, writeFile } from 'node:fs/promises';
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
      });
    }
  }
});

/** Byte for byte, with names. */
function expectSame(a: string, b: string): void {
  const { status, stdout, stderr } = spawnSync('diff', ['-r', '--no-dereference', a, b], { encoding: 'utf8' });
  expect(status, stdout + stderr).to.equal(0);
}
