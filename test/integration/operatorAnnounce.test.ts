/** Agents that announce themselves, and the people who accept or reject them (H8, E3, E4). */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { items, refused, startOperatorBed, type OperatorBed } from '../builders/operatorBed.js';
import { newPerson, type Person, type Reply } from '../builders/person.js';
import type { TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';

const agentFacts = { os: 'linux', arch: 'amd64', agent_version: '1.0.0', restic_version: '0.19.1' };
const newKey = (): string => Buffer.from(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');

describe('agents that announce themselves', function () {
  this.timeout(60_000);
  let bed: OperatorBed;
  let server: TestServer;
  let alice: Person;
  before(async () => {
    bed = await startOperatorBed();
    ({ server, admin: alice } = bed);
    await bed.addHost('web1', { away: true });
  });
  after(() => bed.stop());

  const kube = (resource: string, name: string): Promise<Reply> => bed.kube(resource, name);
  const key = newKey();
  const announce = (hostname: string, publicKey: string): Promise<Reply> => newPerson(server).call('POST', '/api/agents/announce', { hostname, ...agentFacts, public_key: publicKey });
  const pendingOf = async (id: unknown): Promise<Record<string, unknown>> => until('the announcement to be listed', async () => items(await alice.call('GET', '/api/pending-hosts')).find((each) => each['id'] === id));

  it('wait as pending hosts (H8)', async () => {
    const reply = await announce('db1.example.com', key);
    expect(reply.status, reply.text).to.equal(202);
    expect(reply.body).to.have.all.keys('pending_id', 'fingerprint', 'hostname_collision').and.include({ hostname_collision: false });
    expect(await pendingOf(reply.body['pending_id'])).to.include({ hostname: 'db1.example.com', os: 'linux', arch: 'amd64', fingerprint: reply.body['fingerprint'], source_ip: '127.0.0.1' });
  });

  it('find their entry again after a restart, by their key (E4)', async () => {
    const [one, two] = [await announce('db1.example.com', key), await announce('db1.example.com', key)];
    expect(two.body).to.deep.equal(one.body).and.include({ hostname_collision: false });
    expect(items(await alice.call('GET', '/api/pending-hosts'))).to.have.length(1);
  });

  it('are told when another one has the hostname, and are refused that name (hostname_collision)', async () => {
    const reply = await announce('web1', newKey());
    expect(reply.body).to.include({ hostname_collision: true });
    const pending = await pendingOf(reply.body['pending_id']);
    expect(refused(await alice.call('POST', `/api/pending-hosts/${String(pending['id'])}/accept`, {}))).to.deep.equal({ status: 409, code: 'hostname_collision' });
    expect((await alice.call('POST', `/api/pending-hosts/${String(pending['id'])}/reject`)).status).to.equal(200);
    expect(refused(await alice.call('POST', `/api/pending-hosts/${String(pending['id'])}/accept`, {}))).to.deep.equal({ status: 409, code: 'already_decided' });
  });

  it('are refused with a bad key or body', async () => {
    for (const publicKey of ['', 'x', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64')]) {
      const reply = await newPerson(server).call('POST', '/api/agents/announce', { hostname: 'x', ...agentFacts, public_key: publicKey });
      expect(reply.status).to.equal(422);
      expect(reply.body['message']).to.match(/^public_key: /);
    }
  });

  it('become hosts with their fingerprint when accepted, also by a form without script', async () => {
    const { body: { pending_id: id } } = await announce('db1.example.com', key);
    const bad = await alice.call('POST', `/api/pending-hosts/${String(id)}/accept`, { repo_url: 'rest:http://user:canary-secret@127.0.0.1:9/', repo_password: 'p' });
    expect(bad.status).to.equal(422);
    expect(bad.body['message']).to.match(/^repo_url: /).and.not.include('canary-secret');
    expect((await alice.call('GET', '/api/v1/namespaces/default/secrets/db1')).status).to.equal(404);
    expect((await alice.form(`/api/pending-hosts/${String(id)}/accept`, { repo_url: '/backup/db1', repo_username: '', repo_password: 'p' }, { origin: 'https://evil.example' })).status).to.equal(403);
    const reply = await alice.form(`/api/pending-hosts/${String(id)}/accept`, { repo_url: '/backup/db1', repo_username: '', repo_password: 'p' }, { origin: server.url });
    expect({ status: reply.status, location: reply.headers.get('location') }).to.deep.equal({ status: 303, location: '/' });
    const host = (await kube('hosts', 'db1')).body;
    expect(host).to.have.nested.property('spec.enrollment.fingerprint').that.matches(/^SHA256:/);
    expect(host).to.have.nested.property('spec.displayName', 'db1.example.com');
    expect((await kube('repositories', 'db1')).body).to.have.nested.property('spec.url', '/backup/db1');
    const again = await alice.call('POST', `/api/pending-hosts/${String(id)}/accept`, {});
    expect(again.body).to.deep.equal({ host_id: (host['metadata'] as { uid: string }).uid });
    await until('the announcement to be done with', async () => items(await alice.call('GET', '/api/pending-hosts')).length === 0);
  });

  it('are limited to ten a minute from one address', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) statuses.push((await announce(`many${String(attempt)}`, randomBytes(32).toString('base64'))).status);
    expect(statuses).to.include(429);
    expect((await announce('many', newKey())).headers.get('retry-after')).to.match(/^\d+$/);
  });
});
