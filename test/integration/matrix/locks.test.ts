/**
 * The locks that look dead and are not, each made for real or forged with the repository's key: an agent that took one would
 * let two restics destroy a repository. restic 0.14 does not wait for locks, so that a job tells at once what it found.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { toolPath } from '../../../hack/tools/paths.js';
import { addBackendHost, type BackendHost } from '../../builders/backendHost.js';
import { REPOSITORY_PASSWORD, startBackend, type Backend } from '../../builders/backends.js';
import { forgeLock } from '../../builders/forgedLock.js';
import { until } from '../../builders/until.js';
import { openWorld, type World } from '../../builders/world.js';

const MINUTE = 60_000;

describe('locks that look dead', function () {
  this.timeout(120_000);
  let world: World;
  let backend: Backend;
  let host: BackendHost;
  before(async () => {
    world = await openWorld();
    backend = await startBackend('local');
    host = await addBackendHost(world, backend, { name: 'keeper', restic: toolPath('restic-0.14') });
    expect((await host.run('Backup')).status).to.include({ phase: 'Succeeded' });
  });
  after(async () => {
    await world.close();
    await backend.stop();
  });

  /** A pid that was in use a moment ago. */
  async function deadPid(): Promise<number> {
    const child = spawn('true');
    await once(child, 'exit');
    return child.pid ?? 0;
  }

  it('of a live restic in another PID namespace, whose number means nobody here: it stays, and the restic is not disturbed', async function () {
    const free = await deadPid();
    const { url } = backend.direct(host.repository);
    // A small limit makes the check last; the number it gets in its own namespace is free in ours.
    const check = spawn('unshare', ['--pid', '--fork', '--mount-proc', 'sh', '-c', `echo ${String(free - 2)} > /proc/sys/kernel/ns_last_pid; ${toolPath('restic')} -r "$0" check --read-data --limit-download 60 & wait $!`, url], {
      env: { PATH: process.env['PATH'] ?? '', HOME: world.dir, RESTIC_PASSWORD: REPOSITORY_PASSWORD }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(check, 'exit') as Promise<[number | null]>;
    let said = '';
    check.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
    const [lock] = await until('its lock', () => {
      if (check.exitCode !== null) throw new Error(`the check in a namespace ended: ${said}`);
      const found = host.locks();
      return found.length > 0 && found;
    }, 30_000);
    const { pid, hostname: name } = JSON.parse(host.bare('cat', 'lock', lock ?? '', '--no-lock')) as { pid: number; hostname: string };
    expect(name, 'the lock is of this very host name').to.equal(hostname());
    expect(() => process.kill(pid, 0), `pid ${String(pid)} is nobody here`).to.throw();
    const job = await host.run('Backup');
    expect(job.status).to.include({ phase: 'Failed', reason: 'RepositoryLocked' });
    expect(job.status?.message).to.contain(`held by pid ${String(pid)} on ${hostname()}`);
    expect(host.locks()).to.deep.equal([lock]);
    const [code] = await ended;
    expect(code, said).to.equal(0);
    expect((await host.run('Backup')).status).to.include({ phase: 'Succeeded' });
  });

  it('of another machine of the same host name whose process is unknown here: it stays, named, until a person or time takes it', async () => {
    const pid = await deadPid();
    const lock = await forgeLock(host, { hostname: hostname(), pid, time: Date.now() - MINUTE, exclusive: true });
    const job = await host.run('Backup');
    expect(job.status).to.include({ phase: 'Failed', reason: 'RepositoryLocked' });
    expect(job.status?.message).to.match(new RegExp(`held by pid ${String(pid)} on ${hostname()} for 1 minutes \\(exclusively\\)`));
    expect(host.locks()).to.deep.equal([lock]);
    host.bare('unlock', '--remove-all');
  });

  it('of a host whose clock is an hour slow: restic would take it, this agent does not; nor one whose clock is fast', async () => {
    for (const time of [Date.now() - 60 * MINUTE, Date.now() + 180 * MINUTE]) {
      const lock = await forgeLock(host, { hostname: 'elsewhere', pid: 7, time, exclusive: true });
      expect((await host.run('Backup')).status).to.include({ phase: 'Failed', reason: 'RepositoryLocked' });
      expect(host.locks()).to.deep.equal([lock]);
      host.bare('unlock', '--remove-all');
    }
  });

  it('of a host that died three hours ago: the next backup takes it by itself and says so', async () => {
    await forgeLock(host, { hostname: 'elsewhere', pid: 7, time: Date.now() - 180 * MINUTE, exclusive: true });
    const job = await host.run('Backup');
    expect(job.status, job.status?.message).to.include({ phase: 'Succeeded' });
    expect((await world.logOf(job.metadata.name)).map(({ payload }) => payload).join('\n')).to.contain('removed a stale lock: held by pid 7 on elsewhere for 180 minutes (exclusively)');
    expect(host.locks()).to.deep.equal([]);
  });

  it('two hosts that start at once share a repository: its runner creates it, once, and both back up to it (H5)', async () => {
    const [a, b] = await Promise.all(['twin-a', 'twin-b'].map(async (name, index) => {
      if (index === 1) await until('the repository', async () => world.get('Repository', 'twins'));
      return addBackendHost(world, backend, { name, repository: 'twins' });
    })) as [BackendHost, BackendHost];
    const inits = (await world.list('ResticJob')).filter(({ spec, metadata }) => spec.type === 'Init' && metadata.name.startsWith('twins-'));
    expect(inits.map(({ spec, status }) => [spec.hostRef.name, status?.reason])).to.deep.equal([['twin-a', 'Initialized']]);
    expect(await readdir(join(backend.files('twins'), 'keys'))).to.have.length(1);
    for (const job of await Promise.all([a.run('Backup'), b.run('Backup')])) expect(job.status, job.status?.message).to.include({ phase: 'Succeeded' });
    expect(a.snapshots().map(({ hostname: of }) => of).sort()).to.deep.equal(['twin-a', 'twin-b']);
  });
});
