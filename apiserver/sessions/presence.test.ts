import { expect } from 'chai';
import { FakeClock } from '#controller/runtime/clock.js';
import { dialAgent, newAgentKey, signedHello } from '../../test/builders/scriptedAgent.js';
import { openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';
import { createPacer } from './pace.js';

describe('presence', () => {
  let bed: SessionBed;
  let clock = new FakeClock(0);
  const key = newAgentKey();
  before(async () => { clock = new FakeClock(Date.now()); bed = await openSessionBed({ clock }); });
  after(async () => { await bed.close(); });
  const connection = async (name: string) => (await bed.store.get('Host', { namespace: 'default', name })).status?.connection;

  it('drops a socket that says no hello within 10 s (E7)', async () => {
    const { bearer } = await bed.enrolledHost('mute');
    const agent = await dialAgent(bed.port, bearer);
    agent.send('heartbeat', {});
    expect(await agent.next('error')).to.include({ code: 'hello_expected' });
    clock.advance(10_000);
    expect(await agent.untilClosed()).to.equal(4004);
  });
  it('ends a connection without a heartbeat for 90 s, and keeps one that has them', async () => {
    const { bearer } = await bed.enrolledHost('silent');
    const agent = await dialAgent(bed.port, bearer, signedHello(key));
    await agent.next('welcome');
    await until('connected', () => connection('silent'));
    clock.advance(60_000);
    agent.raw('{"type":"heartbeat","payload":{},"id":"1"}');
    agent.raw('nonsense');
    await agent.next('error');   // so the heartbeat before it was heard
    clock.advance(60_000);
    expect(agent.closed).to.equal(undefined);
    clock.advance(30_000);
    expect(await agent.untilClosed()).to.equal(1001);
    await until('disconnect written', async () => await connection('silent') === undefined);
  });
  it('keeps connections of an earlier start for 120 s, then clears those nobody came back to', async () => {
    const back = await bed.enrolledHost('back');
    const away = await bed.enrolledHost('away');
    for (const { bearer } of [back, away]) await (await dialAgent(bed.port, bearer, signedHello(key))).next('welcome');
    for (const name of ['back', 'away']) await until('connected', () => { clock.advance(5); return connection(name); });
    await bed.restart();
    expect(await connection('away'), 'a restart writes no disconnect').to.not.equal(undefined);
    const agent = await dialAgent(bed.port, back.bearer, signedHello(key));
    await agent.next('welcome');
    const before = await connection('away');
    clock.advance(60_000);
    agent.raw('nonsense');
    await agent.next('error');
    expect(await connection('away')).to.deep.equal(before);
    clock.advance(60_000);
    await until('cleared', async () => { clock.advance(5); return await connection('away') === undefined; });
    expect(await connection('back')).to.not.equal(undefined);
  });
  it('spreads writes over time', async () => {
    const pace = createPacer(100, clock);
    const done: number[] = [];
    for (const n of [0, 1, 2, 3]) void pace(() => { done.push(n); return Promise.resolve(); });
    expect(done).to.deep.equal([0]);
    clock.advance(10);
    expect(done).to.deep.equal([0, 1]);
    clock.advance(20);
    expect(done).to.deep.equal([0, 1, 2, 3]);
  });
});
