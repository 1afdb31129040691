/** What stops a start, each with exit code 1 and one clear line; and what a start leaves for others to read. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { WebSocket } from 'ws';
import { serverCommand, serverEnv, startServer, startServerRefused, type TestServer } from '../builders/server.js';

interface Kubeconfig { clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]; users: { user: { token: string } }[] }

describe('a start of the server', function () {
  this.timeout(90_000);
  let dir: string;
  beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'rm-start-')); });
  afterEach(async () => { await rm(dir, { recursive: true, force: true }); });

  async function expectRefused(message: RegExp, options: Parameters<typeof startServerRefused>[0]): Promise<void> {
    const { code, stdout, stderr } = await startServerRefused(options);
    expect(code, stderr).to.equal(1);
    expect(stdout).to.equal('');
    const lines = stderr.trim().split('\n').filter((line) => !line.startsWith('{'));
    expect(lines, stderr).to.have.length(1);
    expect(lines[0]).to.match(/^restic-manager: /).and.match(message);
  }

  it('is refused by a port in use, naming the variable; nothing else is left running', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = `127.0.0.1:${String((taken.address() as AddressInfo).port)}`;
    for (const name of ['RM_LISTEN', 'RM_TLS_LISTEN']) await expectRefused(new RegExp(`${name}=${address}: the port is in use`), { dataDir: join(dir, 'data'), env: { [name]: address } });
    taken.close();
  });

  it('is refused by a data directory that cannot be written', async () => {
    await writeFile(join(dir, 'file'), '');
    await expectRefused(/RM_DATA_DIR: .*file\/data is not writable/, { dataDir: join(dir, 'file/data') });
    await expectRefused(/RM_DATA_DIR: \/proc\/none is not writable/, { dataDir: '/proc/none' });
  });

  it('is refused by a name nobody knows and by a bad value', async () => {
    await expectRefused(/RM_LISTENN is not a setting; the nearest is RM_LISTEN$/, { dataDir: dir, env: { RM_LISTENN: ':1' } });
    await expectRefused(/RM_COOKIE_SECURE: "maybe" is not true or false/, { dataDir: dir, env: { RM_COOKIE_SECURE: 'maybe' } });
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('is refused by a second server on the directory, by a wrong or missing secret key; the first state is untouched', async () => {
    const dataDir = join(dir, 'data');
    const server = await startServer({ dataDir });
    await expectRefused(new RegExp(`${dataDir} is in use by process ${String(server.pid)}`), { dataDir });
    await server.kill();
    await writeFile(join(dir, 'other.key'), `${Buffer.alloc(32, 7).toString('base64')}\n`);
    await expectRefused(/the secret key is not the one/, { dataDir, env: { RM_SECRET_KEY_FILE: join(dir, 'other.key') } });
    const key = await readFile(join(dataDir, 'secret.key'));
    await rm(join(dataDir, 'secret.key'));
    await expectRefused(/RM_SECRET_KEY_FILE: .*secret\.key is missing/, { dataDir });
    await writeFile(join(dataDir, 'secret.key'), key);
    const again = await startServer({ dataDir });
    expect(again.bootstrapToken).to.equal(server.bootstrapToken);
    await again.stop();
  });

  it('prints where it listens, writes the same to instance.json, and a kubeconfig that works', async () => {
    const dataDir = join(dir, 'deeper', 'data');
    await mkdir(join(dir, 'deeper'));
    const server = await startServer({ dataDir });
    const line = `listening on ${server.url} ${server.tlsUrl}`;
    expect(server.log().split('\n').filter((each) => each === line)).to.have.length(1);
    expect(JSON.parse(await readFile(join(dataDir, 'instance.json'), 'utf8'))).to.include({ listening: line }).and.to.include.keys('instanceId', 'caFingerprint', 'lastStart', 'formatVersion');
    for (const name of ['instance.json', 'admin.kubeconfig', 'secret.key', 'tls/ca.key', 'tls/server.key']) expect((await stat(join(dataDir, name))).mode & 0o777, name).to.equal(0o600);
    expect(await whoAmI(server)).to.include('system:admin');
    await server.stop();

    const moved = await startServer({ dataDir });
    expect(moved.tlsUrl).to.not.equal(server.tlsUrl);
    expect(await whoAmI(moved)).to.include('system:admin');
    const [program, ...args] = serverCommand();
    const printed = spawnSync(program, [...args, 'kubeconfig'], { env: serverEnv(dataDir), encoding: 'utf8' });
    expect(printed.stdout).to.equal(await readFile(moved.kubeconfig, 'utf8'));
    await moved.stop();
  });

  it('ends within seconds on SIGTERM, also with a watch and a live channel open', async () => {
    const server = await startServer({ dataDir: join(dir, 'data') });
    const { token } = (load(await readFile(server.kubeconfig, 'utf8')) as Kubeconfig).users[0]?.user ?? { token: '' };
    const watch = await fetch(`${server.url}/api/v1/namespaces/default/secrets?watch=true`, { headers: { authorization: `Bearer ${token}` } });
    expect(watch.status).to.equal(200);
    const ended = watch.text().catch(() => 'cut');
    const live = new WebSocket(`${server.tlsUrl.replace('https', 'wss')}/api/live`, { headers: { authorization: `Bearer ${token}` }, rejectUnauthorized: false });
    await once(live, 'open');
    const began = Date.now();
    await server.stop();
    expect(Date.now() - began).to.be.below(10_000);
    await ended;
    expect(server.log()).to.include('"msg":"stopping"').and.not.include('"level":"error"');
  });

  /** The reply to kubectl's first question, over TLS checked with the kubeconfig's own CA. */
  async function whoAmI(server: TestServer): Promise<string> {
    const { clusters, users } = load(await readFile(server.kubeconfig, 'utf8')) as Kubeconfig;
    const cluster = clusters[0]?.cluster;
    expect(cluster?.server).to.equal(server.tlsUrl);
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${users[0]?.user.token ?? ''}` };
      get(`${server.tlsUrl}/api/account`, { ca: Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64'), headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
        response.on('end', () => { resolve(text); });
      }).on('error', reject);
    });
  }
});
