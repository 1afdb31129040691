/**
 * Bringing files back with real parts: in place with each way to overwrite, another host's data on a named host, a dead or
 * deleted host's data. Each is compared byte for byte with what bare restic restores (R3, R4, E11, E31).
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { addBackendHost, declareHost, type BackendHost, type Job } from '../builders/backendHost.js';
import { REPOSITORY_PASSWORD, startBackend, type Backend } from '../builders/backends.js';
import { until } from '../builders/until.js';
import { openWorld, type World } from '../builders/world.js';

/** Whole seconds, so that it is set as exactly as it is stored. */
const LONG_AGO = new Date('2025-01-01T00:00:00Z');
/** What comes back besides what is missing. */
const overwrites = { never: [], if_newer: ['older.txt'], if_changed: ['older.txt', 'newer.txt'], always: ['older.txt', 'newer.txt', 'same.txt'] } as const;

describe('restores, end to end', function () {
  this.timeout(120_000);
  let world: World;
  let backend: Backend;
  /** Where no directory above is somebody else's to write, which the temporary directory is not. */
  let safe: string;
  let web1: BackendHost;
  let web2: BackendHost;
  let lone: BackendHost;
  before(async () => {
    safe = await mkdtemp(join(homedir(), 'rm-restores-'));
    world = await openWorld();
    backend = await startBackend('local');
    web1 = await addBackendHost(world, backend, { name: 'web1', source: join(safe, 'web1') });
    for (const name of ['older.txt', 'newer.txt', 'same.txt', 'gone.txt']) await writeFile(join(web1.source, name), `${name} as it was\n`);
    await utimes(join(web1.source, 'same.txt'), LONG_AGO, LONG_AGO);
    copy(web1.source, join(world.dir, 'pristine'));
    [web2, lone] = await Promise.all([
      addBackendHost(world, backend, { name: 'web2', repository: 'web1' }), addBackendHost(world, backend, { name: 'lone' }),
      declareHost(world, 'rescue', {}, {}),
    ]);
    for (const host of [web1, web2, lone]) expect((await host.run('Backup')).status).to.include({ phase: 'Succeeded' });
    for (const host of [web1, web2, lone]) await until(`the snapshots of ${host.name}`, async () => (await world.call('GET', `/api/hosts/${host.name}/snapshots`)).body['total'] === 1, 20_000);
  });
  after(async () => {
    await world.close();
    await backend.stop();
    await rm(safe, { recursive: true, force: true });
  });

  const snapshotOf = (host: BackendHost): string => host.snapshots().find(({ hostname }) => hostname === host.name)?.id ?? '';
  /** Asks for a restore over /api and waits for its end. */
  async function restore(onto: string, body: object): Promise<Job> {
    const { status, body: reply } = await world.call('POST', `/api/hosts/${onto}/restore`, body);
    expect(status, JSON.stringify(reply)).to.equal(202);
    const { body: made } = await world.call('GET', `/api/jobs/${String(reply['job_id'])}`);
    return world.ended(String(made['name']));
  }
  /** What bare restic restores of a snapshot, into a directory that may hold something. */
  function bare(host: BackendHost, target: string, ...flags: string[]): string {
    host.bare('restore', '--no-lock', snapshotOf(host), '--target', target, '--include', host.source, ...flags);
    return join(target, host.source);
  }
  /** A restore into a directory of its own gave what bare restic gives. */
  function expectRestored(job: Job, host: BackendHost, bareName: string): void {
    expect(job.status, job.status?.message).to.include({ phase: 'Succeeded' });
    expectSame(join(job.status?.targetDirectory ?? '', host.source), bare(host, join(world.dir, bareName)));
  }

  for (const [overwrite, restored] of Object.entries(overwrites)) {
    it(`in place, overwrite ${overwrite}: as bare restic does it, and ${restored.length === 0 ? 'only what is missing' : ['what is missing', ...restored].join(', ')} comes back (R3)`, async () => {
      copy(join(world.dir, 'pristine'), web1.source);
      const [now, edited] = [new Date(), join(web1.source, 'newer.txt')];
      await writeFile(edited, 'newer.txt edited since\n');
      await utimes(edited, now, new Date(now.getTime() + 60_000));
      await writeFile(join(web1.source, 'older.txt'), 'older.txt from a year ago\n');
      await utimes(join(web1.source, 'older.txt'), now, new Date(now.getTime() - 365 * 86_400_000));
      // Of equal size and time: only its content tells.
      await writeFile(join(web1.source, 'same.txt'), 'same.txt AS IT WAS\n');
      await utimes(join(web1.source, 'same.txt'), LONG_AGO, LONG_AGO);
      await unlink(join(web1.source, 'gone.txt'));

      const target = join(world.dir, `bare-${overwrite}`);
      copy(web1.source, join(target, web1.source));
      const expected = bare(web1, target, '--overwrite', overwrite.replace('_', '-'));
      const job = await restore('web1', { snapshot_id: snapshotOf(web1), paths: [web1.source], in_place: true, overwrite, confirm_host_name: 'web1' });
      expect(job.status, job.status?.message).to.include({ phase: 'Succeeded', reason: 'Completed', targetDirectory: '/' });
      expectSame(web1.source, expected);
      for (const name of ['older.txt', 'newer.txt', 'same.txt', 'gone.txt']) {
        const asItWas = await readFile(join(web1.source, name), 'utf8') === `${name} as it was\n`;
        expect(asItWas, name).to.equal(name === 'gone.txt' || (restored as readonly string[]).includes(name));
      }
    });
  }

  it('in place below a directory that others may write is refused, and nothing is touched (E31)', async () => {
    await unlink(join(web2.source, 'hello.txt'));
    const job = await restore('web2', { snapshot_id: snapshotOf(web2), paths: [web2.source], in_place: true, overwrite: 'always', confirm_host_name: 'web2' });
    expect(job.status).to.include({ phase: 'Failed', reason: 'TargetRefused' });
    expect(job.status?.message).to.contain('/tmp may be written by others');
    expect(await readdir(web2.source)).not.to.include('hello.txt');
    await writeFile(join(web2.source, 'hello.txt'), 'hello\n');
  });

  it('another host\'s data on a host that is named, which keeps no credential of it (R4)', async () => {
    const order = { snapshot_id: snapshotOf(lone), paths: [lone.source], source_host_id: 'lone', target_directory: join(world.dir, 'lone-on-web1') };
    const refused = await world.call('POST', '/api/hosts/web1/restore', { ...order, confirm_host_name: 'web2' });
    expect([refused.status, refused.body['message']]).to.deep.equal([422, 'confirm_host_name: type "web1", the host that gets the files: the data of lone will be readable on web1. Nothing was started']);
    const job = await restore('web1', { ...order, confirm_host_name: 'web1' });
    expectRestored(job, lone, 'bare-lone');
  });

  it('a dead host\'s data through the runner of its repository (R4)', async () => {
    await web2.agent.kill();
    const job = await restore('web1', { snapshot_id: snapshotOf(web2), paths: [web2.source], source_host_id: 'web2', confirm_host_name: 'web1', target_directory: join(world.dir, 'dead-on-web1') });
    expectRestored(job, web2, 'bare-dead');
  });

  it('a deleted host\'s data through the runner of its repository (R4)', async () => {
    const snapshot = snapshotOf(web2);
    expect((await world.call('DELETE', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/web2')).status).to.equal(200);
    await until('the host to be gone', async () => await world.get('Host', 'web2') === undefined);
    const job = await restore('web1', { snapshot_id: snapshot, paths: [web2.source], confirm_host_name: 'web1', target_directory: join(world.dir, 'deleted-on-web1') });
    expectRestored(job, web2, 'bare-deleted');
  });

  it('the data of a repository whose only host is deleted, on a host that has no repository and never had a plan (R4)', async () => {
    const snapshot = snapshotOf(lone);
    expect((await world.call('DELETE', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/lone')).status).to.equal(200);
    await until('the host to be gone', async () => await world.get('Host', 'lone') === undefined);
    expect((await world.get('Host', 'rescue'))?.status).not.to.have.property('planGeneration');
    const job = await restore('rescue', { snapshot_id: snapshot, paths: [lone.source], source_repository_id: 'lone', confirm_host_name: 'rescue', target_directory: join(world.dir, 'rescued') });
    expectRestored(job, lone, 'bare-rescued');
    const kept = spawnSync('grep', ['-rlF', REPOSITORY_PASSWORD, join(world.dir, 'agent-rescue')], { encoding: 'utf8' });
    expect([kept.status, kept.stdout], 'the credential lived as long as its job').to.deep.equal([1, '']);
  });
});

function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', 'mkdir -p "$2" && cp -a "$1/." "$2"', 'sh', from, to], { encoding: 'utf8' });
  expect(status, stderr).to.equal(0);
}

/** Byte for byte, with names, permissions and times of files. */
function expectSame(a: string, b: string): void {
  const { status, stdout, stderr } = spawnSync('diff', ['-r', '--no-dereference', a, b], { encoding: 'utf8' });
  expect(status, stdout + stderr).to.equal(0);
  const told = (dir: string): string[] => spawnSync('find', [dir, '-type', 'f', '-printf', '%P %m %U:%G %s %T@\\0'], { encoding: 'utf8' }).stdout.split('\0').sort();
  expect(told(a)).to.deep.equal(told(b)).and.have.length.greaterThan(5);
}
