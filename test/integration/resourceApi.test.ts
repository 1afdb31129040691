/** The resource API beside what kubectl needs: slow and many watchers, patches that meet other writers, discovery's two forms. */
import { request } from 'node:https';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { IncomingMessage } from 'node:http';
import { newObject } from '#crds/kinds.js';
import type { Writer } from '#crds/objectStore.js';
import type { ApiUnderTest } from './kubectl/server.js';
import { startApi } from './kubectl/server.js';
import { until } from './kubectl/until.js';

const GROUP = '/apis/restic-manager.io/v1alpha1';
const HOSTS = `${GROUP}/namespaces/default/hosts`;
const writer: Writer = { principal: { name: 'system:controller', role: 'system' }, door: 'controller', fieldManager: 'test' };
const MERGE = { 'content-type': 'application/merge-patch+json' };

describe('The resource API', function () {
  this.timeout(60_000);
  let api: ApiUnderTest;
  let token: string;
  before(async () => {
    api = await startApi();
    token = /"token":"([^"]+)"/.exec(await readFile(join(api.dir, 'admin.kubeconfig'), 'utf8'))?.[1] ?? '';
    await api.store.create('Host', newObject('Host', { name: 'web1' }, { spec: {} }), writer);
  });
  after(async () => { await api.close(); });

  /** Opens a watch and hands out the response unread. */
  const open = (path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> => new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: api.port, path, rejectUnauthorized: false, headers: { authorization: `Bearer ${token}`, ...headers }, agent: false }, resolve).on('error', reject).end();
  });

  it('lets a watcher go that stops reading, while others see everything', async () => {
    const slow = await open(`${HOSTS}?watch=1&resourceVersion=${api.store.resourceVersion()}`);
    slow.pause();
    const fast = await open(`${HOSTS}?watch=1&resourceVersion=${api.store.resourceVersion()}`);
    let text = '';
    fast.on('data', (chunk: Buffer) => { text = (text + chunk.toString()).slice(-300_000); });
    const filler = 'x'.repeat(200_000);
    const rounds = 300;
    for (let round = 1; round <= rounds; round++) {
      await api.store.patchMeta('Host', { namespace: 'default', name: 'web1' }, { annotations: { round: String(round), filler } }, writer);
    }
    await until(() => text.includes(`"round":"${rounds}"`), 'the fast watcher has the last change');
    let ending = '';
    slow.on('data', (chunk: Buffer) => { ending = (ending + chunk.toString()).slice(-2000); });
    slow.resume();
    await until(() => slow.complete || slow.destroyed, 'the slow watcher is ended');
    const last = JSON.parse(ending.trim().split('\n').at(-1) ?? '') as { type: string; object: { code: number; reason: string } };
    expect(last).to.deep.include({ type: 'ERROR' });
    expect(last.object).to.include({ code: 410, reason: 'Expired' });
    fast.destroy();
    await api.store.patchMeta('Host', { namespace: 'default', name: 'web1' }, { annotations: null }, writer);
  });

  it('applies patches of writers who meet, one after the other', async () => {
    const patches = Array.from({ length: 4 }, (_, index) => api.request('PATCH', `${HOSTS}/web1`, { body: JSON.stringify({ metadata: { labels: { [`l${index}`]: 'x' } } }), headers: MERGE }));
    for (const { status, text } of await Promise.all(patches)) expect(status, text).to.equal(200);
    expect((await api.store.get('Host', { namespace: 'default', name: 'web1' })).metadata.labels).to.have.all.keys('l0', 'l1', 'l2', 'l3');
  });

  it('answers discovery in both forms, and Tables, partial metadata and pages', async () => {
    const aggregated = await api.request('GET', '/apis', { headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json' } });
    expect(aggregated.headers.get('content-type')).to.equal('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(JSON.parse(aggregated.text)).to.include({ kind: 'APIGroupDiscoveryList' });
    expect(JSON.parse((await api.request('GET', '/apis')).text)).to.include({ kind: 'APIGroupList' });
    expect(JSON.parse((await api.request('GET', GROUP)).text)).to.deep.include({ groupVersion: 'restic-manager.io/v1alpha1' });
    expect(JSON.parse((await api.request('GET', '/api/v1')).text)).to.include({ kind: 'APIResourceList' });
    expect((await api.request('GET', '/apis/nothing.io')).status).to.equal(404);
    const table = await api.request('GET', HOSTS, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    expect(JSON.parse(table.text)).to.include({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    const partial = JSON.parse((await api.request('GET', HOSTS, { headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } })).text) as { kind: string; items: object[] };
    expect(partial.kind).to.equal('PartialObjectMetadataList');
    expect(partial.items[0]).to.have.all.keys('kind', 'apiVersion', 'metadata');
    expect(JSON.parse((await api.request('GET', '/openapi/v3')).text)).to.have.property('paths').that.has.all.keys('api/v1', 'apis/authentication.k8s.io/v1', 'apis/authorization.k8s.io/v1', 'apis/coordination.k8s.io/v1', 'apis/restic-manager.io/v1alpha1');
  });

  it('compresses what is long for clients that take it, and nothing else', async () => {
    const names = Array.from({ length: 200 }, (_, n) => `packed-${String(n)}`);
    await Promise.all(names.map((name) => api.store.create('Host', newObject('Host', { name, annotations: { note: 'x'.repeat(1000) } }, { spec: {} }), writer)));
    const read = async (path: string, headers: Record<string, string> = {}): Promise<{ encoding: string | undefined; body: Buffer; vary: string | undefined }> => {
      const response = await open(path, headers);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      return { encoding: response.headers['content-encoding'], vary: response.headers.vary, body: Buffer.concat(chunks) };
    };
    const plain = await read(HOSTS);
    const packed = await read(HOSTS, { 'accept-encoding': 'deflate, gzip;q=0.5' });
    expect([plain.encoding, packed.encoding, packed.vary]).to.deep.equal([undefined, 'gzip', 'Accept-Encoding']);
    expect(packed.body.length).to.be.lessThan(plain.body.length / 4);
    expect(gunzipSync(packed.body).equals(plain.body)).to.equal(true);
    for (const accept of ['identity', 'gzip;q=0', 'br', 'xgzip']) expect((await read(HOSTS, { 'accept-encoding': accept })).encoding, accept).to.equal(undefined);
    expect((await read(`${HOSTS}?limit=1`, { 'accept-encoding': 'gzip' })).encoding).to.equal(undefined);
    expect((await read(`${HOSTS}?watch=1&timeoutSeconds=1`, { 'accept-encoding': 'gzip' })).encoding).to.equal(undefined);
    await Promise.all(names.map((name) => api.store.delete('Host', { namespace: 'default', name }, writer)));
  });

  it('pages through one snapshot while others write', async () => {
    for (const name of ['p1', 'p2', 'p3']) await api.store.create('Host', newObject('Host', { name }, { spec: {} }), writer);
    type Page = { metadata: { continue?: string; resourceVersion: string; remainingItemCount?: number }; items: { metadata: { name: string } }[] };
    const page = async (query: string): Promise<Page> => JSON.parse((await api.request('GET', `${HOSTS}?limit=2${query}`)).text) as Page;
    const first = await page('');
    expect(first.metadata.remainingItemCount).to.equal(2);
    await api.store.delete('Host', { namespace: 'default', name: 'p3' }, writer);
    await api.store.create('Host', newObject('Host', { name: 'p4' }, { spec: {} }), writer);
    const second = await page(`&continue=${encodeURIComponent(first.metadata.continue ?? '')}`);
    expect([...first.items, ...second.items].map(({ metadata }) => metadata.name)).to.deep.equal(['p1', 'p2', 'p3', 'web1']);
    expect(second.metadata.resourceVersion).to.equal(first.metadata.resourceVersion);
  });

  it('deletes a collection by selector, after a dry run that deletes nothing', async () => {
    await api.store.patchMeta('Host', { namespace: 'default', name: 'p1' }, { labels: { old: 'yes' } }, writer);
    const version = api.store.resourceVersion();
    const dry = await api.request('DELETE', `${HOSTS}?labelSelector=old&dryRun=All`);
    expect([dry.status, api.store.resourceVersion()]).to.deep.equal([200, version]);
    expect(JSON.parse((await api.request('DELETE', `${HOSTS}?labelSelector=old`)).text)).to.have.property('items').that.has.lengthOf(1);
    expect((await api.request('GET', `${HOSTS}/p1`)).status).to.equal(404);
  });

  it('honours preconditions of a deletion', async () => {
    const refused = await api.request('DELETE', `${HOSTS}/p2`, { body: JSON.stringify({ preconditions: { uid: 'another' } }) });
    expect(refused.status).to.equal(409);
    expect(refused.text).to.include('the UID in the precondition (another) does not match the UID in record');
    expect(JSON.parse((await api.request('DELETE', `${HOSTS}/p2`, { body: '{"propagationPolicy":"Background"}' })).text)).to.deep.include({ kind: 'Status', status: 'Success' });
  });
});
