import { mkdir } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { expect } from 'chai';
import { AgentBed } from '../../test/builders/agentBed.js';
import { planOf, until } from '../../test/builders/agentParts.js';
import { TestClock } from '../../test/builders/testClock.js';
import { createLog, silentLog } from '../log.js';
import { PlanFile } from '../plan/planFile.js';
import { endpointOf, Network, NETWORK_WAIT_MS } from './network.js';

describe('network for catch-ups (S7)', () => {
  let clock: TestClock;
  let url: string;
  let linked: boolean;
  let changes: number;
  let said: string[];
  let listener: Server | undefined;
  let network: Network;

  beforeEach(() => {
    clock = new TestClock('2026-01-01T00:00:00Z');
    linked = false;
    changes = 0;
    said = [];
    network = new Network({ clock, log: createLog('info', (line) => said.push(line)), url: () => url, linked: () => linked, onChange: () => { changes++; } });
  });
  afterEach(async () => {
    network.stop();
    await new Promise<void>((resolve) => { if (listener) listener.close(() => { resolve(); }); else resolve(); });
    listener = undefined;
  });

  async function listen(port = 0): Promise<number> {
    const server = createServer((socket) => { socket.destroy(); });
    listener = server;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
  /** A port nobody listens on. */
  async function deadPort(): Promise<number> {
    const port = await listen();
    await new Promise((resolve) => listener?.close(resolve));
    listener = undefined;
    return port;
  }

  it('is there when the repository\'s host answers, and is not asked for again in the same waking', async () => {
    url = `rest:http://127.0.0.1:${await listen()}/web1/`;
    expect(network.isOpen(1)).to.equal(false);
    await until('the answer', () => changes === 1);
    expect([network.isOpen(1), network.isOpen(1)]).to.deep.equal([true, true]);
    expect(network.isOpen(2), 'it slept: asked again').to.equal(false);
  });

  it('is tried again while nobody answers, and says so', async () => {
    const port = await deadPort();
    url = `rest:http://127.0.0.1:${port}/web1/`;
    expect(network.isOpen(1)).to.equal(false);
    await until('the reason', () => network.why);
    expect(network.why).to.match(/^127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED.*, and the server is not connected; until 2026-01-01T00:10:00\.000Z at most$/);
    clock.pass(10);
    expect(changes).to.equal(1);
    await listen(port);
    expect(network.isOpen(1)).to.equal(false);
    await until('the answer', () => changes === 2);
    expect(network.isOpen(1)).to.equal(true);
    expect(network.why).to.equal(undefined);
    expect(said.join('')).to.contain('what was missed waits for the network').and.to.contain('no longer');
  });

  it('holds nothing back for ever: after ten minutes what was missed begins all the same', async () => {
    url = `rest:http://127.0.0.1:${await deadPort()}/`;
    expect(network.isOpen(1)).to.equal(false);
    await until('the reason', () => network.why);
    clock.pass(NETWORK_WAIT_MS / 1_000 - 1);
    expect(network.isOpen(1)).to.equal(false);
    clock.pass(1);
    expect(network.isOpen(1)).to.equal(true);
    expect(said.join('')).to.contain('begins all the same');
  });

  it('is there when the link is online, also for a repository that has no address', async () => {
    url = 'rclone:remote:path';
    expect(network.isOpen(1)).to.equal(false);
    await until('the reason', () => network.why);
    linked = true;
    clock.pass(10);
    expect(network.isOpen(1)).to.equal(false);
    await until('the link', () => changes === 2);
    expect(network.isOpen(1)).to.equal(true);
  });

  it('is not needed for a local repository', () => {
    for (url of ['/srv/backup', 'local:/srv/backup', 'C:\\backup', 'relative/path']) expect(network.isOpen(1), url).to.equal(true);
  });

  it('holds a catch-up of the agent until the repository\'s host answers, says so in its status, and needs no server for it', async function () {
    this.timeout(60_000);
    const bed = await AgentBed.make();
    try {
      await bed.server.close();
      await mkdir(bed.stateDir, { mode: 0o700 });
      const port = await deadPort();
      clock = new TestClock('2026-01-01T03:05:00Z');
      await new PlanFile(bed.stateDir, silentLog).apply({ revision: 'r', generation: 1, plan: planOf({
        repository: { name: 'web1', url: `rest:http://127.0.0.1:${port}/`, password: 'p', id: 'a'.repeat(64) }, groups: [bed.group()],
        schedules: [{ uid: 's', name: 'daily', schedule: '0 3 * * *', timeZone: 'UTC', groups: ['group-uid'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: '2025-12-01T00:00:00Z' }],
      }) }, 'epoch-1', clock.now());
      const agent = await bed.start({}, { clock });
      clock.pass(60);
      await until('the status', () => agent.status().catchUpWaits);
      clock.pass(60);
      expect(bed.log).not.to.contain('job accepted');
      await listen(port);
      await until('the catch-up', () => {
        clock.pass(1);
        return bed.log.includes('job accepted');
      });
      expect(agent.status().catchUpWaits).to.equal(undefined);
    } finally {
      await bed.clean();
    }
  });

  for (const [given, address] of [
    ['rest:https://u:p@backup.example/web1/', 'backup.example 443'], ['rest:http://10.0.0.5:8000/', '10.0.0.5 8000'], ['rest:http://[fd00::1]:8000/x', 'fd00::1 8000'],
    ['s3:https://s3.example:9000/bucket', 's3.example 9000'], ['s3:s3.amazonaws.com/bucket/x', 's3.amazonaws.com 443'], ['s3:http://minio/bucket', 'minio 80'],
    ['sftp:user@nas:/srv/x', 'nas 22'], ['sftp:nas:x', 'nas 22'], ['sftp://user@nas:2222//srv', 'nas 2222'], ['sftp://user@[fd00::1]:22//srv', 'fd00::1 22'],
    ['b2:bucket:x', ''], ['azure:c:/', ''], ['gs:b:/', ''], ['swift:c:/x', ''], ['rclone:r:x', ''], ['rest:nonsense', 'nonsense 443'],
  ] as const) {
    it(`finds where ${given} answers`, () => {
      const found = endpointOf(given);
      expect(found === undefined || found === 'local' ? '' : `${found.host} ${found.port}`).to.equal(address);
    });
  }
});
