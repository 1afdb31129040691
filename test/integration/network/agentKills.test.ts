/** kill -9 and SIGSTOP of the agent at whatever moment of a job (Q2, Q0). RM_TEST_RUNS: how often it is killed. */
import { join } from 'node:path';
import { expect } from 'chai';
import { readStatus } from '#agent/status.js';
import type { TestAgent } from '../../builders/agent.js';
import { expectDelivered, expectOneResult, expectUnbroken } from '../../builders/delivered.js';
import { heldRestic, type HeldRestic } from '../../builders/heldRestic.js';
import { runningRestics } from '../../builders/runningRestics.js';
import { startServer } from '../../builders/server.js';
import { until } from '../../builders/until.js';
import { openWorld, teeRestic, type World } from '../../builders/world.js';

const KILLS = Number(process.env['RM_TEST_RUNS'] ?? 6);
/** Backups among the others, because they are most of what runs. */
const types = ['Prune', 'Backup', 'Backup', 'Prune', 'Check', 'Backup', 'Backup', 'Forget'] as const;
/** A job takes about two seconds here: from before its first process to after its end. */
const WITHIN_MS = 2_200;

describe('an agent that is killed or stopped', function () {
  this.timeout(60_000 + KILLS * 30_000);
  let world: World;
  const names = ['first', 'second'];
  const agents = new Map<string, TestAgent>();
  const restics = new Map<string, string>();
  const held = new Map<string, HeldRestic>();
  before(async () => {
    world = await openWorld({ start: (options) => startServer({ ...options, bundle: true }) });
    await Promise.all(names.map(async (name) => {
      held.set(name, await heldRestic(join(world.dir, `held-${name}`)));
      restics.set(name, await teeRestic(join(world.dir, `calls-${name}`), { restic: held.get(name)?.path ?? '', chatter: 40 }));
      await start(name, await world.mintToken(name, [await world.source(name, 4 * 1024 * 1024)]));
      await world.ready(name);
    }));
  });
  after(async () => { await world.close(); });

  async function start(name: string, token?: string): Promise<void> {
    agents.set(name, await world.agent(name, { bundle: true, ...(token === undefined ? {} : { token }), restic: restics.get(name) ?? '' }));
  }
  const repositoryOf = (name: string): string => world.repositoryUrl(name);
  /** What the agent that runs now has not had acknowledged. */
  async function unacknowledged(name: string): Promise<number | undefined> {
    const { status } = await readStatus(join(world.dir, `agent-${name}`)) ?? {};
    return status?.pid === agents.get(name)?.pid ? status?.spool.unacknowledged : undefined;
  }

  let serial = 0;
  async function order(name: string, type: (typeof types)[number]): Promise<string> {
    const job = `${name}-${type.toLowerCase()}-${String(++serial)}`;
    const groups = (await world.list('SourceGroup')).filter(({ spec }) => spec.hostRef?.name === name);
    await world.create('ResticJob', job, { spec: { hostRef: { name }, type, ...(type === 'Backup' ? { sourceGroupRef: { name: groups[0]?.metadata.name } } : {}) } });
    return job;
  }

  it(`${String(KILLS)} times kill -9 at any moment of a job: it ends once, nothing goes on running, the spool is whole, the next job passes every lock`, async () => {
    await Promise.all(names.map(async (name, index) => {
      for (let kill = index; kill < KILLS; kill += names.length) {
        const type = types[kill % types.length] ?? 'Backup';
        // a restic that stands still does not end by itself soon after the agent: it is left over, or it was killed
        const standing = type === 'Prune' ? held.get(name)?.hold('prune', join(repositoryOf(name), 'locks')) : undefined;
        const job = await order(name, type);
        await until(`${job} on its way`, async () => !['Queued', undefined].includes((await world.get('ResticJob', job))?.status?.phase), 30_000);
        await standing;
        const moment = Math.round(Math.random() * WITHIN_MS);
        if (!standing) await new Promise((resolve) => { setTimeout(resolve, moment); });
        await agents.get(name)?.kill();
        await until(`no restic left ${String(moment)} ms after the start of ${job}`, () => runningRestics(repositoryOf(name)).length === 0, 5_000);
        await start(name);
        const { status } = await world.ended(job);
        expect(status?.phase === 'Succeeded' ? 'Succeeded' : `${status?.phase ?? ''} ${status?.reason ?? ''}`, `${job}, killed after ${String(moment)} ms: ${status?.message ?? ''}`).to.be.oneOf(['Succeeded', 'Failed AgentRestarted']);
        expectOneResult(world, job);
        await expectUnbroken(world, job);
      }
      const last = await world.ended(await order(name, 'Prune'));
      expect(last.status, 'the next job').to.include({ phase: 'Succeeded' });
      expect(world.restic(name, 'list', 'locks', '--no-lock').stdout).to.equal('');
      expect(world.restic(name, 'check').status, 'restic check').to.equal(0);
      await until('all acknowledged', async () => await unacknowledged(name) === 0, 10_000, 200);
    }));
    const said = world.agents.map((agent) => agent.log()).join('');
    expect(said).to.not.contain('the spool was damaged');
    expect(said).to.not.contain('"level":"error"');
    expect((await world.list('ResticJob')).filter(({ status }) => !['Succeeded', 'Failed', 'Cancelled'].includes(status?.phase ?? '')).map(({ metadata }) => metadata.name)).to.deep.equal([]);
  });

  it('SIGSTOP in the middle of a backup: after SIGCONT everything restic said meanwhile arrives once, over the connection that was there', async () => {
    const [name = ''] = names;
    const session = (await world.get('Host', name))?.status?.connection?.sessionID;
    const job = await order(name, 'Backup');
    await until('its first lines', async () => (await world.logOf(job)).length > 0, 20_000);
    const { pid = 0 } = agents.get(name) ?? {};
    process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => { setTimeout(resolve, 3_000); });
    expect((await world.get('ResticJob', job))?.status?.phase).to.equal('Running');
    process.kill(pid, 'SIGCONT');
    expect((await world.ended(job)).status).to.include({ phase: 'Succeeded' });
    await expectDelivered(world, job, join(world.dir, `calls-${name}`));
    expectOneResult(world, job);
    expect((await world.get('Host', name))?.status?.connection?.sessionID).to.equal(session);
  });
});
