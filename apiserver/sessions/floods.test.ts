import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { WebSocket, WebSocketServer } from 'ws';
import { FakeClock, systemClock } from '#controller/runtime/clock.js';
import { newObject } from '#crds/kinds.js';
import { textOf } from '#crds/wire/logLines.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../../test/builders/scriptedAgent.js';
import { asAdmin, asController, openSessionBed, quiet, type SessionBed } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';
import { createLink } from './link.js';
import { FRAMES_PER_MINUTE } from './quota.js';

describe('agents that send or ask too much', function () {
  this.timeout(60_000);
  let bed: SessionBed;
  let clock = new FakeClock(0);
  const key = newAgentKey();
  const agents: ScriptedAgent[] = [];
  beforeEach(async () => { clock = new FakeClock(Date.now()); bed = await openSessionBed({ clock }); });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.kill()));
    await bed.close();
  });

  async function connected(name: string): Promise<{ agent: ScriptedAgent; bearer: string }> {
    const { bearer } = await bed.enrolledHost(name);
    const agent = await dialAgent(bed.port, bearer, signedHello(key, { hostname: name, storeEpoch: bed.store.epoch }));
    agents.push(agent);
    await agent.next('welcome');
    return { agent, bearer };
  }
  async function answers(agent: ScriptedAgent): Promise<void> {
    agent.raw('nonsense');
    await agent.next('error', 5_000);
  }
  const eventsOf = (name: string): string[] => bed.informers.cache.list('Event').filter(({ involvedObject }) => involvedObject.name === name).map(({ reason, count }) => `${reason ?? ''} ${String(count)}`);

  it('a host over its frames of a minute is read from again when they are made up for; it is told once, and nobody else waits', async () => {
    const { agent: loud } = await connected('loud');
    const { agent: calm } = await connected('calm');
    const TOO_MANY = 600;
    for (let frame = 0; frame < FRAMES_PER_MINUTE + TOO_MANY; frame++) loud.send('heartbeat', {});
    await until('the Event', () => eventsOf('loud').includes('ReportsSlowed 1'));
    loud.raw('nonsense');
    await answers(calm);
    expect(loud.none('error'), 'what comes after the flood is not read yet').to.equal(true);
    // Whatever was in the buffers is made up for in a few steps, each as long as the one before took too much.
    await until('the flood to be over', () => { clock.advance(1_000); return !loud.none('error'); });
    expect(loud.closed).to.equal(undefined);
    expect(eventsOf('loud')).to.deep.equal(['ReportsSlowed 1']);
  });

  it('a job that logs without end keeps 16 MiB of it, its beginning and its end, and says what was cut (J2)', async () => {
    const { agent } = await connected('chatty');
    const { agent: calm } = await connected('calm');
    const job = await bed.store.create('ResticJob', newObject('ResticJob', { name: 'chat' }, { spec: { hostRef: { name: 'chatty' }, type: 'Backup', sourceGroupRef: { name: 'home' } } }), asAdmin);
    await bed.store.patchStatus('ResticJob', { namespace: 'default', name: 'chat' }, { phase: 'Offered', desiredRun: { id: job.metadata.uid, planGeneration: 1, state: 'Run' } }, asController);
    await agent.next('job.run');
    agent.send('job.started', { identity: { job: 'chat', runID: job.metadata.uid, type: 'Backup', startedBy: 'Server', sourceGroup: 'home' }, startTime: '2026-01-01T00:00:00Z' }, 1);
    const [frames, perFrame, size] = [48, 10, 64_000];
    const resident = process.memoryUsage.rss();
    for (let frame = 0; frame < frames; frame++) {
      const firstSeq = frame * perFrame + 1;
      agent.send('job.log', { job: 'chat', runID: job.metadata.uid, firstSeq, lines: Array.from({ length: perFrame }, (_, index) => textOf({ ts: '2026-01-01T00:00:00.000Z', stream: 'stdout', payload: `${String(firstSeq + index)} ${'x'.repeat(size)}` })) }, frame + 2);
    }
    await answers(calm);
    await until('all taken', () => agent.frames.some((frame) => frame.type === 'ack' && frame.payload.seq === frames + 1), 30_000);
    expect((process.memoryUsage.rss() - resident) / 2 ** 20, 'MiB for 30 MiB sent, both ends and the store in this process').to.be.below(400);
    const kept: { seq: number; payload: string }[] = [];
    for (let from = 1; ;) {
      const page = bed.records.readLog({ namespace: 'default', name: 'chat' }, from, 50);
      if (page.lines.length === 0) break;
      kept.push(...page.lines);
      from = page.next;
    }
    const own = kept.filter(({ payload }) => payload.endsWith('xxx'));
    expect(own.reduce((sum, { payload }) => sum + payload.length, 0) / 2 ** 20).to.be.within(14, 16.5);
    expect([own[0]?.seq, own.at(-1)?.seq]).to.deep.equal([1, frames * perFrame]);
    const marks = kept.filter(({ payload }) => !payload.endsWith('xxx'));
    expect(marks).to.have.length(1);
    expect(marks[0]?.payload).to.match(new RegExp(`^\\.\\.\\. ${String(frames * perFrame - own.length)} lines .* left out`));
  });

  it('an agent that does not read what it is sent is disconnected before it fills the memory', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const client = new WebSocket(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    const [accepted] = await once(server, 'connection') as [WebSocket];
    await once(client, 'open');
    client.pause();
    const link = createLink(accepted, { clock: systemClock, log: quiet, host: 'deaf', countMalformed: () => undefined });
    let sent = 0;
    while (link.isOpen() && sent < 100) {
      link.send('error', { code: 'x', message: 'y'.repeat(2 ** 20) });
      sent += 1;
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    expect(sent, 'MiB sent: 8 of ours, and what the kernel holds').to.be.within(9, 40);
    client.terminate();
    server.close();
  });

  it('of two copies of an agent the one that is in stays in, however often the other tries, and the other says so once a minute (J9)', async () => {
    const { agent: first, bearer } = await connected('twin');
    const connection = async () => (await bed.store.get('Host', { namespace: 'default', name: 'twin' })).status?.connection?.sessionID;
    const sessionID = await until('the connection', async () => { clock.advance(5); return connection(); });
    for (let attempt = 0; attempt < 12; attempt++) {
      const clone = await dialAgent(bed.port, bearer, signedHello(key, { hostname: 'clone' }));
      expect(await clone.next('refused')).to.include({ reason: 'duplicate_agent' });
      expect(await clone.untilClosed()).to.equal(4003);
      clock.advance(5_000);
      first.send('heartbeat', {});
    }
    await answers(first);
    expect(await connection()).to.equal(sessionID);
    expect(first.closed).to.equal(undefined);
    await until('the Event', () => eventsOf('twin').length > 0);
    expect(eventsOf('twin')).to.deep.equal(['DuplicateAgent 1']);
  });

  it('of two copies the one that hangs is replaced once, and refused when it wakes: they never take turns (J9)', async () => {
    const { agent: first, bearer } = await connected('hung');
    first.freeze();
    const second = await dialAgent(bed.port, bearer, signedHello(key));
    agents.push(second);
    await until('the ping to be waited for', () => { clock.advance(100); return !second.none('welcome'); });
    first.thaw();
    expect(await first.untilClosed()).to.equal(4002);
    for (let attempt = 0; attempt < 3; attempt++) {
      const again = await dialAgent(bed.port, bearer, signedHello(key));
      expect(await again.next('refused')).to.include({ reason: 'duplicate_agent' });
      expect(await again.untilClosed()).to.equal(4003);
    }
    await answers(second);
    expect(second.closed).to.equal(undefined);
  });
});
