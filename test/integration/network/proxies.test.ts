/** Proxies on the way that end connections by their own rules: nothing is lost, and the host is not shown coming and going. */
import { join } from 'node:path';
import { expect } from 'chai';
import { expectDelivered, expectOneResult } from '../../builders/delivered.js';
import { startCutProxy, type CutProxy } from '../../builders/cutProxy.js';
import { until } from '../../builders/until.js';
import { openWorld, teeRestic, type World } from '../../builders/world.js';

/** RM_TEST_SCALE: how many times as patient the proxies are. */
const SCALE = Number(process.env['RM_TEST_SCALE'] ?? 1);
const IDLE_MS = 4_000 * SCALE;
const LIFE_MS = 3_000 * SCALE;

describe('proxies that end connections', function () {
  this.timeout(120_000 * SCALE);
  let world: World;
  const proxies: CutProxy[] = [];
  /** Side by side: most of it is waiting. */
  let scenarios: Promise<void>[] = [];
  before(async () => {
    world = await openWorld();
    scenarios = [silent(), aged()];
    for (const scenario of scenarios) scenario.catch(() => undefined);
  });
  after(async () => {
    await world.close();
    for (const proxy of proxies) await proxy.close();
  });

  async function hostBehind(name: string, options: Parameters<typeof startCutProxy>[1], chatter: number): Promise<{ proxy: CutProxy; calls: string; log(): string }> {
    const proxy = await startCutProxy(Number(new URL(world.server.url).port), options);
    proxies.push(proxy);
    const calls = join(world.dir, `calls-${name}`);
    const agent = await world.agent(name, { server: `http://127.0.0.1:${String(proxy.port)}`, token: await world.mintToken(name, [await world.source(name)]), restic: await teeRestic(calls, { chatter }), bundle: true });
    await world.ready(name);
    return { proxy, calls, log: () => agent.log() };
  }
  /** What everybody who watches a host is told from now on. */
  function watched(name: string): { phases: string[]; versions(): number; stop(): void } {
    const phases: string[] = [];
    let versions = 0;
    const stopping = new AbortController();
    void (async () => {
      for await (const { status } of world.watch('Host', name, stopping.signal)) {
        versions += 1;
        if (status?.phase !== undefined && phases.at(-1) !== status.phase) phases.push(status.phase);
      }
    })().catch(() => undefined);
    return { phases, versions: () => versions, stop() { stopping.abort(); } };
  }
  async function run(name: string, calls: string): Promise<void> {
    const job = await world.runNow(name);
    expect((await world.ended(job)).status).to.include({ phase: 'Succeeded' });
    await expectDelivered(world, job, calls);
    expectOneResult(world, job);
  }

  async function silent(): Promise<void> {
    const { proxy, calls, log } = await hostBehind('idle', { idleMs: IDLE_MS }, 0);
    await until('what the agent learns', () => log().includes('something on the way ends silent connections'), 30_000 * SCALE);
    await until('back', async () => log().split('"msg":"connected"').length > log().split('"msg":"not connected').length && (await world.get('Host', 'idle'))?.status?.connection !== undefined);
    const before = proxy.count();
    const host = watched('idle');
    const end = Date.now() + 3 * IDLE_MS;
    await until('three silences', () => Date.now() > end, 30_000 * SCALE);
    expect(proxy.count(), 'connections made since').to.equal(before);
    expect(host.phases).to.deep.equal(['Online']);
    host.stop();
    await run('idle', calls);
  }
  async function aged(): Promise<void> {
    const { proxy, calls, log } = await hostBehind('aged', { lifeMs: LIFE_MS }, 400);
    const host = watched('aged');
    const before = proxy.count();
    await run('aged', calls);
    await until('some more', () => proxy.count() - before >= 3, 30_000 * SCALE);
    await until('back', async () => log().lastIndexOf('"msg":"connected"') > log().lastIndexOf('"msg":"not connected') && (await world.get('Host', 'aged'))?.status?.connection !== undefined);
    expect(host.versions() / (proxy.count() - before), 'versions of the host told for each connection').to.be.at.most(3);
    expect(host.phases).to.deep.equal(['Online']);
    host.stop();
  }

  it('one that ends silent connections sooner than the heartbeat is noticed after two of them, and ends none any more', () => scenarios[0]);
  it('one that ends every connection at a certain age costs one write of status each time, and no line', () => scenarios[1]);
});
