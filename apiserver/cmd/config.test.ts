import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig, parseAddress } from './config.js';

describe('the configuration of the server', () => {
  let dir: string;
  beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'rm-config-')); });
  afterEach(async () => { await rm(dir, { recursive: true }); });
  const overlay = async (text: string): Promise<string> => {
    const file = join(dir, 'server.yaml');
    await writeFile(file, text);
    return file;
  };

  it('has the documented defaults', () => {
    const config = loadConfig({ RM_CONFIG: '/dev/null' });
    expect(config).to.deep.include({ dataDir: '/data', secretKeyFile: '/data/secret.key', cookieSecure: true, namespace: 'default', logLevel: 'info', trustedProxy: [] });
    expect(config.listen).to.deep.include({ port: 8080 }).and.not.have.property('host');
    expect(config.tlsListen).to.deep.include({ host: '127.0.0.1', port: 8443 });
    expect(config.metrics).to.equal(undefined);
  });

  it('takes the environment before the file, and lists as lists', async () => {
    const RM_CONFIG = await overlay('# ours\nlisten: ":1000"\ndata_dir: /srv/rm\ntrusted_proxy: [10.0.0.0/8, "::1"]\ncookie_secure: false\n');
    const config = loadConfig({ RM_CONFIG, RM_LISTEN: '[::1]:2000' });
    expect(config.listen).to.deep.include({ host: '::1', port: 2000 });
    expect(config).to.deep.include({ dataDir: '/srv/rm', cookieSecure: false });
    expect(config.trustedProxy).to.have.length(2);
  });

  it('names every problem at once, with the nearest name for a typing error', async () => {
    const RM_CONFIG = await overlay('lisen: ":1"\noidc_issuer: x\nnamespace: {a: b}\n');
    expect(() => loadConfig({ RM_CONFIG, RM_COOKIE_SECUR: 'true', RM_LISTEN: '8080', RM_BASE_URL: 'backup.example.com', RM_LOG_LEVEL: 'loud', RM_TLS_CERT: '/x' })).to.throw()
      .with.property('message').that.matches(/RM_COOKIE_SECUR is not a setting; the nearest is RM_COOKIE_SECURE/)
      .and.matches(/server\.yaml: lisen is not a setting; the nearest is listen/).and.matches(/oidc_issuer is not supported by this version/).and.matches(/namespace must be a single value or a list/)
      .and.matches(/RM_LISTEN: "8080" is not an address/).and.matches(/RM_BASE_URL: "backup\.example\.com"/).and.matches(/RM_LOG_LEVEL: "loud" is none of debug, info, warn, error/).and.matches(/RM_TLS_CERT and RM_TLS_KEY belong together/);
  });

  it('ignores the agent\'s names and Kubernetes service links', () => {
    expect(() => loadConfig({ RM_CONFIG: '/dev/null', RM_SERVER: 'http://x', RM_TOKEN: 't', RM_RESTIC_MANAGER_SERVICE_HOST: '10.0.0.1', RM_RESTIC_MANAGER_PORT_80_TCP: 'tcp://10.0.0.1:80' })).to.not.throw();
  });

  it('shows what was set without secrets', () => {
    const { shown, metrics } = loadConfig({ RM_CONFIG: '/dev/null', RM_METRICS_TOKEN: 'canary', RM_LISTEN: ':0' });
    expect(metrics).to.deep.equal({ token: 'canary' });
    expect(shown).to.deep.include({ RM_METRICS_TOKEN: '(set)', RM_LISTEN: ':0' });
  });

  it('reads the metrics token from a file, and refuses two', async () => {
    const file = join(dir, 'token');
    await writeFile(file, 'from-file\n');
    expect(loadConfig({ RM_CONFIG: '/dev/null', RM_METRICS_TOKEN_FILE: file }).metrics).to.deep.equal({ token: 'from-file' });
    expect(() => loadConfig({ RM_CONFIG: '/dev/null', RM_METRICS_TOKEN_FILE: file, RM_METRICS_TOKEN: 'x' })).to.throw('set one of them');
    expect(() => loadConfig({ RM_CONFIG: '/dev/null', RM_METRICS_TOKEN_FILE: join(dir, 'none') })).to.throw('RM_METRICS_TOKEN_FILE');
  });

  it('refuses a named file that is missing or broken', async () => {
    expect(() => loadConfig({ RM_CONFIG: join(dir, 'none.yaml') })).to.throw('none.yaml');
    const broken = await overlay('listen: [');
    expect(() => loadConfig({ RM_CONFIG: broken })).to.throw('server.yaml');
    const list = await overlay('- a\n');
    expect(() => loadConfig({ RM_CONFIG: list })).to.throw('must be a mapping');
  });

  it('reads addresses', () => {
    expect(parseAddress(':0')).to.deep.equal({ port: 0, text: ':0' });
    expect(parseAddress('localhost:80')).to.deep.include({ host: 'localhost', port: 80 });
    for (const bad of ['', '80', ':', ':70000', '::1:80', 'http://x:80']) expect(() => parseAddress(bad), bad).to.throw('is not an address');
  });
});
