/** What a WebSocket server on Node can do at most with frames: each is sent back as it came. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type RawData } from 'ws';

const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws) => {
  ws.on('message', (data: RawData) => { ws.send(data as Buffer, { binary: false }); });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port, ca: '', token: '' })}\n`);
});
process.on('SIGTERM', () => { process.exit(0); });
