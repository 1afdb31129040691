import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator, type X509Certificate as Made } from '@peculiar/x509';
import { expect } from 'chai';
import { Scratch, until } from '../../test/builders/agentParts.js';
import { WireServer } from '../../test/builders/wireServer.js';
import { startAgent, type Agent } from '../agent.js';
import { createLog } from '../log.js';
import { openRules } from '../policy/policy.js';
import { parsePin, spkiPin } from './pins.js';
import { AddressRefused, postJson, serverAddress } from './server.js';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
interface Party { certificate: Made; keys: CryptoKeyPair }

async function party(name: string, issuer: Party | undefined, authority: boolean, host = '127.0.0.1'): Promise<Party> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as CryptoKeyPair;
  const extensions = [new BasicConstraintsExtension(authority, undefined, true), ...(authority ? [] : [new SubjectAlternativeNameExtension([{ type: host === '127.0.0.1' ? 'ip' : 'dns', value: host }])])];
  const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000), signingAlgorithm: algorithm, extensions };
  const certificate = issuer
    ? await X509CertificateGenerator.create({ subject: `CN=${name}`, issuer: issuer.certificate.subject, publicKey: keys.publicKey, signingKey: issuer.keys.privateKey, ...dates })
    : await X509CertificateGenerator.createSelfSigned({ name: `CN=${name}`, keys, ...dates });
  return { certificate, keys };
}

const pinOf = ({ certificate }: Party): string => spkiPin(new X509Certificate(Buffer.from(certificate.rawData)));
const pem = (...chain: Party[]): string => chain.map(({ certificate }) => certificate.toString('pem')).join('\n');
const keyOf = async ({ keys }: Party): Promise<string> => `-----BEGIN PRIVATE KEY-----\n${Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')}\n-----END PRIVATE KEY-----\n`;

describe('TLS pin', () => {
  let ca: Party;
  let leaf: Party;
  let server: WireServer | undefined;
  const scratch = new Scratch();

  before(async () => {
    ca = await party('our CA', undefined, true);
    leaf = await party('server', ca, false);
  });
  afterEach(async () => {
    await server?.close();
    await scratch.clean();
  });

  async function call(key: Party, chain: Party[], pins: string[]): Promise<string> {
    server = await WireServer.start({ key: await keyOf(key), cert: pem(...chain) });
    return postJson(serverAddress(server.url, pins, false), '/api/agents/announce', { public_key: 'x' }).then(() => 'reached', (error: unknown) => String(error));
  }

  it('takes the leaf', async () => { expect(await call(leaf, [leaf, ca], [pinOf(leaf)])).to.equal('reached'); });
  it('takes the authority that signed the leaf', async () => { expect(await call(leaf, [leaf, ca], [pinOf(ca)])).to.equal('reached'); });
  it('takes the own authority under another name than the certificate says: the server may move', async () => {
    const elsewhere = await party('server', ca, false, 'backup.example.org');
    expect(await call(elsewhere, [elsewhere, ca], [pinOf(ca)])).to.equal('reached');
  });
  it('refuses another server, and sends it nothing', async () => {
    const other = await party('other', undefined, false);
    expect(await call(other, [other], [pinOf(ca)])).to.contain('not the pinned one');
    expect(server?.posts).to.be.empty;
  });
  it('refuses a leaf that merely shows the pinned authority beside it', async () => {
    const forged = await party('server', { certificate: ca.certificate, keys: (await party('x', undefined, true)).keys }, false);
    expect(await call(forged, [forged, ca], [pinOf(ca)])).to.match(/not the pinned one/);
    expect(server?.posts).to.be.empty;
  });
  it('refuses a certificate signed by a pinned one that is no authority', async () => {
    const forged = await party('server', leaf, false);
    expect(await call(forged, [forged, leaf, ca], [pinOf(leaf)])).to.contain('not the pinned one');
  });
  it('holds a pinned intermediate, which may sign for others, to the name that was dialled', async () => {
    const intermediate = await party('public intermediate', ca, true);
    const theirs = await party('theirs', intermediate, false, 'theirs.example.org');
    expect(await call(theirs, [theirs, intermediate, ca], [pinOf(intermediate)])).to.contain('not the pinned one');
    await server?.close();
    const ours = await party('ours', intermediate, false);
    expect(await call(ours, [ours, intermediate, ca], [pinOf(intermediate)])).to.equal('reached');
  });
  it('without a pin, a certificate of no known authority is refused by the system', async () => {
    expect(await call(leaf, [leaf, ca], [])).to.match(/self-signed|unable to verify/);
  });

  it('is all an agent needs to enrol and connect; the next one arrives in welcome; another server gets not a word', async () => {
    server = await WireServer.start({ key: await keyOf(leaf), cert: pem(leaf, ca) });
    const next = 'ab'.repeat(32);
    server.greeting = (session) => { session.send('welcome', { protocolVersion: 1, serverVersion: 'test', hostID: 'host-uid', hostName: 'web1', storeEpoch: 'e', serverTime: new Date().toISOString(), serverPublicKey: server?.publicKey ?? '', heartbeatSeconds: 30, nextPins: [next] }); };
    const stateDir = join(await scratch.dir('pins'), 'state');
    const said: string[] = [];
    const start = async (): Promise<Agent> => startAgent({ config: { stateDir, server: server?.url, token: 'token-1', agentToken: undefined, hostname: 'web1', restic: '/nowhere/restic', pins: [pinOf(ca)], configFile: join(stateDir, 'agent.yaml'), logLevel: 'debug', ...openRules }, log: createLog('debug', (line) => said.push(line)) });
    let agent = await start();
    try {
      await server.session(1);
      await until('the next pin', async () => (await readFile(join(stateDir, 'credentials.json'), 'utf8')).includes(next));
      expect((JSON.parse(await readFile(join(stateDir, 'credentials.json'), 'utf8')) as { pins: string[] }).pins).to.deep.equal([pinOf(ca), next]);
      const { port } = server;
      await agent.stop(0);
      await server.close();
      const other = await party('other', undefined, false);
      server = await WireServer.start({ key: await keyOf(other), cert: pem(other) }, port);
      said.length = 0;
      agent = await start();
      await until('the refusal', () => said.join('').includes('not the pinned one'));
      expect(server.sessions).to.deep.equal([]);
      expect(server.posts).to.deep.equal([]);
    } finally {
      await agent.stop(0);
    }
  });

  it('reads a pin as hex, hex with colons, and base64', () => {
    const hex = 'ab'.repeat(32);
    expect([hex, hex.toUpperCase(), hex.match(/../g)?.join(':') ?? '', Buffer.from(hex, 'hex').toString('base64'), `sha256/${Buffer.from(hex, 'hex').toString('base64')}`].map(parsePin)).to.deep.equal(Array(5).fill(hex));
    expect(['', 'abc', `${hex}0`, 'z'.repeat(64)].map(parsePin)).to.deep.equal([undefined, undefined, undefined, undefined]);
  });
});

describe('server address', () => {
  for (const good of ['https://backup.example.org', 'http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080', 'wss://backup.example.org']) it(`accepts ${good}`, () => { serverAddress(good, [], false); });
  for (const [bad, why] of [['http://backup.example.org', 'not encrypted'], ['http://127.0.0.1.evil.example', 'not encrypted'], ['ws://10.0.0.1', 'not encrypted'], ['ftp://x', 'must begin with https'], ['nonsense', 'is not a URL'], ['https://user:pw@x', 'password in the URL']] as const) {
    it(`refuses ${bad}`, () => { expect(() => serverAddress(bad, [], false)).to.throw(AddressRefused, why); });
  }
  it('accepts plain http to another machine only when the owner of the host says so', () => { serverAddress('http://10.0.0.1:8080', [], true); });
});
