/** A server and many agents: what it writes when all of them, or some, go and come back. RM_TEST_HOSTS: how many. */
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LightAgent, makeFleet, untilNothingIsWritten, writeCounter, type WriteCounter } from '../builders/fleet.js';
import { startServer, type TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';

const HOSTS = Number(process.env['RM_TEST_HOSTS'] ?? 150);
/** Patience: a thousand hosts take a minute longer. */
const PATIENCE_MS = 60_000 + HOSTS * 60;
/** The gateway's Lease, an aggregate of the one schedule: what a server writes by itself in that time. */
const OWN_WRITES = 12 + HOSTS / 100;

describe(`a fleet of ${HOSTS} agents on a real server`, function () {
  this.timeout(3 * PATIENCE_MS);
  let dir: string;
  let server: TestServer;
  let counter: WriteCounter;
  let agents: LightAgent[];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-fleet-'));
    const hosts = await makeFleet(dir, HOSTS);
    server = await startServer({ dataDir: dir });
    counter = await writeCounter(server);
    agents = hosts.map((host) => new LightAgent(host));
    for (const agent of agents) agent.connect(server.url);
    await allConnected();
    await untilNothingIsWritten(counter, 1_500, PATIENCE_MS);
  });
  after(async () => {
    for (const agent of agents) agent.stop();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const allConnected = (): Promise<unknown> => until('all agents to be welcomed', () => agents.every(({ welcomed }) => welcomed), PATIENCE_MS);
  async function phases(): Promise<Record<string, number>> {
    const count: Record<string, number> = {};
    for (const { status } of await counter.list('Host')) count[status?.phase ?? ''] = (count[status?.phase ?? ''] ?? 0) + 1;
    return count;
  }
  /** What is written while `work` goes on, and until the store is left alone again. */
  async function writesOf(work: () => Promise<void>): Promise<{ all: number; hosts: Map<string, number>; phases: Set<string>; events: number }> {
    const [before, events] = [await counter.version(), (await counter.list('Event')).length];
    await work();
    return { all: await untilNothingIsWritten(counter, 1_500, PATIENCE_MS) - before, hosts: seen.hosts, phases: seen.phases, events: (await counter.list('Event')).length - events };
  }
  let seen = { hosts: new Map<string, number>(), phases: new Set<string>() };
  async function watchHosts(): Promise<void> {
    const mine = { hosts: new Map<string, number>(), phases: new Set<string>() };
    seen = mine;
    await counter.watch('Host', await counter.version(), ({ metadata: { name }, status }) => {
      mine.hosts.set(name, (mine.hosts.get(name) ?? 0) + 1);
      mine.phases.add(status?.phase ?? '');
    });
  }

  it('is all Online', async () => {
    expect(await phases()).to.deep.equal({ Online: HOSTS });
  });

  it('writes nothing for heartbeats', async () => {
    const { all } = await writesOf(async () => {
      for (let beat = 0; beat < 10; beat++) for (const agent of agents) agent.send('heartbeat', { clock: new Date().toISOString() });
      await Promise.all(agents.map((agent) => agent.heard()));
    });
    expect(all).to.be.at.most(OWN_WRITES);
  });

  it('comes back to a server that was killed with one write a host: nobody is Offline in between, and no Event is written', async () => {
    const { RM_LISTEN, RM_TLS_LISTEN } = { RM_LISTEN: new URL(server.url).host, RM_TLS_LISTEN: new URL(server.tlsUrl).host };
    const { all, hosts, phases: between, events } = await writesOf(async () => {
      await server.kill();
      server = await startServer({ dataDir: dir, env: { RM_LISTEN, RM_TLS_LISTEN } });
      counter = await writeCounter(server);
      await watchHosts();
      await until('all agents to have come back', () => agents.every(({ welcomed, welcomes }) => welcomed && welcomes === 2), PATIENCE_MS);
    });
    expect(all).to.be.within(HOSTS, HOSTS + OWN_WRITES);
    expect(Math.max(...hosts.values())).to.equal(1);
    expect([...between]).to.deep.equal(['Online']);
    expect(events).to.equal(0);
    expect(await phases()).to.deep.equal({ Online: HOSTS });
  });

  it('comes back from a network that broke with one write a host, and nobody hears of it', async () => {
    await watchHosts();
    const { all, hosts, phases: between, events } = await writesOf(async () => {
      for (const agent of agents) agent.cut({ comesBack: true });
      await until('all agents to have come back', () => agents.every(({ welcomed, welcomes }) => welcomed && welcomes === 3), PATIENCE_MS);
    });
    expect(all).to.be.within(HOSTS, HOSTS + OWN_WRITES);
    expect(Math.max(...hosts.values())).to.equal(1);
    expect([...between]).to.deep.equal(['Online']);
    expect(events).to.equal(0);
  });

  it('shows those that stay away Offline, with two writes and one Event each', async () => {
    await watchHosts();
    const gone = agents.slice(0, HOSTS / 3);
    const { hosts, events } = await writesOf(async () => {
      for (const agent of gone) agent.cut({ comesBack: false });
      await until('them to be Offline', async () => (await phases())['Offline'] === gone.length, PATIENCE_MS, 200);
    });
    expect(await phases()).to.deep.equal({ Online: HOSTS - gone.length, Offline: gone.length });
    expect([...hosts.keys()].sort()).to.deep.equal(gone.map(({ host }) => host.name));
    expect(new Set(hosts.values())).to.deep.equal(new Set([2]));
    expect(events).to.equal(gone.length);
  });
});
