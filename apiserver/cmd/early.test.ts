import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Router } from 'express';
import { createHttpApp } from './httpApp.js';
import { routeUpgrades } from './upgrades.js';

/** Caches that become full when the test says so. */
function filling(): { informers: { start(): Promise<void>; synced(): boolean }; fill(): void } {
  let full = false;
  let done = (): void => undefined;
  const started = new Promise<void>((resolve) => { done = resolve; });
  return { informers: { start: () => started, synced: () => full }, fill() { full = true; done(); } };
}

describe('the server before its caches are full', () => {
  let server: Server;
  let caches: ReturnType<typeof filling>;
  const taken: string[] = [];
  const port = (): number => (server.address() as AddressInfo).port;
  const ask = (path: string): Promise<number> => new Promise((resolve, reject) => { get({ port: port(), path, agent: false }, (reply) => { reply.resume(); resolve(reply.statusCode ?? 0); }).on('error', reject); });

  beforeEach(async () => {
    taken.length = 0;
    caches = filling();
    const operator = Router();
    operator.get(['/healthz', '/readyz', '/api/hosts'], (_request, response) => { response.status(caches.informers.synced() ? 204 : 503).end(); });
    const resources = { owns: (path: string) => path.startsWith('/apis/'), handle: (_request: unknown, response: { end(): void }) => { response.end(); } };
    const access = { authenticate: () => Promise.resolve(undefined), authorize: () => ({ allowed: true }) };
    const log = { debug() { /* quiet */ }, info() { /* quiet */ }, warn() { /* quiet */ }, error() { /* quiet */ } };
    server = createServer(createHttpApp({ access: access as never, resources: resources as never, operator, informers: caches.informers, pageDirectory: undefined, sameOrigin: () => true, log: log as never }));
    server.on('upgrade', routeUpgrades({ agents: (_request, socket) => { taken.push('agent'); socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'); }, browsers: () => { taken.push('browser'); }, isSameOrigin: () => true, informers: caches.informers }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => { server.closeAllConnections(); server.close(); });

  it('answers the resource API and says that it is alive and not ready (P6)', async () => {
    expect(await ask('/apis/restic-manager.io/v1alpha1/namespaces/default/hosts')).to.equal(200);
    expect(await ask('/readyz')).to.equal(503);
  });

  it('lets callers of the operator API wait until there is something to answer from', async () => {
    const reply = ask('/api/hosts');
    await ask('/healthz');
    caches.fill();
    expect(await reply).to.equal(204);
  });

  it('lets an agent wait, who would otherwise hear that its host is gone', async () => {
    const agent = connect(port(), '127.0.0.1');
    agent.write('GET /ws/agent HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await ask('/healthz');
    expect(taken).to.deep.equal([]);
    caches.fill();
    const [reply] = await once(agent, 'data') as [Buffer];
    expect(reply.toString()).to.match(/^HTTP\/1\.1 101/);
    expect(taken).to.deep.equal(['agent']);
    agent.destroy();
  });
});
