/** kill -9 of the server under write load (Q1). RM_TEST_RUNS: how often. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startServer, type TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';
import { adminTokenOf } from '../builders/world.js';

const KILLS = Number(process.env['RM_TEST_RUNS'] ?? 10);
const WRITERS = 16;
const HOSTS = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
const PAD = 'x'.repeat(300);
interface Host { metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> }; spec: { displayName?: string } }

describe('a server that is killed under load (Q1)', function () {
  this.timeout(60_000 + KILLS * 30_000);
  let [dir, token] = ['', ''];
  let server: TestServer;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-kills-'));
    server = await startServer({ dataDir: dir, bundle: true });
    token = await adminTokenOf(server.kubeconfig);
  });
  after(async () => {
    await server.kill();
    await rm(dir, { recursive: true, force: true });
  });

  const ask = (method: string, path: string, body?: object, type = 'application/json'): Promise<Response> =>
    fetch(`${server.url}${path}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': type }, ...(body ? { body: JSON.stringify(body) } : {}) });
  const list = async (): Promise<{ items: Host[]; metadata: { resourceVersion: string } }> => (await ask('GET', HOSTS)).json() as never;

  /** Per object: what was acknowledged last, and what was asked since without an answer. */
  const acked = new Map<string, { text: string; version: number }>();
  const asked = new Map<string, string[]>();
  const textOf = ({ spec: { displayName = '' }, metadata: { annotations } }: Pick<Host, 'spec'> & { metadata: Pick<Host['metadata'], 'annotations'> }): string => `${displayName}|${annotations?.['pad'] ?? ''}`;
  let serial = 0;

  /** Creates and changes objects until the server is gone. */
  async function write(writer: number): Promise<void> {
    for (let own = 0; ; own += 1) {
      const again = own % 3 === 2;
      const name = again ? `h${String(serial)}-${String(writer)}-${String(own - 1)}` : `h${String(serial)}-${String(writer)}-${String(own)}`;
      const wanted = { spec: { displayName: `${name} ${again ? 'changed' : 'made'}` }, metadata: { name, annotations: { pad: PAD + String(own) } } };
      asked.set(name, [...asked.get(name) ?? [], textOf(wanted)]);
      let reply: { status: number; host: Host };
      try {
        const response = again ? await ask('PATCH', `${HOSTS}/${name}`, wanted, 'application/merge-patch+json') : await ask('POST', HOSTS, { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', ...wanted });
        reply = { status: response.status, host: await response.json() as Host };
      } catch { return; }
      expect(reply.status, JSON.stringify(reply.host)).to.be.oneOf([200, 201]);
      acked.set(name, { text: textOf(reply.host), version: Number(reply.host.metadata.resourceVersion) });
    }
  }

  /** Follows all hosts from a version on, as kubectl does; ends with the server. @returns what it holds by then, or undefined where it was told to list anew */
  async function follow(mirror: Map<string, number>, from: string): Promise<string | undefined> {
    let [version, text] = [from, ''];
    try {
      const reply = await ask('GET', `${HOSTS}?watch=true&resourceVersion=${from}`);
      if (reply.status === 410) return undefined;
      const decoder = new TextDecoder();
      for await (const chunk of reply.body ?? []) {
        const lines = (text + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as { type: string; object: Host & { code?: number } };
          if (type === 'ERROR') { expect(object.code).to.equal(410); return undefined; }
          version = object.metadata.resourceVersion;
          if (type !== 'BOOKMARK') mirror.set(object.metadata.name, Number(version));
        }
      }
    } catch { /* the server is gone */ }
    return version;
  }

  it(`${String(KILLS)} times: every acknowledged write is there, none is there by half, watches go on from where they were or are told to list anew`, async () => {
    const mirror = new Map<string, number>();
    let version: string | undefined = (await list()).metadata.resourceVersion;
    let resumed = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      serial += 1;
      const before = acked.size;
      const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer));
      const watching = follow(mirror, version);
      await until('writes', () => acked.size > before + WRITERS, 30_000);
      await new Promise((resolve) => { setTimeout(resolve, Math.random() * 900); });
      await server.kill();
      await Promise.all(writers);
      version = await watching;
      server = await startServer({ dataDir: dir, bundle: true });
      const { items, metadata } = await list();
      const stored = new Map(items.map((host) => [host.metadata.name, host]));
      for (const [name, { text, version: seen }] of acked) {
        const host = stored.get(name);
        expect(host, `acknowledged: ${name}`).to.not.equal(undefined);
        if (!host) continue;
        // what was asked later and not answered may have happened: wholly, or not at all
        if (textOf(host) !== text) expect(asked.get(name), `content of ${name}`).to.include(textOf(host));
        expect(Number(host.metadata.resourceVersion), `version of ${name}`).to.be.at.least(seen);
      }
      for (const host of items) expect(asked.get(host.metadata.name), `content of ${host.metadata.name}`).to.include(textOf(host));
      if (version === undefined) { mirror.clear(); for (const host of items) mirror.set(host.metadata.name, Number(host.metadata.resourceVersion)); version = metadata.resourceVersion; } else resumed += 1;
    }
    let anew = 0;
    const rest = (async (from: string) => {
      while (await follow(mirror, from) === undefined) {
        anew += 1;
        const { items, metadata } = await list();
        for (const host of items) mirror.set(host.metadata.name, Number(host.metadata.resourceVersion));
        from = metadata.resourceVersion;
      }
    })(version);
    const last = await (await ask('POST', HOSTS, { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'last' }, spec: {} })).json() as Host;
    await until('the watch to tell the last one', () => mirror.has('last'), 20_000);
    expect(mirror.get('last'), 'the watch lives').to.be.at.least(Number(last.metadata.resourceVersion));
    expect([...mirror.keys()].sort(), 'what the watch saw is what is there').to.deep.equal((await list()).items.map(({ metadata: { name } }) => name).sort());
    await server.kill();
    await rest;
    console.log(`      ${String(acked.size)} acknowledged objects over ${String(KILLS)} kills, the watch went on ${String(resumed)} times, at the end after ${String(anew)} lists anew`);
  });
});
