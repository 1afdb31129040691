import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PlanHooks } from '#crds/wire/agentProtocol.gen.js';
import { AgentBed, BED_PASSWORD } from '../../test/builders/agentBed.js';
import { until } from '../../test/builders/agentParts.js';
import type { AgentSession } from '../../test/builders/wireServer.js';

describe('a backup with hooks', function () {
  this.timeout(60_000);
  let bed: AgentBed;
  let trace = '';
  beforeEach(async () => {
    bed = await AgentBed.make();
    trace = join(bed.dir, 'trace');
    await writeFile(trace, '');
  });
  afterEach(async () => bed.clean());

  const noting = (word: string, more = ''): { body: string } => ({ body: `#!/bin/sh\necho "${word} $RM_JOB_STATUS $RM_JOB_ID" >> ${trace}\n${more}` });
  const traced = async (): Promise<string[]> => (await readFile(trace, 'utf8')).split('\n').filter((line) => line !== '');
  const ready = async (hooks: Partial<PlanHooks>): Promise<AgentSession> => bed.ready({ groups: [bed.group({ hooks: { timeoutSeconds: 30, ...hooks } })] });

  it('runs pre, restic, post, in this order; their lines are in the log with their prefix; restic\'s password is not in their environment', async () => {
    await bed.start();
    const session = await ready({ pre: noting('pre', 'echo quiesced; env'), post: noting('post', 'echo resumed >&2') });
    session.send('job.run', bed.run('one'));
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Succeeded', reason: 'Completed' });
    expect(await traced()).to.deep.equal(['pre running one', 'post succeeded one']);
    const lines = bed.logOf('one');
    expect(lines.indexOf('hook(pre): quiesced')).to.be.lessThan(lines.findIndex((line) => line.includes('"message_type":"summary"')));
    expect(lines.findIndex((line) => line.includes('"message_type":"summary"'))).to.be.lessThan(lines.indexOf('hook(post): resumed'));
    expect(lines.join('\n')).not.to.contain(BED_PASSWORD).and.not.to.contain('RESTIC_PASSWORD').and.not.to.contain('RM_TOKEN');
    expect(await readdir(join(bed.stateDir, 'hooks'))).to.deep.equal([]);
  });

  it('backs nothing up when pre fails (HookFailed), and still runs post', async () => {
    await bed.start();
    const session = await ready({ pre: noting('pre', 'exit 7'), post: noting('post') });
    session.send('job.run', bed.run('one'));
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Failed', reason: 'HookFailed', message: 'nothing of source group docs was backed up: the pre hook exited with 7' });
    expect(await traced()).to.deep.equal(['pre running one', 'post failed one']);
    expect(await readdir(join(bed.repository, 'snapshots'))).to.deep.equal([]);
  });

  it('backs nothing up when pre cannot be read (HookUnreadable, E14); another group runs', async () => {
    await bed.start();
    const session = await bed.ready({ groups: [bed.group({ hooks: { timeoutSeconds: 30, pre: { problem: 'Secret scripts has no key pre' }, post: noting('post') } }), bed.group({ uid: 'g2', name: 'other', tag: 'other' })] });
    session.send('job.run', bed.run('one'));
    session.send('job.run', bed.run('two', { sourceGroup: 'other' }));
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Failed', reason: 'HookUnreadable', message: 'a hook of source group docs cannot be read, so nothing was backed up: Secret scripts has no key pre' });
    expect(await bed.server.finished('uid-two')).to.deep.include({ phase: 'Succeeded' });
  });

  it('takes a failing or unreadable post for a warning', async () => {
    await bed.start();
    const session = await ready({ post: noting('post', 'exit 4') });
    session.send('job.run', bed.run('one'));
    const one = await bed.server.finished('uid-one');
    expect(one).to.deep.include({ phase: 'Succeeded', reason: 'Completed', warnings: 1 });
    expect(one.message).to.match(/^snapshot [0-9a-f]{8} of docs; the post hook exited with 4$/);
    await bed.setPlan(session, { groups: [bed.group({ hooks: { timeoutSeconds: 30, post: { problem: 'Secret scripts is gone' } } })] });
    session.send('job.run', bed.run('two'));
    expect((await bed.server.finished('uid-two')).message).to.contain('the post hook cannot be read: Secret scripts is gone');
  });

  it('runs post with how it ended when the backup was cancelled, or was partial', async () => {
    await bed.start();
    const session = await ready({ pre: noting('pre'), post: noting('post') });
    await bed.slow();
    session.send('job.run', bed.run('one'));
    await until('progress', () => session.of('job.progress').length > 0);
    const began = Date.now();
    session.send('job.stop', { job: 'one', runID: 'uid-one', reason: 'Cancelled' });
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Cancelled' });
    expect(Date.now() - began).to.be.lessThan(3_000);
    expect(await traced()).to.deep.equal(['pre running one', 'post cancelled one']);
    await bed.quick();
    await bed.setPlan(session, { groups: [bed.group({ includes: [bed.source, '/no/such/path'], hooks: { timeoutSeconds: 30, post: noting('post') } })] });
    session.send('job.run', bed.run('two'));
    await bed.server.finished('uid-two');
    expect((await traced()).at(-1)).to.equal('post partial two');
  });

  it('ends a pre hook when its job is cancelled: nothing is backed up, post runs', async () => {
    await bed.start();
    const session = await ready({ pre: noting('pre', `tail -f ${trace}`), post: noting('post') });
    session.send('job.run', bed.run('one'));
    await until('the pre hook', async () => (await traced()).length > 0);
    session.send('job.stop', { job: 'one', runID: 'uid-one', reason: 'Cancelled' });
    expect(await bed.server.finished('uid-one')).to.deep.include({ phase: 'Cancelled', reason: 'Cancelled' });
    expect(await traced()).to.deep.equal(['pre running one', 'post cancelled one']);
    expect(await bed.alive('tail')).to.deep.equal([]);
  });

  it('runs no hook for a dry run, and says so', async () => {
    await bed.start();
    const session = await ready({ pre: noting('pre'), post: noting('post') });
    session.send('job.run', bed.run('one', {}, { dryRun: true }));
    await bed.server.finished('uid-one');
    expect(await traced()).to.deep.equal([]);
    expect(bed.logOf('one')).to.include('a dry run changes nothing: its hooks are not run');
  });

  for (const [what, pre, during] of [['the pre hook', 'tail -f "$0" & wait', async () => (await traced()).length > 0], ['the backup', '', async (session: AgentSession) => session.of('job.progress').length > 0]] as const) {
    it(`runs the owed post hook at the next start when the agent was killed during ${what}; no orphan stays`, async () => {
      const process_ = bed.launch();
      const session = await ready({ pre: noting('pre', pre), post: noting('post', 'echo canary-output') });
      await bed.slow();
      session.send('job.run', bed.run('one'));
      await until(what, async () => during(session));
      const gone = new Promise((resolve) => process_.on('exit', resolve));
      process_.kill('SIGKILL');
      await gone;
      expect(await traced()).to.deep.equal(['pre running one']);
      bed.launch();
      const result = await bed.server.finished('uid-one');
      expect(result).to.deep.include({ phase: 'Failed', reason: 'AgentRestarted' });
      expect(result.message).to.contain('; the post hook it owed ran now');
      expect(await traced()).to.deep.equal(['pre running one', 'post failed one']);
      await until('no orphan', async () => (await bed.alive(bed.dir)).length === 0);
      expect(await readFile(join(bed.stateDir, 'journal.jsonl'), 'utf8')).not.to.contain('canary-output').and.not.to.contain(BED_PASSWORD);
    });
  }
});
