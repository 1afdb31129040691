/** Networks that fail between an agent and its server: cut off, half open, lossy, renumbered. Nothing is lost, nothing doubled, and nobody has to help (Q2). */
import { join } from 'node:path';
import { expect } from 'chai';
import { readStatus } from '#agent/status.js';
import type { TestAgent } from '../../builders/agent.js';
import { backupCalls, expectDelivered, expectOneResult, expectUnbroken } from '../../builders/delivered.js';
import { heldRestic, type HeldRestic } from '../../builders/heldRestic.js';
import { networkMissing, openNetwork, type Network } from '../../builders/network.js';
import { runningRestics } from '../../builders/runningRestics.js';
import { until } from '../../builders/until.js';
import { teeRestic, type World } from '../../builders/world.js';

const missing = networkMissing();

(missing === undefined ? describe : describe.skip)(`networks that fail${missing === undefined ? '' : ` (missing: ${missing})`}`, function () {
  this.timeout(120_000);
  let network: Network;
  let world: World;
  const hosts = new Map<string, { agent: TestAgent; restic: HeldRestic; program: string; calls: string }>();
  before(async () => {
    network = await openNetwork();
    ({ world } = network);
    await Promise.all([{ name: 'cut', chatter: 150 }, { name: 'half', chatter: 0 }, { name: 'lossy', chatter: 3000, burst: 50 }].map(async ({ name, ...chatter }) => {
      const [restic, calls] = [await heldRestic(join(world.dir, `held-${name}`)), join(world.dir, `calls-${name}`)];
      const program = await teeRestic(calls, { restic: restic.path, ...chatter });
      hosts.set(name, { agent: await network.addHost(name, { restic: program }), restic, program, calls });
    }));
  });
  after(async () => { await network.close(); });

  const hostOf = (name: string) => hosts.get(name) ?? expect.fail(name);
  const sessionOf = async (name: string) => (await world.get('Host', name))?.status?.connection?.sessionID;
  const duplicates = async () => ((await world.call('GET', '/api/v1/namespaces/default/events')).body['items'] as { reason: string }[]).filter(({ reason }) => reason === 'DuplicateAgent');
  /** A backup that stands still with its lock in the repository. */
  async function heldBackup(name: string): Promise<{ job: string; pid: number }> {
    const standing = hostOf(name).restic.hold('backup', join(world.repositoryUrl(name), 'locks'));
    const job = await world.runNow(name);
    return { job, pid: await standing };
  }

  it('cut off from the server in the middle of a backup, restic goes on to its end; result and log are there once afterwards, byte for byte', async () => {
    const { agent, calls } = hostOf('cut');
    const { job, pid } = await heldBackup('cut');
    network.plug('server', false);
    process.kill(pid, 'SIGCONT');
    await agent.says(`"msg":"job finished","job":"${job}"`);
    expect((await world.get('ResticJob', job))?.status?.phase, 'the server cannot know').to.equal('Running');
    network.plug('server', true);
    expect((await world.ended(job)).status).to.include({ phase: 'Succeeded', reason: 'Completed' });
    expect(backupCalls(calls)).to.have.length(1);
    await expectDelivered(world, job, calls);
    expectOneResult(world, job);
  });

  it('an agent that comes back while the server still holds its dead connection open takes its place, and is no duplicate', async () => {
    const { agent, program } = hostOf('half');
    const { job } = await heldBackup('half');
    const before = await sessionOf('half');
    network.disturbConnection('half', 'drop');
    await agent.kill();
    expect(await sessionOf('half'), 'nobody told the server').to.equal(before);
    await network.startAgent('half', { restic: program });
    await until('a new session', async () => ![before, undefined].includes(await sessionOf('half')), 20_000);
    expect((await world.ended(job)).status).to.include({ phase: 'Failed', reason: 'AgentRestarted' });
    expect(await duplicates()).to.deep.equal([]);
    expect(runningRestics('repo-half').filter(({ argv }) => argv[1] === 'backup')).to.deep.equal([]);
    network.disturb('half', undefined);
    expect((await world.ended(await world.runNow('half'))).status, 'no lock, one session').to.include({ phase: 'Succeeded' });
    await expectUnbroken(world, job);
  });

  it('what was delivered and not acknowledged is delivered again, and taken once', async () => {
    const { calls, program } = hostOf('half');
    const { job, pid } = await heldBackup('half');
    // little enough for TCP to send it all without hearing of any
    network.disturb('half', 'drop', 'server');
    process.kill(pid, 'SIGCONT');
    expect((await world.ended(job)).status).to.include({ phase: 'Succeeded' });
    const { observed } = (await world.get('ResticJob', job))?.status ?? {};
    await world.agents.findLast(({ stateDir }) => stateDir.endsWith('agent-half'))?.kill();
    const before = await sessionOf('half');
    network.disturb('half', undefined);
    const agent = await network.startAgent('half', { restic: program });
    await agent.says('"msg":"connected"');
    await until('all acknowledged', async () => {
      const { pid, spool } = (await readStatus(agent.stateDir))?.status ?? {};
      return pid === agent.pid && spool?.unacknowledged === 0;
    }, 20_000, 100);
    await until('a new session', async () => ![before, undefined].includes(await sessionOf('half')), 20_000);
    await expectDelivered(world, job, calls);
    expectOneResult(world, job);
    expect((await world.get('ResticJob', job))?.status?.observed, 'what is known of it').to.deep.equal(observed);
  });

  it('with 30 % of all packets lost on the way there and back, each of thousands of lines is delivered once, in order', async () => {
    const { calls } = hostOf('lossy');
    network.disturb('lossy', 'numgen random mod 100 < 16 counter drop');
    const job = await world.runNow('lossy');
    expect((await world.ended(job, 90_000)).status).to.include({ phase: 'Succeeded' });
    await expectDelivered(world, job, calls);
    expect((await world.logOf(job)).length).to.be.greaterThan(3000);
    expectOneResult(world, job);
    expect(network.counted(), 'packets lost').to.be.greaterThan(5);
    network.disturb('lossy', undefined);
  });

  it('a server that moved to another address is found again by its name, and the next failure is tried again as soon as the first', async () => {
    const agents = world.agents.filter(({ pid, stateDir }) => world.agents.findLast((each) => each.stateDir === stateDir)?.pid === pid);
    const waits = (agent: TestAgent, from: number): number[] => [...agent.log().slice(from).matchAll(/"msg":"not connected; trying again".*"seconds":(\d+)/g)].map(([, seconds]) => Number(seconds));
    const marks = agents.map((agent) => agent.log().length);
    await world.killServer();
    network.moveServer();
    await until('several failures', () => agents.every((agent, index) => waits(agent, marks[index] ?? 0).length >= 4), 40_000);
    for (const [index, agent] of agents.entries()) expect(Math.max(...waits(agent, marks[index] ?? 0)), 'it waits longer each time').to.be.at.least(2);
    await world.startServerAgain();
    await until('everybody back', () => agents.every((agent, index) => agent.log().slice(marks[index]).includes('"msg":"connected"')), 40_000);
    const after = agents.map((agent) => agent.log().length);
    await world.killServer();
    await until('a failure', () => agents.every((agent, index) => waits(agent, after[index] ?? 0).length > 0), 20_000);
    for (const [index, agent] of agents.entries()) expect(waits(agent, after[index] ?? 0)[0], 'begins anew').to.be.at.most(1);
    await world.startServerAgain();
    for (const name of hosts.keys()) await world.ready(name);
    expect((await world.ended(await world.runNow('half'))).status).to.include({ phase: 'Succeeded' });
  });
});
