import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { AgentBed, BED_PASSWORD } from '../../test/builders/agentBed.js';
import { restics, until } from '../../test/builders/agentParts.js';
import { forgeLock } from '../../test/builders/forgedLock.js';
import { digestOf } from './snapshotReports.js';

describe('what is told of a repository beside the jobs', function () {
  this.timeout(60_000);
  let bed: AgentBed;
  beforeEach(async () => { bed = await AgentBed.make(); });
  afterEach(async () => bed.clean());

  /** Somebody else's restic on the same repository. */
  const bare = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(bed.restic, ['-r', bed.repository, ...args], { env: { PATH: process.env['PATH'], HOME: bed.dir, RESTIC_PASSWORD: BED_PASSWORD, RESTIC_CACHE_DIR: join(bed.dir, 'cache') }, encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    return stdout;
  };
  const reports = (hostname: string) => bed.server.of('snapshots.report').filter((report) => report.hostname === hostname);
  const lastOf = async (hostname: string, count: number) => until(`report ${count} of ${hostname}`, () => (reports(hostname).length >= count ? reports(hostname).at(-1) : undefined), 30_000);

  for (const { name, path } of restics) {
    it(`reports own snapshots whole once and then as changes, others' whole when they changed; never within the job (E10) [${name}]`, async () => {
      bed.restic = path;
      await bed.start();
      const session = await bed.server.session(1);
      await bed.makeRepository();
      bare('backup', '--host=dead1', '--quiet', bed.source);
      bare('backup', '--host=web1', '--quiet', bed.source);
      await bed.setPlan(session);
      const first = await lastOf('web1', 1); // the first look at a repository is a weekly one
      expect(first).to.not.have.property('base');
      expect(first.snapshots).to.have.length(1);
      const dead = await lastOf('dead1', 1);
      expect(dead.snapshots).to.have.length(1);
      await until('its size', () => bed.server.of('repo.stats').some(({ sizeBytes }) => sizeBytes !== undefined), 30_000);

      session.send('job.run', bed.run('two'));
      const two = await bed.server.finished('uid-two');
      const second = await lastOf('web1', 2);
      expect(second.snapshots.map(({ id }) => id.slice(0, 8))).to.deep.equal([two.snapshotID?.slice(0, 8)]);
      expect(second.base).to.equal(first.digest);
      expect(second.snapshots).to.have.length(1);
      expect(second.digest).to.equal(digestOf([...first.snapshots, ...second.snapshots].map(({ id }) => id)));
      bare('forget', first.snapshots[0]!.id);
      session.send('job.run', bed.run('three'));
      await bed.server.finished('uid-three');
      const third = await lastOf('web1', 3);
      expect(third).to.deep.include({ base: second.digest, removed: [first.snapshots[0]!.id] });
      expect(reports('dead1'), 'unchanged, so not told again').to.have.length(1);

      const asked = bed.server.of('snapshots.report').length;
      session.send('rpc.request', { method: 'snapshots.refresh' });
      await until('the answer', () => session.of('rpc.result').length > 0, 30_000);
      expect(session.of('rpc.result')[0]).to.deep.equal({ result: {} });
      const whole = await until('everything', () => (bed.server.of('snapshots.report').length >= asked + 2 ? bed.server.of('snapshots.report').slice(asked) : undefined));
      expect(whole.map(({ hostname, base, snapshots }) => [hostname, base, snapshots.length])).to.have.deep.members([['web1', undefined, 2], ['dead1', undefined, 1]]);
    });
  }

  it('goes on from the list on disk after a restart, and says it when another host\'s last snapshot is gone', async () => {
    const agent = await bed.start();
    const session = await bed.server.session(1);
    await bed.makeRepository();
    bare('backup', '--host=dead1', '--quiet', bed.source);
    await bed.setPlan(session);
    const first = await lastOf('web1', 1);
    await lastOf('dead1', 1);
    await until('its size', () => bed.server.of('repo.stats').some(({ sizeBytes }) => sizeBytes !== undefined), 30_000);
    await agent.stop(0);
    bare('forget', (await lastOf('dead1', 1)).snapshots[0]!.id);
    await bed.start();
    const again = await bed.server.session(2);
    again.send('job.run', bed.run('two'));
    await bed.server.finished('uid-two');
    expect((await lastOf('web1', 2)).base).to.equal(first.digest);
    again.send('rpc.request', { method: 'snapshots.refresh' });
    expect((await lastOf('dead1', 2)).snapshots).to.deep.equal([]);
  });

  it('shows a lock that somebody left, when it connects and when the server asks because another host met it (R6)', async () => {
    const agent = await bed.start();
    const session = await bed.ready();
    await until('its size', () => bed.server.of('repo.stats').some(({ sizeBytes }) => sizeBytes !== undefined), 30_000);
    const told = (): unknown[] => bed.server.of('repo.stats').flatMap(({ locks }) => (locks === undefined ? [] : [locks.map(({ hostname, pid }) => [hostname, pid])]));
    const seen = told().length;
    const lock = async (pid: number): Promise<string> => forgeLock({ bare, repository: 'web1', backend: { files: () => bed.repository } }, { hostname: 'elsewhere', pid, time: Date.now(), exclusive: false });
    await lock(4711);
    session.send('rpc.request', { method: 'locks.refresh' });
    await until('the lock to be told', () => told().length > seen);
    expect(told().at(-1)).to.deep.equal([['elsewhere', 4711]]);
    await agent.stop(0);
    bare('unlock', '--remove-all');
    const before = told().length;
    await lock(4712);
    await bed.start();
    await bed.server.session(2);
    await until('it to be told after the connection', () => told().length > before);
    expect(told().at(-1)).to.deep.equal([['elsewhere', 4712]]);
  });

  it('a host that is not the runner tells its own snapshots and nothing of the repository', async () => {
    await bed.start();
    const session = await bed.ready({}, { runner: false });
    bare('backup', '--host=dead1', '--quiet', bed.source);
    session.send('job.run', bed.run('one'));
    await bed.server.finished('uid-one');
    await lastOf('web1', 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([reports('dead1').length, bed.server.of('repo.stats').length]).to.deep.equal([0, 0]);
  });

  it('waits until no backup runs or is about to, so that none has another restic beside it (P2)', async () => {
    const calls = join(bed.dir, 'calls');
    const wrapper = join(bed.dir, 'restic-noted');
    await writeFile(wrapper, `#!/bin/sh\n[ "$2" = --help ] && exec ${restics[0].path} "$@"\necho "begin $1" >> ${calls}\n${restics[0].path} "$@"; code=$?\necho "end $1" >> ${calls}\nexit $code\n`);
    await chmod(wrapper, 0o755);
    bed.restic = wrapper;
    await bed.start();
    const session = await bed.ready();
    await until('its size', () => bed.server.of('repo.stats').some(({ sizeBytes }) => sizeBytes !== undefined), 30_000);
    for (let count = 0; count < 20; count++) await writeFile(join(bed.source, `f${count}`), randomBytes(1_000_000));
    for (const name of ['one', 'two', 'three']) session.send('job.run', bed.run(name));
    await bed.server.finished('uid-three');
    await lastOf('web1', 2);
    const lines = (await readFile(calls, 'utf8')).split('\n').filter((line) => / (backup|snapshots|stats|list|cat)$/.test(line));
    const backups = lines.slice(lines.indexOf('begin backup'), lines.lastIndexOf('end backup') + 1);
    expect(backups).to.deep.equal(['begin backup', 'end backup', 'begin backup', 'end backup', 'begin backup', 'end backup']);
  });
});
