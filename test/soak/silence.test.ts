/**
 * Networks and processes that fall silent for longer than a heartbeat, in real time (Q2): both ends notice by themselves, and afterwards
 * there is one connection, every result and every line, once. The scenarios run side by side: each takes minutes of waiting.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import type { TestAgent } from '../builders/agent.js';
import { expectDelivered, expectOneResult } from '../builders/delivered.js';
import { heldRestic, type HeldRestic } from '../builders/heldRestic.js';
import { networkMissing, openNetwork, type Network } from '../builders/network.js';
import { until } from '../builders/until.js';
import { teeRestic, type World } from '../builders/world.js';

const missing = networkMissing();
const SECOND = 1000;

(missing === undefined ? describe : describe.skip)(`silence${missing === undefined ? '' : ` (missing: ${missing})`}`, function () {
  this.timeout(600 * SECOND);
  let network: Network;
  let world: World;
  const hosts = new Map<string, { agent: TestAgent; restic: HeldRestic; calls: string }>();
  const scenarios = new Map<string, Promise<void>>();
  before(async () => {
    network = await openNetwork();
    ({ world } = network);
    for (const [name, chatter] of [['mute', 100], ['forgotten', 100], ['stopped', 3000], ['lossy', 3000], ['lossier', 3000]] as const) {
      const [restic, calls] = [await heldRestic(join(world.dir, `held-${name}`)), join(world.dir, `calls-${name}`)];
      hosts.set(name, { agent: await network.addHost(name, { restic: await teeRestic(calls, { restic: restic.path, chatter, burst: 50 }) }), restic, calls });
    }
    for (const [name, run] of Object.entries({ mute, forgotten, stopped, lossy: () => lossy('lossy'), lossier: () => lossy('lossier') })) {
      const running = run();
      running.catch(() => undefined);
      scenarios.set(name, running);
    }
  });
  after(async () => { await network.close(); });

  const hostOf = (name: string) => hosts.get(name) ?? expect.fail(name);
  const statusOf = async (name: string) => (await world.get('Host', name))?.status;
  const sessions = (name: string): number => world.server.log().split('\n').filter((line) => line.includes('"msg":"agent connected"') && line.includes(`"host":"${name}"`)).length;
  async function duplicates(name: string): Promise<number> {
    return ((await world.call('GET', '/api/v1/namespaces/default/events')).body['items'] as { reason: string; involvedObject: { name: string } }[]).filter(({ reason, involvedObject }) => reason === 'DuplicateAgent' && involvedObject.name === name).length;
  }
  /** A backup that stands still with its lock in the repository. */
  async function heldBackup(name: string): Promise<{ job: string; pid: number }> {
    const standing = hostOf(name).restic.hold('backup', join(world.repositoryUrl(name), 'locks'));
    const job = await world.runNow(name);
    return { job, pid: await standing };
  }
  async function deliveredOnce(name: string, job: string): Promise<void> {
    expect((await world.ended(job, 120 * SECOND)).status).to.include({ phase: 'Succeeded' });
    await expectDelivered(world, job, hostOf(name).calls);
    expectOneResult(world, job);
    expect(await duplicates(name), 'duplicate_agent').to.equal(0);
    expect((await world.ended(await world.runNow(name), 120 * SECOND)).status, 'the next backup').to.include({ phase: 'Succeeded' });
  }

  /** Half open, for everybody: what goes between the two is dropped, without a word. */
  async function mute(): Promise<void> {
    const { agent } = hostOf('mute');
    const { job, pid } = await heldBackup('mute');
    const before = sessions('mute');
    network.disturb('mute', 'drop');
    const begin = Date.now();
    process.kill(pid, 'SIGCONT');
    await agent.says(`"msg":"job finished","job":"${job}"`, 60 * SECOND);
    await agent.says('the server fell silent', 70 * SECOND);
    await until('Offline', async () => (await statusOf('mute'))?.phase === 'Offline', 130 * SECOND, 500);
    expect(Date.now() - begin, 'by the rule of 90 s').to.be.within(60 * SECOND, 130 * SECOND);
    expect((await world.get('ResticJob', job))?.status?.phase, 'unknown is no failure').to.equal('Running');
    network.disturb('mute', undefined);
    await until('Online', async () => (await statusOf('mute'))?.phase === 'Online', 60 * SECOND, 200);
    await deliveredOnce('mute', job);
    expect(sessions('mute') - before, 'connections made').to.equal(1);
  }
  /** Half open, for this connection alone: a NAT on the way forgot it. New ones pass. */
  async function forgotten(): Promise<void> {
    const { agent } = hostOf('forgotten');
    const { job, pid } = await heldBackup('forgotten');
    const before = sessions('forgotten');
    network.disturbConnection('forgotten', 'drop');
    process.kill(pid, 'SIGCONT');
    await agent.says('the server fell silent', 70 * SECOND);
    await until('a new connection', () => sessions('forgotten') > before, 30 * SECOND);
    await deliveredOnce('forgotten', job);
    expect(sessions('forgotten') - before, 'connections made').to.equal(1);
  }
  /** The process of the agent stands still, its restic waits for it. */
  async function stopped(): Promise<void> {
    const { agent } = hostOf('stopped');
    const job = await world.runNow('stopped');
    await until('its first lines', async () => (await world.logOf(job)).length > 0, 60 * SECOND);
    process.kill(agent.pid, 'SIGSTOP');
    await until('Offline', async () => (await statusOf('stopped'))?.phase === 'Offline', 130 * SECOND, 500);
    process.kill(agent.pid, 'SIGCONT');
    await until('Online', async () => (await statusOf('stopped'))?.phase === 'Online', 60 * SECOND, 200);
    await deliveredOnce('stopped', job);
  }
  /** 30 % of all packets lost, each way. */
  async function lossy(name: string): Promise<void> {
    network.disturb(name, 'numgen random mod 100 < 30 counter drop');
    for (let run = 0; run < 4; run += 1) {
      const job = await world.runNow(name);
      expect((await world.ended(job, 240 * SECOND)).status).to.include({ phase: 'Succeeded' });
      await expectDelivered(world, job, hostOf(name).calls);
      expectOneResult(world, job);
    }
    network.disturb(name, undefined);
    expect(await duplicates(name)).to.equal(0);
  }

  for (const [name, sentence] of Object.entries({
    mute: 'cut off without a word during a backup: the agent notices within 50 s, the server shows Offline after 90 s; healed, one connection, and result and log once',
    forgotten: 'a connection that the network forgot: the agent makes a new one by itself, which takes the place of the old one (4002), and is no duplicate',
    stopped: 'an agent that stood still for longer than 90 s: Offline meanwhile; then it comes back, and nothing its restic said is lost',
    lossy: '30 % loss each way over four jobs of 3,000 lines: every line once, in order',
    lossier: 'the same on a second host at the same time',
  })) it(sentence, () => scenarios.get(name));

  it('nothing was left over by any of them', async () => {
    await Promise.allSettled(scenarios.values());
    expect(hosts.size).to.equal((await world.list('Host')).filter(({ status }) => status?.phase === 'Online').length);
    expect((await world.list('ResticJob')).filter(({ status }) => status?.phase !== 'Succeeded').map(({ metadata }) => metadata.name)).to.deep.equal([]);
  });
});
