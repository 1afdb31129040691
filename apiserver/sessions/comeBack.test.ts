import { expect } from 'chai';
import { keepGatewayLease } from '../cmd/gatewayLease.js';
import { leaseEnd } from '#controller/kinds/host/presence.js';
import { FakeClock } from '#controller/runtime/clock.js';
import type { CacheEvent } from '#controller/runtime/types.js';
import type { Host } from '#crds/kinds.js';
import { Unavailable, type ObjectStore } from '#crds/objectStore.js';
import type { Stored } from '#crds/meta.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../../test/builders/scriptedAgent.js';
import { asController, GATEWAY, openSessionBed, quiet, type SessionBed } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';

describe('agents that come back, and agents that do not', function () {
  this.timeout(30_000);
  let bed: SessionBed;
  let clock = new FakeClock(0);
  const key = newAgentKey();
  /** Every version of a host that was written, oldest first. */
  let written: Stored<Host>[] = [];
  let stopListening = (): void => undefined;
  const listen = (): void => {
    stopListening();
    written = [];
    stopListening = bed.informers.onChange((event: CacheEvent) => { if (event.kind === 'Host' && event.type !== 'DELETED') written.push(event.object); });
  };
  beforeEach(async () => { clock = new FakeClock(Date.now()); bed = await openSessionBed({ clock, controllers: true }); listen(); });
  afterEach(async () => { stopListening(); await bed.close(); });

  const hostOf = (name: string) => bed.store.get('Host', { namespace: 'default', name });
  const phasesOf = (name: string): (string | undefined)[] => written.filter(({ metadata }) => metadata.name === name).map(({ status }) => status?.phase);
  const eventsOf = (name: string): string[] => bed.informers.cache.list('Event').filter(({ involvedObject }) => involvedObject.name === name).map(({ reason, count }) => `${reason ?? ''} ${String(count)}`).sort();
  /** Lets timers fire while waiting: writes are paced. */
  const soon = <T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> => until(what, () => { clock.advance(2); return probe(); });
  const phase = (name: string, wanted: string): Promise<boolean> => soon(`${name} to be ${wanted}`, async () => (await hostOf(name)).status?.phase === wanted);
  async function online(name: string, bearer: string): Promise<ScriptedAgent> {
    const agent = await dialAgent(bed.port, bearer, signedHello(key, { hostname: name, storeEpoch: bed.store.epoch }));
    await agent.next('welcome');
    await phase(name, 'Online');
    return agent;
  }

  /** Time passes for an agent that lives, in steps in which the gateway's Lease can be renewed. */
  async function beating(agent: ScriptedAgent, seconds: number): Promise<void> {
    for (let at = 0; at < seconds; at += 10) {
      clock.advance(10_000);
      agent.send('heartbeat', {});
      agent.raw('nonsense');
      await agent.next('error'); // so the heartbeat before it was heard
      await until('the Lease to be fresh', () => bed.informers.cache.list('Lease').every((lease) => leaseEnd(lease) >= clock.now() + 20_000));
    }
  }

  it('a socket that breaks and comes back within seconds is one write, and nobody hears of it', async () => {
    const { bearer } = await bed.enrolledHost('blink');
    const first = await online('blink', bearer);
    await until('the Event', () => eventsOf('blink').length > 0);
    listen();
    const before = (await hostOf('blink')).status?.connection?.sessionID;
    await first.kill();
    clock.advance(3_000);
    const second = await online('blink', bearer);
    await soon('the new connection', async () => (await hostOf('blink')).status?.connection?.sessionID !== before);
    await beating(second, 60);
    expect(phasesOf('blink'), 'its connect and nothing else').to.deep.equal(['Online']);
    expect(eventsOf('blink')).to.deep.equal(['Connected 1']);
  });

  it('a socket that breaks and stays away is Offline five seconds later, once', async () => {
    const { bearer } = await bed.enrolledHost('broken');
    const agent = await online('broken', bearer);
    listen();
    await agent.kill();
    await until('noticed', () => bed.sessions.onlineHosts() === 0);
    clock.advance(4_000);
    expect((await hostOf('broken')).status?.connection).to.not.equal(undefined);
    clock.advance(1_000);
    await phase('broken', 'Offline');
    await until('both Events', () => eventsOf('broken').length === 2);
    expect(phasesOf('broken')).to.deep.equal(['Online', 'Offline']);
    expect(eventsOf('broken')).to.deep.equal(['Connected 1', 'Disconnected 1']);
  });

  it('a fleet that lost its network has longer than five seconds, as long as its agents keep coming', async () => {
    const hosts = await Promise.all(Array.from({ length: 25 }, (_, index) => bed.enrolledHost(`many-${String(index)}`)));
    const agents: ScriptedAgent[] = [];
    for (const { host, bearer } of hosts) agents.push(await online(host.metadata.name, bearer));
    listen();
    for (const agent of agents) await agent.kill();
    await until('noticed', () => bed.sessions.onlineHosts() === 0);
    // One in four seconds until 4 are back; the others never come.
    for (const { host, bearer } of hosts.slice(0, 4)) {
      clock.advance(4_000);
      await online(host.metadata.name, bearer);
    }
    expect(new Set(written.map(({ status }) => status?.phase))).to.deep.equal(new Set(['Online']));
    for (const { host } of hosts.slice(4)) await soon(`${host.metadata.name} to be Offline`, async () => { clock.advance(100); return (await hostOf(host.metadata.name)).status?.phase === 'Offline'; });
    for (const { host } of hosts.slice(0, 4)) expect(phasesOf(host.metadata.name)).to.deep.equal(['Online']);
  });

  it('an agent that stops is Offline at once', async () => {
    const { bearer } = await bed.enrolledHost('stops');
    const agent = await online('stops', bearer);
    await agent.leave();
    await until('Offline', async () => (await hostOf('stops')).status?.phase === 'Offline');
  });

  it('after a restart those that stay away are Offline or Asleep once, two minutes later, and what never connected stays Pending (E1, H3)', async () => {
    const always = await bed.enrolledHost('always');
    const laptop = await bed.enrolledHost('laptop', { presence: 'Intermittent' });
    const back = await bed.enrolledHost('back');
    await bed.enrolledHost('never');
    for (const { host, bearer } of [always, laptop, back]) await online(host.metadata.name, bearer);
    await phase('never', 'Pending');
    await bed.restart();
    listen();
    const agent = await online('back', back.bearer);
    await soon('its connection', () => phasesOf('back').length === 1);
    await beating(agent, 110);
    expect(written.map(({ metadata }) => metadata.name), 'nothing but the connect of the one that came back').to.deep.equal(['back']);
    await beating(agent, 10);
    await phase('always', 'Offline');
    await phase('laptop', 'Asleep');
    await beating(agent, 600);
    expect(phasesOf('always')).to.deep.equal(['Online', 'Offline']);
    expect(phasesOf('laptop')).to.deep.equal(['Online', 'Asleep']);
    expect(phasesOf('back')).to.deep.equal(['Online']);
    expect(phasesOf('never')).to.deep.equal([]);
    expect(eventsOf('always')).to.deep.equal(['Connected 1', 'Disconnected 1']);
    expect(eventsOf('laptop')).to.deep.equal(['Asleep 1', 'Connected 1']);
    expect(eventsOf('never')).to.deep.equal([]);
  });

  it('a disconnect is never written over the session of another gateway', async () => {
    const { bearer } = await bed.enrolledHost('moved');
    const agent = await online('moved', bearer);
    const elsewhere = { gateway: 'gateway-2', sessionID: 'another', since: new Date(clock.now()).toISOString() };
    await bed.store.patchStatus('Host', { namespace: 'default', name: 'moved' }, { connection: elsewhere }, asController);
    await agent.leave();
    await until('gone', () => bed.sessions.onlineHosts() === 0);
    clock.advance(10_000);
    await bed.sessions.close();
    expect((await hostOf('moved')).status?.connection).to.deep.equal(elsewhere);
  });

  it('a connection that closed before its turn to be written is never written', async () => {
    const { bearer } = await bed.enrolledHost('brief');
    const others = await Promise.all(Array.from({ length: 20 }, (_, index) => bed.enrolledHost(`other-${String(index)}`)));
    // Two milliseconds each, and the clock stands: the last one's turn does not come.
    for (const each of others) await (await dialAgent(bed.port, each.bearer, signedHello(key))).next('welcome');
    const agent = await dialAgent(bed.port, bearer, signedHello(key));
    await agent.next('welcome');
    await agent.leave();
    await until('gone', () => bed.sessions.onlineHosts() === others.length);
    await soon('the last of the others', async () => (await hostOf('other-19')).status?.connection);
    clock.advance(1_000);
    await phase('other-19', 'Online');
    expect((await hostOf('brief')).status).to.not.have.property('connection');
    expect(phasesOf('brief')).to.not.include('Online');
  });

  it('heartbeats write nothing, and the Lease of the gateway is renewed every ten seconds', async () => {
    const { bearer } = await bed.enrolledHost('led');
    const agent = await online('led', bearer);
    await until('the Event', () => eventsOf('led').length > 0);
    const writes: string[] = [];
    const stop = bed.informers.onChange(({ kind, object }) => { writes.push(`${kind} ${object.metadata.name}`); });
    const version = async (): Promise<number> => Number((await bed.store.list('Lease', { limit: 1 })).resourceVersion);
    const before = await version();
    for (let renewals = 1; renewals <= 6; renewals++) {
      clock.advance(10_000);
      for (let beat = 0; beat < 10; beat++) agent.send('heartbeat', { clock: new Date(clock.now()).toISOString() });
      agent.raw('nonsense');
      await agent.next('error');
      await until('the renewal', () => writes.length >= renewals);
    }
    stop();
    expect(new Set(writes)).to.deep.equal(new Set([`Lease gateway-${GATEWAY}`]));
    expect(await version() - before).to.equal(6);
    expect(bed.informers.cache.list('Lease')[0]?.spec).to.include({ leaseDurationSeconds: 40, holderIdentity: GATEWAY });
  });

  it('a Lease that could not be renewed is tried again a second later, long before it runs out', async () => {
    let full = false;
    const store: ObjectStore = Object.assign(Object.create(bed.store) as ObjectStore, {
      update: (...call: Parameters<ObjectStore['update']>) => (full ? Promise.reject(new Unavailable('disk full')) : bed.store.update(...call)),
    });
    const lease = await keepGatewayLease({ store, namespace: 'default', gatewayName: 'other', clock, log: quiet });
    const renewTime = async (): Promise<number> => Date.parse((await bed.store.get('Lease', { namespace: 'default', name: 'gateway-other' })).spec.renewTime ?? '');
    const begun = await renewTime();
    full = true;
    clock.advance(10_000);
    await new Promise((resolve) => { setImmediate(resolve); });
    full = false;
    await until('the next try', async () => { clock.advance(100); return await renewTime() > begun; });
    expect(await renewTime() - begun).to.be.within(11_000, 20_000);
    lease.stop();
  });
});
