import { expect } from 'chai';
import { sign } from 'node:crypto';
import { WebSocket } from 'ws';
import { fingerprintOf } from '#controller/runtime/indexes.js';
import { newObject } from '#crds/kinds.js';
import type { PendingEnrolled, PendingNonce } from '#crds/wire/agentProtocol.gen.js';
import { newAgentKey, type AgentKey } from '../../test/builders/scriptedAgent.js';
import { asAdmin, asController, openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';

describe('announced agents (H8)', () => {
  let bed: SessionBed;
  before(async () => { bed = await openSessionBed(); });
  after(async () => { await bed.close(); });

  async function announced(name: string, key: AgentKey) {
    return bed.store.create('EnrollmentRequest', newObject('EnrollmentRequest', { name }, { spec: { hostname: name, os: 'linux', arch: 'amd64', publicKey: key.publicKey } }), asAdmin);
  }
  async function wait(id: string, key: AgentKey | undefined): Promise<{ got: (PendingNonce | PendingEnrolled)[]; closed: () => number | undefined; ws: WebSocket }> {
    const ws = new WebSocket(`ws://127.0.0.1:${String(bed.port)}/ws/agent/pending?id=${id}`);
    const got: (PendingNonce | PendingEnrolled)[] = [];
    let code: number | undefined;
    ws.on('message', (data) => {
      const frame = JSON.parse((data as Buffer).toString('utf8')) as PendingNonce | PendingEnrolled;
      got.push(frame);
      if (frame.type === 'nonce' && key) ws.send(JSON.stringify({ type: 'signed', signature: sign(null, Buffer.from(frame.nonce, 'base64'), key.privateKey).toString('base64') }));
    });
    ws.on('close', (each) => { code = each; });
    ws.on('error', () => undefined);
    await new Promise((resolve) => { ws.once('open', resolve); ws.once('close', resolve); });
    return { got, closed: () => code, ws };
  }
  const makeHost = (name: string, key: AgentKey) => bed.store.create('Host', newObject('Host', { name }, { spec: { enrollment: { fingerprint: fingerprintOf(key.publicKey) } } }), asAdmin);

  it('gets its bearer when a Host with its fingerprint is made, by whomever', async () => {
    const key = newAgentKey();
    const request = await announced('p1', key);
    const agent = await wait(request.metadata.uid, key);
    await until('waiting', () => bed.sessions.stats().pending === 1);
    const host = await makeHost('p1-host', key);
    const enrolled = await until('enrolled', () => agent.got.find((each): each is PendingEnrolled => each.type === 'enrolled'));
    expect(enrolled).to.include({ host_id: host.metadata.uid, server_public_key: bed.identity.signingKey.publicKeyBase64 });
    expect((await bed.identity.agentByBearer(enrolled.bearer))?.hostUid).to.equal(host.metadata.uid);
    await until('closed', () => agent.closed() === 1000);
  });
  it('gets it at once when the Host was declared beforehand (X4), and again when it did not receive it', async () => {
    const key = newAgentKey();
    const { metadata } = await makeHost('p2-host', key);
    const request = await announced('p2', key);
    for (const _ of [1, 2]) {
      const agent = await wait(request.metadata.name, key);
      expect((await until('enrolled', () => agent.got.find((each): each is PendingEnrolled => each.type === 'enrolled'))).host_id).to.equal(metadata.uid);
    }
  });
  it('is sent away with 4001 when denied, 4007 when expired or unknown', async () => {
    const key = newAgentKey();
    const denied = await announced('p3', key);
    const agent = await wait(denied.metadata.uid, key);
    await until('waiting', () => bed.sessions.stats().pending === 1);
    await bed.store.update('EnrollmentRequest', { ...denied, spec: { ...denied.spec, denied: true } }, asAdmin);
    expect(await until('closed', agent.closed)).to.equal(4001);
    const old = await announced('p4', newAgentKey());
    const late = await wait(old.metadata.uid, undefined);
    late.ws.terminate();
    const other = newAgentKey();
    const expiring = await announced('p5', other);
    const third = await wait(expiring.metadata.uid, other);
    await until('waiting', () => bed.sessions.stats().pending === 1);
    await bed.store.patchStatus('EnrollmentRequest', { namespace: 'default', name: 'p5' }, { phase: 'Expired' }, asController);
    expect(await until('closed', third.closed)).to.equal(4007);
    expect(await until('closed', (await wait('no-such-id', key)).closed)).to.equal(4007);
  });
  it('gets nothing without the key, even when its Host is there', async () => {
    const key = newAgentKey();
    await makeHost('p6-host', key);
    const request = await announced('p6', key);
    const thief = await wait(request.metadata.uid, newAgentKey());
    expect(await until('closed', thief.closed)).to.equal(4005);
    expect(thief.got.map(({ type }) => type)).to.deep.equal(['nonce']);
  });
  it('is found again by a newer connection, which takes the place of the old one (E4)', async () => {
    const key = newAgentKey();
    const request = await announced('p7', key);
    const first = await wait(request.metadata.uid, key);
    await until('waiting', () => bed.sessions.stats().pending === 1);
    const second = await wait(request.metadata.uid, key);
    expect(await until('closed', first.closed)).to.equal(4002);
    expect(second.closed()).to.equal(undefined);
    second.ws.terminate();
  });
});
