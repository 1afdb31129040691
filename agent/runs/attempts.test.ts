import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { linesOf } from '#crds/wire/logLines.js';
import { AgentBed } from '../../test/builders/agentBed.js';
import { restics, until } from '../../test/builders/agentParts.js';

describe('attempts and limits of one job', function () {
  this.timeout(60_000);
  let bed: AgentBed;
  beforeEach(async () => { bed = await AgentBed.make(); });
  afterEach(async () => bed.clean());

  /** A pre hook that fails as often as the file it is given has lines. */
  const failing = async (times: number): Promise<{ pre: { body: string }; timeoutSeconds: number }> => {
    const left = join(bed.dir, 'left');
    await writeFile(left, 'x\n'.repeat(times));
    return { pre: { body: `[ -s ${left} ] || exit 0; sed -i 1d ${left}; exit 9` }, timeoutSeconds: 30 };
  };
  const started = (name: string): (number | undefined)[] => bed.server.of('job.started').filter(({ identity }) => identity.job === name).map(({ attempts }) => attempts);

  it('tries a failed backup again within its job, and the job ends once, with all its attempts', async () => {
    await bed.start();
    const session = await bed.ready({ groups: [bed.group({ retry: { maxAttempts: 5, backoffSeconds: 1 }, hooks: await failing(2) })] });
    session.send('job.run', bed.run('one'));
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Succeeded', reason: 'Completed', attempts: 3 });
    expect(started('one')).to.deep.equal([1, 2, 3]);
    expect(bed.server.of('job.finished')).to.have.length(1);
    expect(bed.logOf('one').filter((line) => line.startsWith('attempt '))).to.deep.equal([1, 2].map((attempt) => `attempt ${attempt} of 5 failed (HookFailed): nothing of source group docs was backed up: the pre hook exited with 9; trying again in ${attempt} s`));
    const lines = bed.server.of('job.log').filter(({ job }) => job === 'one').flatMap(linesOf);
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_, index) => index + 1));
  });

  it('takes no turn from others while it rests, and a cancel ends the rest at once', async () => {
    const agent = await bed.start();
    const session = await bed.ready({ groups: [bed.group({ retry: { maxAttempts: 5, backoffSeconds: 600 }, hooks: await failing(5) }), bed.group({ uid: 'g2', name: 'other', tag: 'other' })] });
    session.send('job.run', bed.run('one'));
    await until('the rest', () => bed.logOf('one').some((line) => line.endsWith('trying again in 600 s')));
    session.send('job.run', bed.run('two', { sourceGroup: 'other' }));
    expect((await bed.server.finished('uid-two')).phase).to.equal('Succeeded');
    expect(agent.status().running).to.deep.equal(['one']);
    const began = Date.now();
    session.send('job.stop', { job: 'one', runID: 'uid-one', reason: 'Cancelled' });
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Cancelled', reason: 'Cancelled', attempts: 1, message: 'cancelled while it waited to be tried again; attempt 1 had failed: nothing of source group docs was backed up: the pre hook exited with 9' });
    expect(Date.now() - began).to.be.lessThan(1_000);
  });

  it('drops the next attempt when the group left the plan meanwhile, and says so (E24)', async () => {
    await bed.start();
    const session = await bed.ready({ groups: [bed.group({ retry: { maxAttempts: 5, backoffSeconds: 2 }, hooks: await failing(5) })] });
    session.send('job.run', bed.run('one'));
    await until('the rest', () => bed.logOf('one').some((line) => line.includes('trying again')));
    await bed.setPlan(session, { groups: [] });
    const one = await bed.server.finished('uid-one');
    expect(one).to.deep.include({ phase: 'Failed', reason: 'HookFailed', attempts: 1 });
    expect(one.message).to.match(/; not tried again: its source group is no longer in the plan$/);
  });

  it('a shutdown ends the rest: Interrupted, which counts as missed once', async () => {
    const agent = await bed.start();
    const session = await bed.ready({ groups: [bed.group({ retry: { maxAttempts: 5, backoffSeconds: 600 }, hooks: await failing(5) })] });
    session.send('job.run', bed.run('one'));
    await until('the rest', () => bed.logOf('one').some((line) => line.includes('trying again')));
    const began = Date.now();
    await agent.stop();
    expect(Date.now() - began).to.be.lessThan(10_000);
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Failed', reason: 'Interrupted' });
  });

  for (const { name, path } of restics) {
    it(`ends a restic that does nothing any more: Failed, Stuck, and its lock is gone [${name}]`, async () => {
      bed.restic = path;
      await bed.start({}, { stuckAfterMs: 3_000 });
      const session = await bed.ready();
      await bed.slow();
      session.send('job.run', bed.run('one'));
      await until('progress', () => session.of('job.progress').length > 2);
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      expect(bed.server.of('job.finished'), 'a busy one goes on').to.have.length(0);
      for (const pid of await bed.alive('backup')) process.kill(pid, 'SIGSTOP');
      const one = await bed.server.finished('uid-one');
      expect(one).to.deep.include({ phase: 'Failed', reason: 'Stuck' });
      expect(one.message).to.contain('look for a mount, a disk or a network that hangs');
      await until('no lock', async () => (await bed.locks()).length === 0);
      expect(await bed.alive('backup')).to.deep.equal([]);
    });
  }

  it('runs with the limits of the job in place of the host\'s, per direction; 0 lifts (H6, E24); as gently as the host says', async () => {
    await bed.start();
    const session = await bed.ready({ bandwidth: { uploadKiBps: 3_000, downloadKiBps: 4_000 }, resources: { nice: 11, ioNice: 'Idle' } });
    await bed.slow();
    for (const [job, bandwidth, flags] of [['one', { uploadKiBps: 7 }, ['--limit-upload=7', '--limit-download=4000']], ['two', { downloadKiBps: 0 }, ['--limit-upload=3000']]] as const) {
      session.send('job.run', bed.run(job, {}, { bandwidth }));
      const [pid] = await until('restic', async () => { const found = await bed.alive('--tag=docs'); return found.length === 1 ? found : undefined; });
      const argv = await until('restic itself', async () => { const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0'); return words[0]?.endsWith('restic') ? words : undefined; });
      expect(argv.filter((word) => word.startsWith('--limit-'))).to.deep.equal(flags);
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]).to.equal('11');
      session.send('job.stop', { job, runID: `uid-${job}`, reason: 'Cancelled' });
      await bed.server.finished(`uid-${job}`);
    }
  });
});
