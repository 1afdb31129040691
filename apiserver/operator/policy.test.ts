/** The matrix role x route, over every route of the tables. The expectation is written out here, on purpose not derived from the role table. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import express from 'express';
import { systemClock } from '#controller/runtime/clock.js';
import { createInformers } from '#controller/runtime/informer.js';
import type { Informers } from '#controller/runtime/types.js';
import { createAdmission } from '../admission/index.js';
import { createIdentity, type Identity, type UserRole } from '../auth/index.js';
import { openRecords, type Records } from '../records/index.js';
import { openFileStore, type FileStore } from '../stores/file/index.js';
import { operatorApi, routeTables } from './index.js';

type Band = 'public' | UserRole;

const bands: Record<string, Band> = {
  'GET /healthz': 'public',
  'GET /livez': 'public',
  'GET /readyz': 'public',
  'GET /api/version': 'public',
  'POST /api/bootstrap': 'public',
  'POST /api/auth/login': 'public',
  'POST /login': 'public',
  'POST /api/auth/logout': 'public',
  'POST /api/agents/enroll': 'public',
  'POST /api/agents/announce': 'public',
  'GET /api/account': 'viewer',
  'GET /api/pending-hosts': 'viewer',
  'GET /api/hosts': 'viewer',
  'GET /api/hosts/:host': 'viewer',
  'GET /api/hosts/:host/source-groups': 'viewer',
  'GET /api/hosts/:host/schedules': 'viewer',
  'GET /api/hosts/:host/jobs': 'viewer',
  'GET /api/jobs/:job': 'viewer',
  'GET /api/jobs/:job/log.txt': 'viewer',
  'GET /api/jobs/:job/log.ndjson': 'viewer',
  'GET /api/manifests': 'viewer',
  'GET /api/hosts/:host/repo-credentials': 'viewer',
  'GET /api/hosts/:host/repo-maintenance': 'viewer',
  'GET /api/hosts/:host/repo-stats': 'viewer',
  'GET /api/hosts/:host/snapshots': 'viewer',
  'GET /api/hosts/:host/snapshots/:snapshot/tree': 'operator',
  'PUT /api/hosts/:host/bandwidth': 'operator',
  'PUT /api/hosts/:host/mode': 'operator',
  'PUT /api/hosts/:host/tags': 'operator',
  'PUT /api/hosts/:host/source-groups/:group': 'operator',
  'PUT /api/hosts/:host/schedules/:schedule': 'operator',
  'PUT /api/hosts/:host/repo-credentials': 'operator',
  'PUT /api/hosts/:host/repo-maintenance': 'operator',
  'POST /api/hosts/:host/repo/prune': 'operator',
  'POST /api/hosts/:host/repo/check': 'operator',
  'POST /api/hosts/:host/repo/unlock': 'operator',
  'POST /api/hosts/:host/repo/forget': 'operator',
  'POST /api/hosts/:host/repo/probe': 'operator',
  'POST /api/hosts/:host/repo/reinit': 'operator',
  'POST /api/hosts/:host/snapshots/diff': 'operator',
  'POST /api/hosts/:host/restore': 'operator',
  'GET /api/hosts/:host/admin-credentials': 'admin',
  'PUT /api/hosts/:host/admin-credentials': 'admin',
  'DELETE /api/hosts/:host/admin-credentials': 'admin',
  'GET /api/hosts/:host/hooks': 'admin',
  'PUT /api/hosts/:host/hooks': 'admin',
  'GET /api/hosts/:host/source-groups/:group/hooks': 'admin',
  'PUT /api/hosts/:host/source-groups/:group/hooks': 'admin',
  'POST /api/hosts/:host/repo/approve-forget': 'admin',
  'POST /hosts/:retired/run-backup': 'public',
  'POST /api/hosts/:retired/run-backup': 'public',
  'POST /hosts/:retired/init-repo': 'public',
  'POST /api/hosts/:retired/init-repo': 'public',
  'POST /api/enrollment-tokens': 'operator',
  'POST /api/pending-hosts/:pending/accept': 'operator',
  'POST /api/pending-hosts/:pending/reject': 'operator',
  'POST /api/hosts/:host/source-groups': 'operator',
  'POST /api/hosts/:host/source-groups/:group/run': 'operator',
  'POST /api/hosts/:host/schedules': 'operator',
  'POST /api/hosts/:host/schedules/:schedule/run': 'operator',
  'POST /api/hosts/:host/jobs': 'operator',
  'POST /api/jobs/:job/cancel': 'operator',
  'POST /api/manifests/prune': 'admin',
  'DELETE /api/hosts/:host/source-groups/:group': 'operator',
  'DELETE /api/hosts/:host/schedules/:schedule': 'operator',
  'DELETE /api/hosts/:host': 'admin',
};

const roles: readonly UserRole[] = ['viewer', 'operator', 'admin'];
const log = { debug() {}, info() {}, warn() {}, error() {} };

describe('the routes of /api and who may call them', function () {
  this.timeout(30_000);
  let dir: string;
  let store: FileStore;
  let records: Records;
  let informers: Informers;
  let identity: Identity;
  let server: Server;
  let url: string;
  const cookies = new Map<UserRole, string>();

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-policy-'));
    store = await openFileStore({ dir, admission: createAdmission(), secretKey: randomBytes(32) });
    records = await openRecords({ dir });
    informers = createInformers({ store, log, clock: systemClock });
    await informers.start();
    identity = await createIdentity({ store, namespace: 'default', clock: systemClock, log });
    for (const role of roles) {
      await identity.createUser({ username: role, password: 'correct horse battery', role }, { name: 'test', role: 'system' });
      const result = await identity.login({ username: role, password: 'correct horse battery', sourceIP: '192.0.2.1' });
      if (result.outcome === 'ok') cookies.set(role, result.session.cookie);
    }
    const app = express();
    app.use(operatorApi({ store, informers, records, identity, namespace: 'default', clock: systemClock, log, askHost: () => Promise.reject(new Error('no agents here')), cookieSecure: false, baseUrl: () => 'http://localhost', trustedProxy: [] }));
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await identity.close();
    await informers.stop();
    await records.close();
    await store.close();
    await rm(dir, { recursive: true });
  });

  /** An empty body and objects that are not there: what comes after the role check is 404, 422 or the like. */
  async function ask(key: string, role: UserRole | undefined): Promise<{ status: number; body: string }> {
    const [method = '', path = ''] = key.split(' ');
    const cookie = role === undefined ? undefined : cookies.get(role);
    const response = await fetch(url + path.replaceAll(/:\w+/g, 'none'), { method, headers: { ...(cookie === undefined ? {} : { cookie: `rm_session=${cookie}` }) }, redirect: 'manual' });
    return { status: response.status, body: await response.text() };
  }

  const keys = routeTables.flatMap((table) => Object.keys(table));

  it('are each in this matrix, and the matrix names no other', () => {
    expect([...keys].sort()).to.deep.equal(Object.keys(bands).sort());
  });

  for (const key of keys) {
    const band = bands[key];
    it(`${key} is for ${band ?? 'nobody'}${band === 'public' ? '' : ' and up'}`, async () => {
      if (band === 'public') {
        expect((await ask(key, undefined)).status).to.not.be.oneOf([403, 404]);
        return;
      }
      expect((await ask(key, undefined)).status, 'nobody').to.equal(401);
      for (const role of roles) {
        const { status, body } = await ask(key, role);
        const allowed = roles.indexOf(role) >= roles.indexOf(band ?? 'admin');
        if (allowed) expect(status, role).to.not.be.oneOf([401, 403]);
        else expect({ status, code: (JSON.parse(body) as { code: string }).code }, role).to.deep.equal({ status: 403, code: 'forbidden' });
      }
    });
  }

  it('answer 404 for what is in no table, also to an admin', async () => {
    for (const key of ['GET /api/users', 'POST /api/hosts', 'DELETE /api/jobs/:job', 'GET /api', 'PUT /api/hosts']) {
      expect((await ask(key, 'admin')).status, key).to.equal(404);
    }
  });

  it('refuse every change that another site asks for, whoever is logged in', async () => {
    for (const key of keys.filter((each) => !each.startsWith('GET'))) {
      const [method = '', path = ''] = key.replaceAll(/:\w+/g, 'none').split(' ');
      const response = await fetch(url + path, { method, headers: { cookie: `rm_session=${cookies.get('admin') ?? ''}`, 'sec-fetch-site': 'cross-site' } });
      expect({ status: response.status, code: ((await response.json()) as { code: string }).code }, key).to.deep.equal({ status: 403, code: 'cross_origin' });
    }
  });
});
