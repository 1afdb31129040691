import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { newObject, SECRET_USE_LABEL } from '#crds/kinds.js';
import type { Principal, Writer } from '#crds/objectStore.js';
import { FakeClock } from '#controller/runtime/clock.js';
import { createAdmission } from '../admission/index.js';
import { until } from '../../test/builders/until.js';
import { openFileStore, type FileStore } from '../stores/file/index.js';
import { createIdentity, type EnrollmentGrant, type Identity, type LoginResult } from './index.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const writer: Writer = { principal: { name: 'test', role: 'system' }, door: 'system', fieldManager: 'test' };
const namespace = 'default';
const HOUR = 3_600_000;
const PASSWORD = 'correct horse battery';

describe('identity', function () {
  this.timeout(30_000);
  let dir: string;
  let store: FileStore;
  let clock: FakeClock;
  let identity: Identity;
  const secretKey = randomBytes(32);

  const open = async (): Promise<void> => {
    store = await openFileStore({ dir, admission: createAdmission(), secretKey, now: () => clock.now() });
    identity = await createIdentity({ store, namespace, clock, log });
  };
  const close = async (): Promise<void> => {
    await identity.close();
    await store.close();
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-identity-'));
    clock = new FakeClock('2026-01-01T00:00:00Z');
    await open();
  });
  afterEach(async () => {
    await close();
    await rm(dir, { recursive: true });
  });

  const withHeaders = (headers: Record<string, string>): IncomingMessage => ({ headers, socket: {} }) as unknown as IncomingMessage;
  const bySession = (cookie: string): Promise<Principal | undefined> => identity.authenticate(withHeaders({ cookie: `rm_session=${cookie}` }));
  const byBearer = (token: string, cookie = ''): Promise<Principal | undefined> => identity.authenticate(withHeaders({ authorization: `Bearer ${token}`, cookie }));
  const firstUser = async (): Promise<void> => {
    const token = await identity.bootstrapToken();
    expect((await identity.bootstrap({ token: token ?? '', username: 'Alice', password: PASSWORD })).outcome).to.equal('ok');
  };
  const login = (username = 'alice', password = PASSWORD, more: { sourceIP?: string; deviceCookie?: string } = {}): Promise<LoginResult> => identity.login({ username, password, sourceIP: '192.0.2.1', ...more });
  const session = async (): Promise<{ cookie: string; deviceCookie: string }> => {
    const result = await login();
    if (result.outcome !== 'ok') throw new Error(`login ${result.outcome}`);
    return result.session;
  };

  describe('the first user', () => {
    it('needs the printed token, which stays the same until used, also over a restart', async () => {
      const token = await identity.bootstrapToken();
      await close();
      await open();
      expect(await identity.bootstrapToken()).to.equal(token).and.to.be.a('string');
      expect((await identity.bootstrap({ token: 'wrong', username: 'eve', password: PASSWORD })).outcome).to.equal('refused');
      expect(await identity.hasUsers()).to.be.false;
    });

    it('ends bootstrap for good', async () => {
      const token = await identity.bootstrapToken() ?? '';
      await firstUser();
      expect(await identity.bootstrapToken()).to.equal(undefined);
      expect((await identity.bootstrap({ token, username: 'bob', password: PASSWORD })).outcome).to.equal('closed');
    });

    it('is one, however many come at once', async () => {
      const token = await identity.bootstrapToken() ?? '';
      const results = await Promise.all(['a', 'b', 'c'].map((username) => identity.bootstrap({ token, username, password: PASSWORD })));
      expect(results.filter((result) => result.outcome === 'ok')).to.have.length(1);
      expect((await store.list('Secret', { namespace, labelSelector: `${SECRET_USE_LABEL}=user` })).items).to.have.length(1);
    });
  });

  describe('sessions', () => {
    beforeEach(firstUser);

    it('take any spelling of the user name (E19) and show the stored one', async () => {
      const result = await login('ALICE');
      expect(result).to.have.nested.property('session.user.name', 'Alice');
      expect(await bySession((await session()).cookie)).to.include({ name: 'Alice', role: 'admin' });
    });

    it('refuse a second spelling of a name as another user (E19)', async () => {
      const refused = await identity.createUser({ username: 'aLiCe', password: PASSWORD, role: 'viewer' }, writer.principal).catch((error: unknown) => error);
      expect(refused).to.have.property('reason', 'AlreadyExists');
    });

    it('answer the same to an unknown user and a wrong password', async () => {
      expect(await login('nobody')).to.deep.equal(await login('alice', 'wrong wrong wrong'));
    });

    it('tell apart passwords that differ after the 72nd byte', async () => {
      const long = 'x'.repeat(80);
      await identity.createUser({ username: 'long', password: `${long}a`, role: 'viewer' }, writer.principal);
      expect((await login('long', `${long}b`)).outcome).to.equal('refused');
      expect((await login('long', `${long}a`)).outcome).to.equal('ok');
    });

    it('end after 24 hours', async () => {
      const { cookie } = await session();
      clock.advance(24 * HOUR - 1000);
      expect(await bySession(cookie)).to.not.equal(undefined);
      clock.advance(2000);
      expect(await bySession(cookie)).to.equal(undefined);
    });

    it('end at logout, also after a restart, and others of the user go on', async () => {
      const [one, two] = [await session(), await session()];
      await identity.logout(one.cookie);
      await identity.logout('garbage');
      expect(await bySession(one.cookie)).to.equal(undefined);
      await close();
      await open();
      expect(await bySession(one.cookie)).to.equal(undefined);
      expect(await bySession(two.cookie)).to.include({ name: 'Alice' });
    });

    it('end at once when the user gets another epoch, is disabled or goes', async () => {
      const { cookie } = await session();
      const { items: [user] } = await store.list('Secret', { namespace, labelSelector: `${SECRET_USE_LABEL}=user` });
      if (!user) throw new Error('no user');
      const change = (data: Record<string, string>): Promise<unknown> => store.update('Secret', { ...user, metadata: { name: user.metadata.name, namespace, labels: user.metadata.labels }, data: { ...user.data, ...data } }, writer);
      await change({ disabled: Buffer.from('true').toString('base64') });
      expect(await bySession(cookie)).to.equal(undefined);
      expect((await login()).outcome).to.equal('refused');
      await change({});
      expect(await bySession(cookie)).to.not.equal(undefined);
      await change({ sessionEpoch: Buffer.from('2').toString('base64') });
      expect(await bySession(cookie)).to.equal(undefined);
      const fresh = await session();
      await store.delete('Secret', user.metadata, writer);
      expect(await bySession(fresh.cookie)).to.equal(undefined);
    });

    it('cannot be had with a token of another kind, a forged one, or one of another server', async () => {
      const { cookie, deviceCookie } = await session();
      const [head = '', , tail = ''] = cookie.split('.');
      const forged = `${head}.${Buffer.from(JSON.stringify({ sub: 'Alice', jti: 'x', epoch: 1, iss: 'restic-manager', aud: 'session', exp: 9999999999 })).toString('base64url')}.${tail}`;
      const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${cookie.split('.')[1] ?? ''}.`;
      for (const wrong of [deviceCookie, forged, unsigned, await identity.adminToken(), '', 'a.b.c']) expect(await bySession(wrong), wrong).to.equal(undefined);
      expect(await byBearer(cookie)).to.equal(undefined);
    });

    it('are limited per user, but not in a browser the user knows; others cannot lock an admin out', async () => {
      const { deviceCookie } = await session();
      for (let attempt = 0; attempt < 10; attempt++) expect((await login('alice', 'wrong wrong wrong', { sourceIP: `192.0.2.${String(attempt)}` })).outcome).to.equal('refused');
      const limited = await login();
      expect(limited.outcome).to.equal('limited');
      if (limited.outcome === 'limited') expect(limited.retryAfterSeconds).to.be.within(1, 900);
      expect((await login('alice', PASSWORD, { deviceCookie })).outcome).to.equal('ok');
      clock.advance(15 * 60_000);
      expect((await login()).outcome).to.equal('ok');
    });
  });

  describe('the token of system:admin', () => {
    it('does not expire and is dead once its Secret is deleted, also when that comes back', async () => {
      const token = await identity.adminToken();
      clock.advance(40 * 24 * HOUR);
      expect(await byBearer(token)).to.include({ name: 'system:admin', role: 'admin' });
      await store.delete('Secret', { namespace, name: 'api-token-system-admin' }, writer);
      expect(await byBearer(token)).to.equal(undefined);
      const next = await identity.adminToken();
      expect(await byBearer(next)).to.not.equal(undefined);
      expect(await byBearer(token)).to.equal(undefined);
    });

    it('is no user: bootstrap stays open', async () => {
      await identity.adminToken();
      expect(await identity.hasUsers()).to.be.false;
    });

    it('is not replaced by a cookie when it is wrong', async () => {
      await firstUser();
      const { cookie } = await session();
      expect(await byBearer('wrong', `rm_session=${cookie}`)).to.equal(undefined);
    });
  });

  describe('enrolment tokens', () => {
    const grant: EnrollmentGrant = { hostname: 'web1', tags: ['prod'], initialPaths: ['/srv'], repository: { url: '/r', password: 'geheim' }, mintedBy: { name: 'Alice', role: 'admin' } };

    it('hand over what they were made with, once', async () => {
      const { token, expiresAt } = await identity.mintEnrollmentToken(grant);
      expect(expiresAt).to.equal('2026-01-01T01:00:00.000Z');
      expect(await identity.peekEnrollmentToken(token)).to.deep.equal(grant);
      const results = await Promise.all([1, 2, 3].map(() => identity.redeemEnrollmentToken(token)));
      expect(results.filter((result) => typeof result === 'object')).to.deep.equal([grant]);
      expect(await identity.redeemEnrollmentToken(token)).to.equal('used');
    });

    it('are stored hashed', async () => {
      const { token } = await identity.mintEnrollmentToken(grant);
      for (const secret of (await store.list('Secret', { namespace })).items) {
        for (const value of Object.values(secret.data ?? {})) expect(Buffer.from(value, 'base64').toString()).to.not.include(token);
      }
    });

    it('expire after an hour, are known as expired for a day, then swept (E30)', async () => {
      const { token } = await identity.mintEnrollmentToken(grant);
      clock.advance(HOUR);
      expect(await identity.redeemEnrollmentToken(token)).to.equal('expired');
      expect(await identity.sweep()).to.equal(0);
      clock.advance(25 * HOUR);
      await identity.sweep();
      expect(await identity.redeemEnrollmentToken(token)).to.equal('unknown');
      expect(await identity.redeemEnrollmentToken('made up')).to.equal('unknown');
    });
  });

  it('sweeps by itself what is over: enrolment tokens and ended sessions, and nothing that is not (E30)', async () => {
    await firstUser();
    const { cookie } = await session();
    const { cookie: other } = await session();
    const host = await store.create('Host', newObject('Host', { name: 'web1', namespace }, { spec: {} }), writer);
    const bearer = await identity.issueBearer(host);
    const kept = async (): Promise<string[]> => (await store.list('Secret', { namespace })).items.map(({ metadata }) => metadata.name).sort();
    const before = await kept();
    await identity.mintEnrollmentToken({ hostname: 'web2', tags: [], initialPaths: [], mintedBy: { name: 'alice', role: 'admin' } });
    await identity.logout(cookie);
    expect(await kept()).to.have.length(before.length + 2);
    // The sweep is on a timer of its own; an enrolment token is known as expired for a day.
    await until('the sweep', async () => { clock.advance(HOUR); return (await kept()).length === before.length; });
    expect(await kept()).to.deep.equal(before);
    expect(clock.now()).to.be.at.least(Date.parse('2026-01-02T01:00:00Z'));
    for (const each of [cookie, other]) expect(await bySession(each), 'a session ends after a day, signed out or not').to.equal(undefined);
    expect(await identity.agentByBearer(bearer)).to.deep.include({ hostUid: host.metadata.uid });
  });

  describe('agent bearers', () => {
    it('stand for their own Host, die with the next one and are stored hashed', async () => {
      const host = await store.create('Host', newObject('Host', { name: 'web1', namespace }, { spec: {} }), writer);
      const other = await store.create('Host', newObject('Host', { name: 'web2', namespace }, { spec: {} }), writer);
      const bearer = await identity.issueBearer(host);
      expect(await identity.agentByBearer(`Bearer ${bearer}`)).to.deep.equal({ host: { namespace, name: 'web1' }, hostUid: host.metadata.uid });
      expect(await identity.agentByBearer(bearer)).to.deep.include({ hostUid: host.metadata.uid });
      const second = await identity.issueBearer(other);
      const third = await identity.issueBearer(host);
      expect(await identity.agentByBearer(bearer)).to.equal(undefined);
      expect(await identity.agentByBearer(second)).to.deep.include({ hostUid: other.metadata.uid });
      expect(await identity.agentByBearer(third)).to.deep.include({ hostUid: host.metadata.uid });
      for (const wrong of [undefined, '', 'Bearer ', `${third}x`, 'x'.repeat(1000)]) expect(await identity.agentByBearer(wrong)).to.equal(undefined);
      const secrets = (await store.list('Secret', { namespace, labelSelector: `${SECRET_USE_LABEL}=bearer` })).items;
      expect(secrets.map((secret) => secret.metadata.ownerReferences?.[0]?.uid).sort()).to.deep.equal([host.metadata.uid, other.metadata.uid].sort());
      for (const secret of secrets) for (const value of Object.values(secret.data ?? {})) expect(Buffer.from(value, 'base64').toString()).to.not.include(third);
    });
  });

  describe('the keys of the server', () => {
    it('are made once', async () => {
      const { signingKey, planKey } = identity;
      await close();
      await open();
      expect(identity.signingKey.publicKeyBase64).to.equal(signingKey.publicKeyBase64);
      expect(Buffer.from(identity.planKey).equals(Buffer.from(planKey))).to.be.true;
      expect(Buffer.from(signingKey.publicKeyBase64, 'base64')).to.have.length(32);
      expect(signingKey.sign(Buffer.from('x'))).to.have.length(64);
    });

    it('are never replaced when they are there but unreadable', async () => {
      await store.delete('Secret', { namespace, name: 'server-signing-key' }, writer);
      await store.create('Secret', newObject('Secret', { name: 'server-signing-key', namespace }, { stringData: { privateKey: 'nonsense' } }), writer);
      const failed = await createIdentity({ store, namespace, clock, log }).catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(Error).with.property('message').that.includes('server-signing-key').and.does.not.include('nonsense');
    });
  });
});
