/** Identity and the operator API on a real server with a real data directory: what people, scripts and agents meet. */
import { generateKeyPairSync } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { secretName } from '#apiserver/auth/users.js';
import type { Principal } from '#crds/objectStore.js';
import { items, newUser, refused } from '../builders/operatorBed.js';
import { ADMIN, newPerson, type Person, type Reply } from '../builders/person.js';
import { startServer, type TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';

const agentFacts = { os: 'linux', arch: 'amd64', agent_version: '1.0.0', restic_version: '0.19.1' };
const newKey = (): string => Buffer.from(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');

describe('the operator API', function () {
  this.timeout(60_000);
  let server: TestServer;
  let alice: Person;

  before(async () => {
    server = await startServer();
  });
  after(async () => {
    await server.stop();
  });

  /** GET with headers that fetch would not send. */
  function rawGet(path: string, headers: Record<string, string>): Promise<{ status: number; location: string | undefined }> {
    return new Promise((resolve, reject) => {
      httpRequest(server.url + path, { headers }, (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, location: response.headers.location });
      }).on('error', reject).end();
    });
  }

  describe('before there is a user (E20)', () => {
    it('leads /login to /bootstrap', async () => {
      expect(await rawGet('/login', {})).to.deep.equal({ status: 302, location: '/bootstrap' });
    });

    it('carries the token for whoever opens /bootstrap on this machine itself, and for nobody else', async () => {
      const carried = { status: 302, location: `/bootstrap?token=${server.bootstrapToken ?? 'none'}` };
      expect(await rawGet('/bootstrap', {})).to.deep.equal(carried);
      const elsewhere: Record<string, string>[] = [{ host: 'backup.example.com' }, { 'x-forwarded-for': '192.0.2.1' }, { forwarded: 'for=192.0.2.1' }, { via: '1.1 proxy' }];
      for (const headers of elsewhere) {
        expect((await rawGet('/bootstrap', headers)).location, JSON.stringify(headers)).to.equal(undefined);
      }
    });

    it('refuses bad bodies by name and changes nothing', async () => {
      const token = server.bootstrapToken;
      const person = newPerson(server);
      const bad: [unknown, number, string][] = [
        [{ token, username: 'alice' }, 422, 'password: is required'],
        [{ token, username: 'alice', password: 'short' }, 422, 'password: '],
        [{ token, username: 'a b', password: ADMIN.password }, 422, 'username: '],
        [{ token, username: 7, password: ADMIN.password }, 422, 'username: must be string'],
        [{ token, username: 'alice', password: ADMIN.password, role: 'admin' }, 422, 'role: is not a known field'],
        [{ token: 'wrong', username: 'alice', password: ADMIN.password }, 401, 'token: '],
        [[], 422, 'the body must be object'],
      ];
      for (const [body, status, message] of bad) {
        const reply = await person.call('POST', '/api/bootstrap', body);
        expect(reply.status, JSON.stringify(body)).to.equal(status);
        expect(reply.body['message']).to.match(new RegExp(`^${message}`));
      }
      expect(refused(await person.send('POST', '/api/bootstrap', '{"token":', { 'content-type': 'application/json' }))).to.deep.equal({ status: 400, code: 'bad_request' });
      expect(refused(await person.send('POST', '/api/bootstrap', '{}', { 'content-type': 'text/plain' }))).to.deep.equal({ status: 415, code: 'unsupported_media_type' });
      expect(refused(await person.call('POST', '/api/bootstrap', { token, username: 'alice', password: 'x'.repeat(100_000) }))).to.deep.equal({ status: 413, code: 'too_large' });
      expect((await rawGet('/login', {})).location).to.equal('/bootstrap');
    });

    it('makes the first user, an admin, with the printed token, once', async () => {
      const person = newPerson(server);
      const made = await person.call('POST', '/api/bootstrap', { token: server.bootstrapToken, ...ADMIN });
      expect(made).to.deep.include({ status: 201 });
      expect(made.body).to.include({ username: 'Alice', role: 'admin' });
      expect(refused(await person.call('POST', '/api/bootstrap', { token: server.bootstrapToken, username: 'bob', password: ADMIN.password }))).to.deep.equal({ status: 409, code: 'bootstrap_closed' });
      expect(await rawGet('/bootstrap', {})).to.deep.equal({ status: 302, location: '/login' });
    });
  });

  describe('sessions', () => {
    it('begin with a login that answers {user_id, role} and sets the cookie', async () => {
      alice = newPerson(server);
      const reply = await alice.call('POST', '/api/auth/login', { username: 'ALICE', password: ADMIN.password });
      expect(reply.status).to.equal(200);
      expect(reply.body).to.have.all.keys('user_id', 'role').and.include({ role: 'admin' });
      const cookie = reply.headers.getSetCookie().find((line) => line.startsWith('rm_session=')) ?? '';
      expect(cookie).to.match(/; HttpOnly/).and.match(/; SameSite=Lax/).and.match(/; Path=\//).and.match(/; Max-Age=86400/).and.not.match(/Secure/);
      expect((await alice.call('GET', '/api/account')).body).to.include({ username: 'Alice', role: 'admin', user_id: reply.body['user_id'] });
    });

    it('are refused alike for an unknown user and a wrong password', async () => {
      const person = newPerson(server);
      const replies = [await person.call('POST', '/api/auth/login', { username: 'nobody', password: 'wrong wrong wrong' }), await person.call('POST', '/api/auth/login', { username: 'alice', password: 'wrong wrong wrong' })];
      expect(replies.map((reply) => reply.status)).to.deep.equal([401, 401]);
      expect(replies[0]?.text).to.equal(replies[1]?.text);
      expect(person.cookies.size).to.equal(0);
    });

    it('open the resource API too, and only with the cookie', async () => {
      expect((await alice.call('GET', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts')).status).to.equal(200);
      expect((await newPerson(server).call('GET', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts')).status).to.equal(401);
      expect((await newPerson(server).call('GET', '/api/hosts')).status).to.equal(401);
    });

    it('begin from a plain form as well, answered with 303 to the page', async () => {
      const person = newPerson(server);
      const reply = await person.form('/login', { username: 'alice', password: ADMIN.password }, { origin: server.url });
      expect({ status: reply.status, location: reply.headers.get('location') }).to.deep.equal({ status: 303, location: '/' });
      expect((await person.call('GET', '/api/account')).status).to.equal(200);
      for (const [fields, failed] of [[{ username: 'alice', password: 'wrong wrong wrong' }, 'login_failed'], [{ username: 'alice' }, 'invalid']] as const) {
        const back = await newPerson(server).form('/login', fields);
        expect({ status: back.status, location: back.headers.get('location') }).to.deep.equal({ status: 303, location: `/login?failed=${failed}` });
      }
      expect((await newPerson(server).form('/login', { username: 'alice', password: ADMIN.password }, { origin: 'https://evil.example' })).status).to.equal(403);
    });

    it('end at logout, for whoever kept the cookie', async () => {
      const person = newPerson(server);
      await person.call('POST', '/api/auth/login', ADMIN);
      const kept = person.cookies.get('rm_session') ?? '';
      expect((await person.call('POST', '/api/auth/logout')).status).to.equal(204);
      expect(person.cookies.has('rm_session')).to.be.false;
      person.cookies.set('rm_session', kept);
      expect((await person.call('GET', '/api/account')).status).to.equal(401);
      expect((await alice.call('GET', '/api/account')).status).to.equal(200);
    });

    it('change nothing for another site, by /api and by /apis', async () => {
      const elsewhere: Record<string, string>[] = [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }];
      for (const headers of elsewhere) {
        expect((await alice.call('POST', '/api/enrollment-tokens', { hostname: 'x' }, headers)).status, JSON.stringify(headers)).to.equal(403);
        expect((await alice.call('POST', '/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, headers)).status).to.equal(403);
        expect((await alice.call('GET', '/api/account', undefined, headers)).status).to.equal(200);
      }
      expect((await alice.call('POST', '/api/enrollment-tokens', { hostname: 'x' }, { origin: server.url, 'sec-fetch-site': 'same-origin' })).status).to.equal(200);
    });

    it('do not open a live channel for another site', async () => {
      const cookie = `rm_session=${alice.cookies.get('rm_session') ?? ''}`;
      expect(await upgrade('/api/live', { cookie, origin: 'https://evil.example' })).to.equal(403);
      expect(await upgrade('/api/live', { origin: server.url })).to.equal(401);
      expect(await upgrade('/api/live', { cookie, origin: server.url })).to.equal(101);
      expect(await upgrade('/ws/elsewhere', { cookie })).to.equal(404);
    });

    it('are limited after ten failures of a user name, with Retry-After', async () => {
      const guess = (): Promise<Reply> => newPerson(server).call('POST', '/api/auth/login', { username: 'mallory', password: 'guess guess guess' });
      for (let attempt = 0; attempt < 10; attempt++) expect((await guess()).status).to.equal(401);
      const limited = await guess();
      expect(refused(limited)).to.deep.equal({ status: 429, code: 'too_many_requests' });
      expect(Number(limited.headers.get('retry-after'))).to.be.within(1, 900);
      expect((await newPerson(server).call('POST', '/api/auth/login', ADMIN)).status).to.equal(200);
    });
  });

  describe('roles', () => {
    const user = (username: string, role: Principal['role']): Promise<Person> => newUser(server, alice, username, role);

    it('let a viewer look and nothing else, by both APIs', async () => {
      const viewer = await user('vera', 'viewer');
      expect((await viewer.call('GET', '/api/hosts')).status).to.equal(200);
      expect(refused(await viewer.call('POST', '/api/enrollment-tokens', { hostname: 'x' }))).to.deep.equal({ status: 403, code: 'forbidden' });
      expect((await viewer.call('GET', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts')).status).to.equal(200);
      for (const path of ['/api/v1/namespaces/default/secrets', '/api/v1/namespaces/default/secrets/plan-key', '/apis/coordination.k8s.io/v1/namespaces/default/leases']) expect((await viewer.call('GET', path)).status, path).to.equal(403);
      expect((await viewer.call('DELETE', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/x')).status).to.equal(403);
    });

    it('keep repository fields and taking over a host for admins, naming the field', async () => {
      const operator = await user('otto', 'operator');
      expect((await operator.call('POST', '/api/enrollment-tokens', { hostname: 'op1' })).status).to.equal(200);
      for (const field of ['repo_url', 'repo_username', 'repo_password']) {
        const reply = await operator.call('POST', '/api/enrollment-tokens', { hostname: 'op1', [field]: 'x' });
        expect(reply.status).to.equal(403);
        expect(reply.body['message']).to.match(new RegExp(`^${field}: `));
      }
      expect((await operator.call('GET', '/api/v1/namespaces/default/secrets')).status).to.equal(403);
      expect((await operator.call('POST', '/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'user-x' } })).status).to.equal(403);
    });

    it('act at once when they change, also on an open session', async () => {
      const person = await user('ivan', 'operator');
      const path = `/api/v1/namespaces/default/secrets/${secretName('ivan')}`;
      await alice.send('PATCH', path, JSON.stringify({ stringData: { sessionEpoch: '2', role: 'viewer' } }), { 'content-type': 'application/merge-patch+json' });
      expect((await person.call('GET', '/api/account')).status).to.equal(401);
    });
  });

  /** Status of a WebSocket handshake. */
  function upgrade(path: string, headers: Record<string, string>): Promise<number> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(server.url.replace('http', 'ws') + path, { headers });
      ws.on('open', () => { ws.terminate(); resolve(101); });
      ws.on('unexpected-response', (_request, response) => { response.resume(); resolve(response.statusCode ?? 0); ws.terminate(); });
      ws.on('error', (error) => { if (!/Unexpected server response|closed before/.test(error.message)) reject(error); });
    });
  }

  const kube = (resource: string, name = ''): Promise<Reply> => alice.call('GET', `/apis/restic-manager.io/v1alpha1/namespaces/default/${resource}/${name}`);
  const mint = async (body: object): Promise<string> => {
    const reply = await alice.call('POST', '/api/enrollment-tokens', body);
    expect(reply.status, reply.text).to.equal(200);
    expect(reply.body).to.have.all.keys('token', 'expires_at');
    expect(Date.parse(String(reply.body['expires_at'])) - Date.now()).to.be.within(3_590_000, 3_600_000);
    return String(reply.body['token']);
  };
  const enroll = (token: string, more: object = {}): Promise<Reply> => newPerson(server).call('POST', '/api/agents/enroll', { token, hostname: 'web1', ...agentFacts, ...more });

  describe('enrolment by token', () => {
    let bearer: string;

    it('makes Secret, Repository and Host of one name, tags as labels, and the group default (S2)', async () => {
      const token = await mint({ hostname: 'Web1.example.com', tags: ['prod', 'web'], repo_url: 'rest:http://127.0.0.1:9/web1', repo_password: 'canary-password', initial_paths: ['/srv', '/etc'] });
      const reply = await enroll(token);
      expect(reply.status, reply.text).to.equal(200);
      expect(reply.body).to.have.all.keys('host_id', 'agent_token', 'server_public_key');
      bearer = String(reply.body['agent_token']);
      const host = await kube('hosts', 'web1');
      expect(host.body).to.have.nested.property('metadata.uid', reply.body['host_id']);
      expect(host.body).to.have.nested.property('metadata.labels').that.deep.equals({ prod: '', web: '' });
      expect((await kube('repositories', 'web1')).body).to.have.nested.property('metadata.ownerReferences[0].uid', reply.body['host_id']);
      const secret = await alice.call('GET', '/api/v1/namespaces/default/secrets/web1');
      const data = secret.body['data'] as Record<string, string>;
      expect(Buffer.from(data['password'] ?? '', 'base64').toString()).to.equal('canary-password');
      // A blank user name is the host's own: rest-server's private repositories need it (E3).
      expect(Buffer.from(data['username'] ?? '', 'base64').toString()).to.equal('web1');
      const [group] = items(await alice.call('GET', '/api/hosts/web1/source-groups'));
      expect(group).to.deep.include({ name: 'default', object_name: 'web1-default', includes: ['/srv', '/etc'] });
    });

    it('answers 410 for used, unknown and expired tokens alike, and the log says which', async () => {
      const token = await mint({ hostname: 'once' });
      expect((await enroll(token)).status).to.equal(200);
      expect(refused(await enroll(token))).to.deep.equal({ status: 410, code: 'token_expired' });
      expect(refused(await enroll('made up'))).to.deep.equal({ status: 410, code: 'token_expired' });
      expect(server.log()).to.include('the token is used').and.include('the token is unknown').and.not.include(token);
    });

    it('gives a token to exactly one of several who come at once', async () => {
      const token = await mint({ hostname: 'race' });
      const replies = await Promise.all([1, 2, 3, 4].map(() => enroll(token)));
      expect(replies.filter((reply) => reply.status === 200)).to.have.length(1);
    });

    it('references a repository whose URL is known instead of doubling it', async () => {
      const token = await mint({ hostname: 'web2', repo_url: 'rest:http://127.0.0.1:9/web1' });
      expect((await enroll(token)).status).to.equal(200);
      expect((await kube('hosts', 'web2')).body).to.have.nested.property('spec.repositoryRef.name', 'web1');
      expect((await kube('repositories', 'web2')).status).to.equal(404);
      const owners = (await kube('repositories', 'web1')).body['metadata'] as { ownerReferences: unknown[] };
      expect(owners.ownerReferences).to.have.length(2);
    });

    it('lets the agent in with its bearer, and nobody else', async () => {
      expect(await upgrade('/ws/agent', { authorization: `Bearer ${bearer}` })).to.equal(101);
      expect(await upgrade('/ws/agent', { authorization: `Bearer ${bearer.slice(0, -1)}x` })).to.equal(401);
      expect(await upgrade('/ws/agent', {})).to.equal(401);
    });

    it('takes a host over with a token for its name: the old bearer dies, the host stays', async () => {
      const before = await kube('hosts', 'web1');
      const reply = await enroll(await mint({ hostname: 'web1' }), { public_key: newKey() });
      expect(reply.status, reply.text).to.equal(200);
      expect(before.body).to.have.nested.property('metadata.uid', reply.body['host_id']);
      expect(await upgrade('/ws/agent', { authorization: `Bearer ${bearer}` })).to.equal(401);
      expect(await upgrade('/ws/agent', { authorization: `Bearer ${String(reply.body['agent_token'])}` })).to.equal(101);
      expect((await kube('hosts', 'web1')).body).to.have.nested.property('spec.enrollment.fingerprint').that.matches(/^SHA256:/);
    });

    it('refuses what cannot be right without using the token up', async () => {
      for (const [body, field] of [
        [{ hostname: '日本' }, 'hostname'], [{ hostname: 'x', tags: ['a b'] }, 'tags\\[0\\]'], [{ hostname: 'x', initial_paths: ['srv'] }, 'initial_paths\\[0\\]'],
        [{ hostname: 'x', repo_url: '/r' }, 'repo_password'], [{ hostname: 'x', repo_password: 'p' }, 'repo_password'], [{ hostname: 'x', surprise: 1 }, 'surprise'], [{}, 'hostname'],
      ] as const) {
        const reply = await alice.call('POST', '/api/enrollment-tokens', body);
        expect(reply.status, JSON.stringify(body)).to.equal(422);
        expect(reply.body['message']).to.match(new RegExp(`^${field}: `));
      }
      const token = await mint({ hostname: 'later' });
      expect((await enroll(token, { arch: 'sparc' })).body['message']).to.match(/^arch: must be one of amd64, arm64/);
      await alice.call('POST', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts', { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'later' }, spec: {} });
      expect(refused(await enroll(token))).to.deep.equal({ status: 409, code: 'hostname_collision' });
      await alice.call('DELETE', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/later');
      await until('the host to be gone', async () => (await alice.call('GET', '/api/hosts/later')).status === 404);
      expect((await enroll(token)).status).to.equal(200);
    });
  });

  describe('groups, schedules and jobs of a host', () => {
    let group: Record<string, unknown>;

    it('creates and lists source groups (S1), named <host>-<slug> with the given name as tag', async () => {
      const reply = await alice.call('POST', '/api/hosts/web1/source-groups', { name: 'Data.Base', includes: ['/var/lib/db'], excludes: ['*.tmp'], retention_policy: { keep_last: 0, keep_daily: 0 }, retry_max: 0, retry_backoff_seconds: 0 });
      expect(reply.status, reply.text).to.equal(201);
      group = reply.body;
      expect(group).to.deep.include({ name: 'Data.Base', object_name: 'web1-data-base', includes: ['/var/lib/db'], excludes: ['*.tmp'] });
      expect((await kube('sourcegroups', 'web1-data-base')).body).to.have.nested.property('spec.tag', 'Data.Base');
      expect(items(await alice.call('GET', '/api/hosts/web1/source-groups')).map((each) => each['name'])).to.deep.equal(['Data.Base', 'default']);
      expect(refused(await alice.call('POST', '/api/hosts/web1/source-groups', { name: 'Data.Base', includes: ['/x'] }))).to.deep.equal({ status: 409, code: 'already_exists' });
    });

    it('refuses bad paths and names by name', async () => {
      for (const [body, field] of [[{ name: 'later', includes: ['x'] }, 'includes\\[0\\]'], [{ name: 'later', includes: [] }, 'includes'], [{ name: '-', includes: ['/x'] }, 'name'], [{ includes: ['/x'] }, 'name']] as const) {
        const reply = await alice.call('POST', '/api/hosts/web1/source-groups', body);
        expect(reply.status, JSON.stringify(body)).to.equal(422);
        expect(reply.body['message']).to.match(new RegExp(`^${field}: `));
      }
      expect(items(await alice.call('GET', '/api/hosts/web1/source-groups'))).to.have.length(2);
    });

    it('keeps two groups apart whose names read the same (E33)', async () => {
      await enroll(await mint({ hostname: 'web1-a' }));
      const one = await alice.call('POST', '/api/hosts/web1/source-groups', { name: 'a-b', includes: ['/x'] });
      const two = await alice.call('POST', '/api/hosts/web1-a/source-groups', { name: 'b', includes: ['/x'] });
      expect([one.status, two.status]).to.deep.equal([201, 201]);
      expect(one.body['object_name']).to.equal('web1-a-b');
      expect(two.body['object_name']).to.match(/^web1-a-b-[0-9a-f]{8}$/);
    });

    it('creates and lists schedules (S3): many groups, by id or name', async () => {
      const reply = await alice.call('POST', '/api/hosts/web1/schedules', { cron: '0 3 * * *', enabled: false, source_group_ids: [group['id'], 'default'] });
      expect(reply.status, reply.text).to.equal(201);
      expect(reply.body['object_name']).to.match(/^web1-[0-9a-f]{8}$/);
      expect(reply.body).to.include({ cron: '0 3 * * *', enabled: false });
      const [listed] = items(await alice.call('GET', '/api/hosts/web1/schedules'));
      expect(listed).to.include({ id: reply.body['id'] }).and.to.include.keys('desired_revision', 'applied_revision');
      expect(listed?.['source_group_ids']).to.have.length(2).and.include(group['id']);
    });

    it('refuses a bad cron, no group, an unknown one and another host\'s (E12)', async () => {
      const foreign = items(await alice.call('GET', '/api/hosts/web1-a/source-groups'))[0]?.['id'];
      for (const [body, message] of [
        [{ cron: '61 * * * *', source_group_ids: [group['id']] }, 'cron: "61 * * * *" is not a cron expression: minute 61 is outside 0-59'],
        [{ cron: '@minutely', source_group_ids: [group['id']] }, 'cron: '], [{ cron: '* * * * *', source_group_ids: [] }, 'source_group_ids: '],
        [{ cron: '* * * * *', source_group_ids: ['nope'] }, 'source_group_ids[0]: there is no source group'], [{ cron: '* * * * *', source_group_ids: [foreign] }, 'source_group_ids[0]: source group'],
      ] as const) {
        const reply = await alice.call('POST', '/api/hosts/web1/schedules', body);
        expect(reply.status, reply.text).to.equal(422);
        expect(String(reply.body['message']).slice(0, message.length)).to.equal(message);
      }
      expect(items(await alice.call('GET', '/api/hosts/web1/schedules'))).to.have.length(1);
    });

    it('refuses work for a host that is away with host_offline, and makes nothing (E9)', async () => {
      const [schedule] = items(await alice.call('GET', '/api/hosts/web1/schedules'));
      const offline = { status: 503, code: 'host_offline' };
      expect(refused(await alice.call('POST', `/api/hosts/web1/source-groups/${String(group['id'])}/run`))).to.deep.equal(offline);
      expect(refused(await alice.call('POST', `/api/hosts/web1/schedules/${String(schedule?.['id'])}/run`))).to.deep.equal(offline);
      expect(refused(await alice.call('POST', '/api/hosts/web1/jobs', { kind: 'backup', args: { source_group_id: group['id'] } }))).to.deep.equal(offline);
      expect(items(await alice.call('GET', '/api/hosts/web1/jobs'))).to.deep.equal([]);
    });

    it('refuses unknown kinds, arguments and groups of a job by name', async () => {
      for (const [body, field] of [
        [{ kind: 'update' }, 'kind'], [{ kind: 'backup' }, 'args.source_group_id'], [{ kind: 'backup', args: { source_group_id: 'nope' } }, 'args.source_group_id'],
        [{ kind: 'init', args: { source_group_id: 'default' } }, 'args.source_group_id'], [{ kind: 'backup', args: { surprise: 1 } }, 'args.surprise'], [{ kind: 'init', args: { active_deadline_seconds: -1 } }, 'args.active_deadline_seconds'], [{}, 'kind'],
      ] as const) {
        const reply = await alice.call('POST', '/api/hosts/web1/jobs', body);
        expect(reply.status, reply.text).to.equal(422);
        expect(reply.body['message']).to.match(new RegExp(`^${field}: `));
      }
    });

    it('shows a declared job that waits, cancels it once, and says when it is over (J4, E23)', async () => {
      const made = await alice.call('POST', '/apis/restic-manager.io/v1alpha1/namespaces/default/resticjobs', { apiVersion: 'restic-manager.io/v1alpha1', kind: 'ResticJob', metadata: { name: 'declared' }, spec: { hostRef: { name: 'web1' }, type: 'Backup', sourceGroupRef: { name: 'web1-default' } } });
      expect(made.status, made.text).to.equal(201);
      const job = await until('the job to be listed', async () => items(await alice.call('GET', '/api/hosts/web1/jobs'))[0]);
      expect(job).to.include({ name: 'declared', kind: 'backup', status: 'queued' });
      expect((await alice.call('POST', '/api/jobs/declared/cancel')).status).to.equal(202);
      const over = await until('the job to end', async () => {
        const reply = await alice.call('GET', `/api/jobs/${String(job['id'])}`);
        return reply.body['status'] === 'cancelled' && reply.body;
      });
      expect(over).to.include({ reason: 'CancelledBeforeStart' });
      expect(refused(await alice.call('POST', '/api/jobs/declared/cancel'))).to.deep.equal({ status: 409, code: 'job_finished' });
      expect(refused(await alice.call('POST', '/api/jobs/unheard-of/cancel'))).to.deep.equal({ status: 404, code: 'not_found' });
      const log = await alice.call('GET', '/api/jobs/declared/log.txt');
      expect({ status: log.status, type: log.headers.get('content-type') }).to.deep.equal({ status: 200, type: 'text/plain; charset=utf-8' });
      expect((await alice.call('GET', '/api/jobs/declared/log.ndjson')).headers.get('content-type')).to.match(/^application\/x-ndjson/);
    });

    it('finds no host, group, schedule or job that is not there or belongs elsewhere', async () => {
      for (const path of ['/api/hosts/none', '/api/hosts/none/jobs', '/api/jobs/none']) expect(refused(await alice.call('GET', path)), path).to.deep.equal({ status: 404, code: 'not_found' });
      expect((await alice.call('POST', `/api/hosts/web1-a/source-groups/${String(group['id'])}/run`)).status).to.equal(404);
    });

    it('refuses to delete a group in use with the list of what uses it, and deletes the schedule, then the group (S1, S3)', async () => {
      const [schedule] = items(await alice.call('GET', '/api/hosts/web1/schedules'));
      const reply = await alice.call('DELETE', `/api/hosts/web1/source-groups/${String(group['id'])}`);
      expect(refused(reply)).to.deep.equal({ status: 409, code: 'in_use' });
      expect(reply.body['message']).to.equal(`source group web1-data-base is in use by Schedule ${String(schedule?.['object_name'])}`);
      expect(reply.body['details']).to.deep.equal({ dependants: [{ kind: 'Schedule', name: schedule?.['object_name'], id: schedule?.['id'] }] });
      expect((await alice.call('DELETE', `/api/hosts/web1-a/schedules/${String(schedule?.['id'])}`)).status).to.equal(404);
      expect((await alice.call('DELETE', `/api/hosts/web1/schedules/${String(schedule?.['id'])}`)).status).to.equal(204);
      expect(items(await alice.call('GET', '/api/hosts/web1/schedules'))).to.deep.equal([]);
      expect((await alice.call('DELETE', `/api/hosts/web1/source-groups/${String(group['id'])}`)).status).to.equal(204);
      expect(items(await alice.call('GET', '/api/hosts/web1/source-groups')).map((each) => each['name'])).to.deep.equal(['a-b', 'default']);
      expect((await kube('sourcegroups', 'web1-data-base')).status).to.equal(404);
    });

    it('keeps at least one group of a host, also when the last two are deleted at once (S1)', async () => {
      const both = await Promise.all(['a-b', 'default'].map((name) => alice.call('DELETE', `/api/hosts/web1/source-groups/${name}`)));
      expect(both.map((reply) => reply.status).sort()).to.deep.equal([204, 409]);
      expect(both.find((reply) => reply.status === 409)?.body).to.include({ code: 'last_source_group' });
      expect(items(await alice.call('GET', '/api/hosts/web1/source-groups'))).to.have.length(1);
    });

    it('never deletes through one host what other hosts have too', async () => {
      const declare = (kind: string, plural: string, name: string, spec: object): Promise<Reply> => alice.call('POST', `/apis/restic-manager.io/v1alpha1/namespaces/default/${plural}`, { apiVersion: 'restic-manager.io/v1alpha1', kind, metadata: { name }, spec });
      await alice.send('PATCH', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/web1', '{"metadata":{"labels":{"shared":"yes"}}}', { 'content-type': 'application/merge-patch+json' });
      expect((await declare('SourceGroup', 'sourcegroups', 'policy', { hostSelector: { matchLabels: { shared: 'yes' } }, includes: ['/srv'] })).status).to.equal(201);
      expect((await declare('Schedule', 'schedules', 'policy-hourly', { schedule: '@hourly', sourceGroupRefs: [{ name: 'policy' }] })).status).to.equal(201);
      await until('the schedule to reach the host', async () => items(await alice.call('GET', '/api/hosts/web1/schedules')).length === 1);
      expect(refused(await alice.call('DELETE', '/api/hosts/web1/source-groups/policy'))).to.deep.equal({ status: 409, code: 'shared' });
      expect(refused(await alice.call('DELETE', '/api/hosts/web1/schedules/policy-hourly'))).to.deep.equal({ status: 409, code: 'shared' });
      for (const path of ['schedules/policy-hourly', 'sourcegroups/policy']) expect((await alice.call('DELETE', `/apis/restic-manager.io/v1alpha1/namespaces/default/${path}`)).status, path).to.equal(200);
    });

    it('deletes a host with what it owns and keeps its Secret; not while something else would be left pointing at nothing (H4)', async () => {
      const token = await mint({ hostname: 'leaving', repo_url: 'rest:https://backup.example/leaving/', repo_password: 'canary-password', initial_paths: ['/etc'] });
      expect((await enroll(token)).status).to.equal(200);
      const declared = await alice.call('POST', '/apis/restic-manager.io/v1alpha1/namespaces/default/sourcegroups', { apiVersion: 'restic-manager.io/v1alpha1', kind: 'SourceGroup', metadata: { name: 'declared-group' }, spec: { hostRef: { name: 'leaving' }, includes: ['/srv'] } });
      expect(declared.status, declared.text).to.equal(201);
      await until('the group to be listed', async () => items(await alice.call('GET', '/api/hosts/leaving/source-groups')).length === 2);
      const reply = await alice.call('DELETE', '/api/hosts/leaving');
      expect(refused(reply)).to.deep.equal({ status: 409, code: 'in_use' });
      expect(reply.body['message']).to.equal('host leaving is in use by SourceGroup declared-group');
      expect((await alice.call('GET', '/api/hosts/leaving')).status).to.equal(200);
      expect((await alice.call('DELETE', '/api/hosts/leaving/source-groups/declared-group')).status).to.equal(204);
      expect((await alice.call('DELETE', '/api/hosts/leaving')).status).to.equal(204);
      expect((await alice.call('GET', '/api/hosts/leaving')).status).to.equal(404);
      for (const [plural, name] of [['repositories', 'leaving'], ['sourcegroups', 'leaving-default']] as const) await until(`${name} to be gone`, async () => (await kube(plural, name)).status === 404);
      expect((await alice.call('GET', '/api/v1/namespaces/default/secrets/leaving')).status, 'it may be the only key').to.equal(200);
    });

    it('never tells a repository password', async () => {
      for (const path of ['/api/hosts', '/api/hosts/web1', '/api/hosts/web1/source-groups', '/apis/restic-manager.io/v1alpha1/namespaces/default/repositories']) expect((await alice.call('GET', path)).text, path).to.not.include('canary-password');
      expect(server.log()).to.not.include('canary-password').and.not.include(ADMIN.password);
    });
  });
});
