import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { sendPieces } from './errors.js';

describe('a reply in pieces', () => {
  let server: Server;
  let made = 0;
  let sent: Promise<void> = Promise.resolve();
  const serve = async (pieces: Iterable<string>, headers: Record<string, string> = {}): Promise<IncomingMessage> => {
    server = createServer((_request, response) => { sent = sendPieces(response, 200, pieces); });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Promise((resolve, reject) => { get({ port: (server.address() as AddressInfo).port, agent: false, headers }, resolve).on('error', reject); });
  };
  function* counted(count: number): Iterable<string> {
    for (made = 0; made < count; made++) yield 'x'.repeat(1024);
  }
  afterEach(() => { server.closeAllConnections(); server.close(); });

  it('has a length when it is short', async () => {
    const reply = await serve(['{', '}']);
    expect(reply.headers['content-length']).to.equal('3');
    expect((await reply.toArray()).join('')).to.equal('{}\n');
  });

  it('comes whole when it is long', async () => {
    const reply = await serve(counted(20_000));
    expect(reply.headers['transfer-encoding']).to.equal('chunked');
    expect((await reply.toArray() as Buffer[]).reduce((sum, chunk) => sum + chunk.length, 0)).to.equal(20_000 * 1024 + 1);
  });

  it('is compressed as it goes for a client that takes it', async () => {
    const reply = await serve(counted(20_000), { 'Accept-Encoding': 'gzip' });
    expect(reply.headers['content-encoding']).to.equal('gzip');
    expect(gunzipSync(Buffer.concat(await reply.toArray() as Buffer[])).length).to.equal(20_000 * 1024 + 1);
  });

  it('is made no faster than the client reads, and ends with the client', async () => {
    const reply = await serve(counted(200_000));
    reply.pause();
    let before = -1;
    while (made !== before) { before = made; await new Promise((resolve) => { setTimeout(resolve, 100); }); }
    expect(made).to.be.lessThan(100_000);
    reply.destroy();
    await sent;
    expect(made).to.be.lessThan(100_000);
  });
});
