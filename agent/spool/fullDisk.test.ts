import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { linesOf } from '#crds/wire/logLines.js';
import { AgentBed } from '../../test/builders/agentBed.js';
import { planOf, until } from '../../test/builders/agentParts.js';
import { WireServer } from '../../test/builders/wireServer.js';
import { systemClock, type Clock } from '../clock.js';

/** Waits twenty times shorter. */
const hurried: Clock = { now: () => Date.now(), setTimer: (ms, callback) => systemClock.setTimer(ms / 20, callback) };

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

(mayMount ? describe : describe.skip)(`an agent whose disk is full (S7, J2)${mayMount ? '' : ' (missing: root on Linux, to mount a small disk)'}`, function () {
  this.timeout(90_000);
  let bed: AgentBed;
  let disk = '';

  beforeEach(async () => {
    bed = await AgentBed.make();
    disk = join(bed.dir, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'small', disk]);
  });
  afterEach(async () => {
    execFileSync('umount', ['-l', disk]);
    await bed.clean();
  });

  const stateDir = (): string => join(disk, 'state');
  const start = async (): Promise<Awaited<ReturnType<AgentBed['start']>>> => bed.start({ stateDir: stateDir() }, { clock: hurried });
  const fill = (): void => {
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=4096'], { stdio: 'ignore' });
    } catch {
      // until there is no more
    }
  };
  const empty = async (): Promise<void> => rm(join(disk, 'filler'));
  const reserved = async (): Promise<void> => {
    await until('the space of the spool', async () => (await readdir(join(stateDir(), 'spool'))).filter((name) => name.startsWith('spare-') && !name.endsWith('.new')).length >= 15);
  };
  /** Line numbers of a job as the server has them, those that were given up too. */
  const counted = (job: string): number[] => [
    ...bed.server.of('job.log').filter((log) => log.job === job).flatMap(linesOf).map(({ seq }) => seq),
    ...bed.server.of('spool.dropped').filter((dropped) => dropped.job === job).flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index)),
  ].sort((a, b) => a - b);

  it('backs up, tells the result, and counts the log lines it could not keep', async () => {
    await start();
    const session = await bed.ready();
    await reserved();
    fill();
    await until('the agent to see it', () => new Promise((resolve) => { setTimeout(() => { resolve(true); }, 1_100); }));
    session.send('job.run', bed.run('warm'));
    await bed.server.finished('uid-warm');
    session.send('job.run', bed.run('one'));
    const result = await bed.server.finished('uid-one');
    expect(result.phase, result.message).to.equal('Succeeded');
    expect(bed.server.of('spool.dropped').filter(({ job }) => job === 'one')).to.have.length(1);
    await until('every line, once', () => counted('one').length > 0 && counted('one').every((seq, index) => seq === index + 1));
  });

  it('backs up after a full disk left restic\'s cache half begun', async () => {
    await start();
    const session = await bed.ready();
    const id = await bed.makeRepository();
    const cache = join(stateDir(), 'cache', id, id);
    await mkdir(cache, { recursive: true });
    await writeFile(join(cache, 'version'), '');
    session.send('job.run', bed.run('one'));
    const result = await bed.server.finished('uid-one');
    expect(result.phase, result.message).to.equal('Succeeded');
  });

  it('keeps results without a server and over a restart, and tells them once', async () => {
    const agent = await start();
    const session = await bed.ready();
    await reserved();
    bed.server.acknowledges = false;
    fill();
    session.send('job.run', bed.run('one'));
    await until('the end', () => bed.log.includes('"msg":"job finished","job":"one"'), 30_000);
    const { port } = bed.server;
    await bed.server.close();
    await agent.stop(0);
    fill();
    const server = await WireServer.start(undefined, port);
    try {
      await start();
      expect((await until('the result', () => server.of('job.finished')[0], 30_000)).identity.job).to.equal('one');
      expect(server.of('job.finished')).to.have.length(1);
    } finally {
      await server.close();
    }
  });

  it('keeps the plan before when a new one cannot be stored, says so, does not acknowledge it, and takes it when there is space', async () => {
    const agent = await start();
    const session = await bed.ready();
    await reserved();
    fill();
    const set = { revision: 'rev-new', generation: 9, plan: planOf({ groups: [bed.group()] }) };
    bed.server.setPlan(session, set);
    const told = await until('the error', () => session.of('error')[0]);
    expect(told).to.deep.include({ code: 'plan_not_stored', frame: 'plan.set' });
    expect(told.message).to.contain('the one before stays in force').and.to.contain('ENOSPC');
    expect(agent.status().planProblem).to.equal(told.message);
    expect(agent.status().plan?.revision).to.equal('rev-1');
    expect(session.of('plan.applied').map(({ revision }) => revision)).to.deep.equal(['rev-1']);
    await empty();
    await until('the plan', () => session.of('plan.applied').some(({ revision }) => revision === 'rev-new'));
    expect(agent.status()).to.deep.include({ planProblem: undefined, link: 'online' });
  });
});
