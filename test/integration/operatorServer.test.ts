/** What of the operator API concerns the server as a whole: metrics, a restart. */
import { expect } from 'chai';
import { ADMIN, firstUser, newPerson, type Reply } from '../builders/person.js';
import { startServer } from '../builders/server.js';

describe('metrics', function () {
  this.timeout(60_000);

  it('are not there unless a gate is set', async () => {
    const server = await startServer();
    expect((await newPerson(server).call('GET', '/metrics')).status).to.equal(404);
    await server.stop();
  });

  it('need the token and the address when both gates are set', async () => {
    const server = await startServer({ env: { RM_METRICS_TOKEN: 'canary-metrics-token', RM_METRICS_TRUSTED_CIDR: '127.0.0.0/8' } });
    const scrape = (token?: string): Promise<Reply> => newPerson(server).call('GET', '/metrics', undefined, token === undefined ? {} : { authorization: `Bearer ${token}` });
    expect((await scrape()).status).to.equal(401);
    expect((await scrape('wrong')).status).to.equal(401);
    const { status, text } = await scrape('canary-metrics-token');
    expect(status).to.equal(200);
    expect(text).to.match(/^rm_hosts_total 0$/m).and.match(/^rm_hosts_online 0$/m).and.match(/^rm_build_info\{version="[^"]+",commit="[^"]+",node_version="v[^"]+"\} 1$/m);
    expect(server.log()).to.not.include('canary-metrics-token');
    await server.stop();
    const elsewhere = await startServer({ env: { RM_METRICS_TOKEN: 't', RM_METRICS_TRUSTED_CIDR: '192.0.2.0/24' } });
    expect((await newPerson(elsewhere).call('GET', '/metrics', undefined, { authorization: 'Bearer t' })).status).to.equal(403);
    await elsewhere.stop();
  });
});

describe('a restart of the server', function () {
  this.timeout(60_000);

  it('keeps users, sessions and their ends', async () => {
    const server = await startServer({ env: { RM_COOKIE_SECURE: 'true' } });
    const alice = await firstUser(server);
    const gone = newPerson(server);
    const login = await gone.call('POST', '/api/auth/login', ADMIN);
    expect(login.headers.getSetCookie().find((line) => line.startsWith('rm_session='))).to.match(/; Secure/);
    const ended = gone.cookies.get('rm_session') ?? '';
    await gone.call('POST', '/api/auth/logout');
    await server.kill();
    const again = await startServer({ dataDir: server.dataDir });
    expect(again.bootstrapToken).to.equal(undefined);
    const person = newPerson(again);
    person.cookies.set('rm_session', alice.cookies.get('rm_session') ?? '');
    expect((await person.call('GET', '/api/account')).body).to.include({ username: 'Alice' });
    person.cookies.set('rm_session', ended);
    expect((await person.call('GET', '/api/account')).status).to.equal(401);
    await again.kill();
    await server.stop();
  });
});
