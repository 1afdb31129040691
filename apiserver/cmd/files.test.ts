import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import express from 'express';
import { load } from 'js-yaml';
import { loadCertificate } from './certificates.js';
import { openInstance } from './instance.js';
import { kubeconfigText } from './kubeconfig.js';
import { pages, securityHeaders } from './pages.js';
import { loadSecretKey } from './secretKey.js';

const DAY = 86_400_000;

describe('the files of a data directory', () => {
  let dir: string;
  const now = Date.parse('2026-06-01T00:00:00Z');
  beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'rm-files-')); });
  afterEach(async () => { await rm(dir, { recursive: true }); });
  const modeOf = async (name: string): Promise<number> => (await stat(join(dir, name))).mode & 0o777;

  describe('certificates', () => {
    it('are made on first start, for localhost, 127.0.0.1 and the given names, under a CA that stays', async () => {
      const made = await loadCertificate(dir, { now, names: ['backup.example.com'] });
      const leaf = new X509Certificate(made.cert);
      const ca = new X509Certificate(made.ca ?? '');
      expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).to.be.true;
      for (const name of ['localhost', 'backup.example.com']) expect(leaf.checkHost(name), name).to.equal(name);
      for (const address of ['127.0.0.1', '::1']) expect(leaf.checkIP(address), address).to.not.equal(undefined);
      expect(ca.ca && !leaf.ca).to.be.true;
      expect(made.cert.match(/BEGIN CERTIFICATE/g)).to.have.length(2);
      expect(await modeOf('tls/ca.key')).to.equal(0o600);
      expect(await loadCertificate(dir, { now, names: ['backup.example.com'] })).to.deep.equal(made);
    });

    it('of the server are made anew for a new name and before their time is over; the CA and its pin stay', async () => {
      const first = await loadCertificate(dir, { now });
      const named = await loadCertificate(dir, { now, names: ['new.example.com'] });
      const late = await loadCertificate(dir, { now: now + 380 * DAY, names: ['new.example.com'] });
      expect(new Set([first.cert, named.cert, late.cert])).to.have.property('size', 3);
      expect([named.ca, late.ca, named.caPin, late.caPin]).to.deep.equal([first.ca, first.ca, first.caPin, first.caPin]);
    });

    it('that are damaged are named: a CA is never replaced silently', async () => {
      await loadCertificate(dir, { now });
      await writeFile(join(dir, 'tls/ca.crt'), 'nonsense');
      expect(await loadCertificate(dir, { now }).catch((error: unknown) => String(error))).to.include('ca.crt');
    });

    it('of one\'s own must fit together', async () => {
      const one = await loadCertificate(join(dir), { now });
      const own = { certFile: join(dir, 'own.crt'), keyFile: join(dir, 'own.key') };
      await writeFile(own.certFile, one.cert);
      await writeFile(own.keyFile, one.key);
      expect(await loadCertificate(dir, { now, own })).to.deep.equal({ cert: one.cert, key: one.key });
      await writeFile(own.keyFile, await readFile(join(dir, 'tls/ca.key')));
      expect(await loadCertificate(dir, { now, own }).catch((error: unknown) => String(error))).to.include('RM_TLS_CERT').and.include('RM_TLS_KEY');
    });
  });

  it('kubeconfig points at the HTTPS address and carries the CA', async () => {
    const certificate = await loadCertificate(dir, { now });
    const config = load(kubeconfigText({ address: '127.0.0.1:8443', certificate, namespace: 'backup', token: 'a.b.c' })) as { clusters: { cluster: Record<string, string> }[]; contexts: { context: object }[]; users: { user: object }[] };
    expect(config.clusters[0]?.cluster).to.deep.equal({ server: 'https://127.0.0.1:8443', 'certificate-authority-data': Buffer.from(certificate.ca ?? '').toString('base64') });
    expect(config.contexts[0]?.context).to.include({ namespace: 'backup', user: 'system:admin' });
    expect(config.users[0]?.user).to.deep.equal({ token: 'a.b.c' });
  });

  it('instance.json is private, keeps its id, and is kept aside when it is not JSON', async () => {
    const path = join(dir, 'instance.json');
    const warnings: string[] = [];
    const first = await openInstance(path, (message) => warnings.push(message));
    expect(first.data.instanceId).to.match(/^[0-9a-z]{26}$/);
    await first.save({ listening: 'listening on x' });
    expect(await modeOf('instance.json')).to.equal(0o600);
    expect((await openInstance(path, () => undefined)).data).to.deep.equal({ ...first.data, listening: 'listening on x' });
    await writeFile(path, '{"instanceId":');
    await openInstance(path, (message) => warnings.push(message));
    const kept = (await readdir(dir)).filter((name) => name.startsWith('instance.json.corrupt-'));
    expect(kept).to.have.length(1);
    expect(warnings[0]).to.include(kept[0]);
  });

  it('instance.json of a newer version stops the start', async () => {
    const path = join(dir, 'instance.json');
    await writeFile(path, '{"instanceId":"x","formatVersion":99}');
    expect(await openInstance(path, () => undefined).catch((error: unknown) => String(error))).to.include('format 99');
  });

  it('secret.key is made once, privately, and never for a store that has lost its own', async () => {
    const [file, storeDir] = [join(dir, 'secret.key'), join(dir, 'objects')];
    const key = await loadSecretKey(file, storeDir);
    expect(key).to.have.length(32);
    expect(await modeOf('secret.key')).to.equal(0o600);
    expect(await loadSecretKey(file, storeDir)).to.deep.equal(key);
    await mkdir(storeDir);
    await rm(file);
    expect(await loadSecretKey(file, storeDir).catch((error: unknown) => String(error))).to.include('secret.key is missing');
    await writeFile(file, 'short');
    expect(await loadSecretKey(file, storeDir).catch((error: unknown) => String(error))).to.include('does not hold 32 bytes').and.not.include('short ');
  });
});

describe('the page', () => {
  let dir: string;
  let url: string;
  let stop: () => void;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-page-'));
    await mkdir(join(dir, 'assets'));
    await writeFile(join(dir, 'index.html'), '<!doctype html><title>page</title>');
    await writeFile(join(dir, 'assets/index-abc.js'), 'export {};');
    const app = express().set('env', 'test');
    app.use(securityHeaders(), pages(dir));
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    stop = () => { server.close(); server.closeAllConnections(); };
  });
  after(async () => {
    stop();
    await rm(dir, { recursive: true });
  });

  it('keeps hashed assets for ever and index.html never', async () => {
    expect((await fetch(`${url}/assets/index-abc.js`)).headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
    for (const path of ['/', '/index.html', '/hosts/web1']) expect((await fetch(url + path)).headers.get('cache-control'), path).to.equal('no-cache');
  });

  it('is what every unknown path of the page leads to, but not a missing file or another program\'s path', async () => {
    expect(await (await fetch(`${url}/hosts/web1/jobs`)).text()).to.include('<title>page');
    for (const path of ['/assets/none.js', '/favicon.ico', '/metrics', '/api/none', '/install/install.sh', '/..%2f..%2fetc/passwd.txt']) expect((await fetch(url + path)).status, path).to.be.oneOf([400, 403, 404]);
  });

  it('lets no inline script run and nobody frame it', async () => {
    const { headers } = await fetch(url);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).to.match(/script-src 'self'(;|$)/).and.match(/default-src 'self'/).and.match(/frame-ancestors 'none'/).and.match(/object-src 'none'/);
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('referrer-policy')).to.equal('no-referrer');
    expect(headers.get('x-powered-by')).to.equal(null);
  });
});
