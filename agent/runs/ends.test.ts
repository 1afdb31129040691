/** Q0: whatever ends a job in the middle, it is told once as what really happened, nothing is left running, and the next job gets past. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JobFinished, JobIdentity, JobRun } from '#crds/wire/agentProtocol.gen.js';
import { AgentBed, BED_PASSWORD } from '../../test/builders/agentBed.js';
import { restics, until } from '../../test/builders/agentParts.js';
import type { AgentSession } from '../../test/builders/wireServer.js';

type JobType = JobIdentity['type'];
const types: readonly JobType[] = ['Backup', 'Init', 'Forget', 'Prune', 'Check', 'Unlock', 'Restore', 'Diff'];
/** restic's own command of a job, and whether it is caught holding its lock; the others are done too quickly. */
const work: Record<JobType, { command: string; locks: boolean }> = {
  Backup: { command: 'backup', locks: true }, Init: { command: 'config', locks: false }, Forget: { command: 'forget', locks: false }, Prune: { command: 'prune', locks: false },
  Check: { command: 'check', locks: true }, Unlock: { command: 'list', locks: false }, Restore: { command: 'restore', locks: true }, Diff: { command: 'diff', locks: false },
};

/** Half a second's work: it may be done before the signal comes, and its job says so then. */
const quick: ReadonlySet<JobType> = new Set<JobType>(['Init', 'Forget', 'Prune', 'Unlock', 'Diff']);

describe('jobs that are ended in the middle (Q0)', function () {
  this.timeout(240_000);
  let bed: AgentBed;
  let snapshots: string[] = [];
  let session: AgentSession;

  const bare = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(bed.restic, ['-r', bed.repository, ...args], { env: { PATH: process.env['PATH'], HOME: bed.dir, RESTIC_PASSWORD: BED_PASSWORD, RESTIC_CACHE_DIR: join(bed.dir, 'cache') }, encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    return stdout;
  };

  async function prepare(restic: string): Promise<void> {
    bed = await AgentBed.make();
    bed.restic = restic;
    await bed.makeRepository();
    await mkdir(join(bed.source, 'many'));
    for (let number = 0; number < 400; number++) await writeFile(join(bed.source, 'many', String(number)), randomBytes(1_000));
    for (let number = 0; number < 3; number++) {
      await writeFile(join(bed.source, 'a'), String(number));
      bare('backup', '--host=web1', '--tag=docs', '--quiet', bed.source);
    }
    snapshots = (JSON.parse(bare('snapshots', '--json')) as { id: string }[]).map(({ id }) => id);
    await bed.slow();
  }
  afterEach(async () => bed.clean());

  /** A slow one reads a few KiB a second; restic sleeps in its own limiter then, deaf to signals. */
  const jobOf = (name: string, type: JobType, slowly = true): JobRun => bed.run(name, { type }, {
    ...(slowly && (type === 'Check' || type === 'Restore') ? { bandwidth: { downloadKiBps: 4 } } : {}),
    ...(type === 'Restore' ? { restore: { snapshot: snapshots[0]!, overwrite: 'Never', targetDirectory: join(bed.dir, 'restored', name) } } : {}),
    ...(type === 'Diff' ? { diff: { a: snapshots[0]!, b: snapshots[1]! } } : {}),
    ...(type === 'Forget' ? { forget: { snapshotIDs: [snapshots[2]!] } } : {}),
    ...(type === 'Check' ? { check: { readDataSubsetPercent: 100 } } : {}),
  });
  const caught = async (type: JobType, withLock = work[type].locks): Promise<number[]> => until(`${type} at work`, async () => {
    if (withLock && (await bed.locks()).length === 0) return undefined;
    const pids = await bed.alive(type === 'Init' ? 'config\0--no-lock' : `${work[type].command}\0--cache-dir`);
    return pids.length > 0 ? pids : undefined;
  }, 30_000);
  /** The first look at a repository is over: no restic but the jobs'. */
  const looked = async (): Promise<unknown> => until('the first look', async () => bed.server.of('repo.stats').some(({ sizeBytes }) => sizeBytes !== undefined) && (await bed.alive('--cache-dir')).length === 0, 30_000);
  /** Nothing of the jobs before is at work any more, so that what is caught is this job's. */
  const quiet = async (): Promise<unknown> => {
    let looks = 0; // between two looks at locks there is none for a moment
    return until('quiet', async () => (looks = (await bed.alive('--cache-dir')).length === 0 ? looks + 1 : 0) >= 8, 90_000);
  };
  const told = async (name: string): Promise<JobFinished> => bed.server.finished(`uid-${name}`);
  const once = (name: string): void => {
    expect(bed.server.of('job.finished').filter(({ identity }) => identity.job === name), `${name} is told once`).to.have.length(1);
    expect(bed.server.of('job.started').filter(({ identity }) => identity.job === name), `${name} began once`).to.have.length(1);
  };
  /** A check needs the repository for itself: it passes when nothing was left that it cannot get past. */
  async function allIsWell(name: string): Promise<void> {
    session.send('job.run', bed.run(name, { type: 'Check' }));
    const check = await told(name);
    expect(check, check.message).to.deep.include({ phase: 'Succeeded' });
    await quiet(); // what is told beside the jobs may still be looked at
    expect(await bed.locks()).to.deep.equal([]);
  }

  for (const { name, path } of restics) {
    it(`a cancel ends each type within a second, Cancelled, and leaves no lock (J4) [${name}]`, async () => {
      await prepare(path);
      await bed.start();
      session = await bed.ready();
      await looked();
      const took: Record<string, number> = {};
      for (const type of types) {
        const job = `cancel-${type.toLowerCase()}`;
        await quiet();
        session.send('job.run', jobOf(job, type, false));
        await caught(type, type === 'Backup');
        const began = Date.now();
        session.send('job.stop', { job, runID: `uid-${job}`, reason: 'Cancelled' });
        const end = await told(job);
        took[type] = Date.now() - began;
        once(job);
        if (end.phase === 'Succeeded' && quick.has(type)) continue;
        expect(end, `${type}: ${end.message}`).to.deep.include({ phase: 'Cancelled', reason: 'Cancelled' });
      }
      await allIsWell('after-cancel');
      for (const [type, ms] of Object.entries(took)) expect(ms, `${type} ${JSON.stringify(took)}`).to.be.lessThan(1_500); // a second, on a machine that is busy
    });

    it(`a restic that is killed ends its job as Failed, ResticKilled, and leaves no lock that lasts [${name}]`, async () => {
      await prepare(path);
      await bed.start();
      session = await bed.ready();
      await looked();
      for (const type of types) {
        const job = `kill-${type.toLowerCase()}`;
        await quiet();
        session.send('job.run', jobOf(job, type));
        for (const pid of await caught(type)) try { process.kill(pid, 'SIGKILL'); } catch { /* it was done */ }
        const end = await told(job);
        if (end.phase === 'Succeeded' && quick.has(type)) continue;
        expect(end, `${type}: ${end.message}`).to.deep.include({ phase: 'Failed', reason: 'ResticKilled' });
        expect(end.message).to.contain('was killed by SIGKILL: by hand, or by the system when memory ran out');
        once(job);
      }
      await allIsWell('after-kill');
    });
  }

  it('an agent that is killed reports each as Failed, AgentRestarted, with what that means; no orphan, no lock that lasts', async () => {
    await prepare(restics[0].path);
    let sessions = 0;
    for (const type of types) {
      const agent = bed.launch();
      session = await bed.server.session(++sessions);
      if (sessions === 1) {
        await bed.setPlan(session);
        await looked();
      }
      const job = `crash-${type.toLowerCase()}`;
      await quiet();
      session.send('job.run', jobOf(job, type));
      // looking for locks after the crash before is restic's work too: this job has to have begun
      await until(`${job} began`, () => bed.server.of('job.started').some(({ identity }) => identity.job === job), 60_000);
      if (!quick.has(type)) await caught(type);
      const gone = new Promise((resolve) => agent.on('exit', resolve));
      agent.kill('SIGKILL');
      await gone;
      await until('no orphan', async () => (await bed.alive('--cache-dir')).length === 0);
    }
    bed.launch();
    session = await bed.server.session(++sessions);
    for (const type of types) {
      const job = `crash-${type.toLowerCase()}`;
      const end = await told(job);
      if (end.phase === 'Succeeded' && quick.has(type)) continue;
      expect(end, `${type}: ${end.message}`).to.deep.include({ phase: 'Failed', reason: 'AgentRestarted' });
      expect(end.message).to.match(/^the agent ended during the run and was started again, so the run did not complete; \w/);
      once(job);
    }
    await allIsWell('after-crash');
  });

  it('several jobs at work when the agent is killed are all told; a foreign repository is named, its credentials are nowhere on disk', async () => {
    await prepare(restics[0].path);
    const agent = bed.launch();
    session = await bed.ready({ maxConcurrentJobs: 2, groups: [bed.group(), bed.group({ uid: 'g2', name: 'other', tag: 'other' })] });
    session.send('job.run', bed.run('one'));
    session.send('job.run', bed.run('two', { sourceGroup: 'other' }));
    const restore = jobOf('three', 'Restore');
    const { id } = JSON.parse(bare('cat', 'config', '--no-lock')) as { id: string };
    session.send('job.run', { ...restore, repository: { name: 'elsewhere', id, url: `${bed.dir}/./repo`, password: BED_PASSWORD, env: { AWS_SECRET_ACCESS_KEY: 'canary-elsewhere' } } });
    await until('three restics', async () => (await bed.alive('backup\0--cache-dir')).length === 2 && (await bed.alive('restore\0--cache-dir')).length === 1, 30_000);
    const gone = new Promise((resolve) => agent.on('exit', resolve));
    agent.kill('SIGKILL');
    await gone;
    const { stdout } = spawnSync('grep', ['-rl', '-e', 'canary-elsewhere', '-e', BED_PASSWORD, bed.stateDir], { encoding: 'utf8' });
    expect(stdout).to.equal('');
    bed.launch();
    session = await bed.server.session(2);
    expect(session.hello.runningJobs).to.have.members(['uid-one', 'uid-two', 'uid-three']);
    for (const job of ['one', 'two', 'three']) {
      expect(await told(job)).to.deep.include({ phase: 'Failed', reason: 'AgentRestarted' });
      once(job);
    }
    expect((await told('three')).message).to.contain('it may have left a lock in repository elsewhere, whose credentials this agent does not keep');
  });

  it('a backup waits behind a check, visibly, and a restore starts at once beside it (J9)', async () => {
    await prepare(restics[0].path);
    await bed.quick();
    const agent = await bed.start();
    session = await bed.ready();
    session.send('job.run', jobOf('check', 'Check'));
    await caught('Check');
    session.send('job.run', bed.run('backup'));
    session.send('job.run', { ...bed.run('restore', { type: 'Restore' }, { noLock: true, restore: { snapshot: snapshots[0]!, overwrite: 'Never', targetDirectory: join(bed.dir, 'restored') } }) });
    const restored = await told('restore');
    expect(restored, restored.message).to.deep.include({ phase: 'Succeeded', targetDirectory: join(bed.dir, 'restored') });
    expect(agent.status()).to.deep.include({ running: ['check'], queued: [{ job: 'backup', type: 'Backup', why: 'waits for Check check, which needs the repository for itself' }] });
    expect(bed.server.of('job.finished').map(({ identity }) => identity.job)).to.deep.equal(['restore']);
    session.send('job.stop', { job: 'check', runID: 'uid-check', reason: 'Cancelled' });
    expect(await told('backup')).to.deep.include({ phase: 'Succeeded' });
    expect(bed.server.of('job.started').map(({ identity }) => identity.job)).to.deep.equal(['check', 'restore', 'backup']);
  });
});
