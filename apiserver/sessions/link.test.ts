import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { WebSocket, WebSocketServer } from 'ws';
import { FakeClock } from '#controller/runtime/clock.js';
import { quiet } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';
import { createLink } from './link.js';

describe('the link to an agent that is not read from', () => {
  it('tells it each 10 s that the server is there, and stops when it is read from again', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const agent = new WebSocket(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    let pings = 0;
    agent.on('ping', () => { pings += 1; });
    const [ws] = await once(server, 'connection') as [WebSocket];
    const clock = new FakeClock(0);
    const link = createLink(ws, { clock, log: quiet, host: 'web1', countMalformed: () => undefined });
    for (let turn = 0; turn < 3; turn += 1) { link.pause(); link.pause(); link.resume(); }
    clock.advance(60_000);
    link.pause();
    clock.advance(10_000);
    await until('a ping', () => pings === 1);
    clock.advance(10_000);
    await until('another', () => pings === 2);
    link.resume();
    clock.advance(60_000);
    ws.send('last');
    await once(agent, 'message');
    expect(pings).to.equal(2);
    agent.terminate();
    server.close();
  });
});
