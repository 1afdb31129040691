import { expect } from 'chai';
import { WebSocket } from 'ws';
import { newObject } from '#crds/kinds.js';
import { textOf, type LogLine } from '#crds/wire/logLines.js';
import { asAdmin, asController, openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';
import { parseFieldSelector } from './selectors.js';

interface Message { type: string; id?: string; event?: string; object?: { metadata: { name: string; resourceVersion: string; managedFields?: unknown }; kind?: string }; items?: { metadata: { name: string } }[]; more?: boolean; resourceVersion?: string; lines?: LogLine[]; status?: string; code?: string; message?: string; seq?: number; progress?: object }
interface Page { ws: WebSocket; got: Message[]; closed: number | undefined; status: number | undefined; ask(request: object): void; next(type: string, id?: string): Promise<Message>; all(type: string, id?: string): Message[]; end(): void }

describe('live channel', function () {
  let bed: SessionBed;
  let admin: Record<string, string>;
  const viewer = { 'x-viewer': 'yes' };
  let viewerSignedIn = true;
  const pages: Page[] = [];
  before(async () => {
    bed = await openSessionBed({
      maxBuffered: 256 * 1024,
      access: (identity) => ({
        authorize: (principal, question) => identity.authorize(principal, question),
        authenticate: (request) => (request.headers['x-viewer'] === undefined ? identity.authenticate(request) : Promise.resolve(viewerSignedIn ? { name: 'vera', role: 'viewer' } : undefined)),
      }),
    });
    admin = { authorization: `Bearer ${await bed.identity.adminToken()}` };
  });
  after(async () => { await bed.close(); });
  afterEach(() => { for (const page of pages.splice(0)) page.end(); });

  async function open(path: string, headers: Record<string, string>): Promise<Page> {
    const ws = new WebSocket(`ws://127.0.0.1:${String(bed.port)}${path}`, { headers });
    const taken = new Set<Message>();
    const page: Page = {
      ws, got: [], closed: undefined, status: undefined,
      ask: (request) => { ws.send(JSON.stringify(request)); },
      next: (type, id) => until(`${type} ${id ?? ''}`, () => {
        const found = page.got.find((each) => (each.type === type || (type === 'line' && each.seq !== undefined)) && (id === undefined || each.id === id) && !taken.has(each));
        if (found) taken.add(found);
        return found;
      }, 3000),
      all: (type, id) => page.got.filter((each) => each.type === type && (id === undefined || each.id === id)),
      end: () => { ws.terminate(); },
    };
    pages.push(page);
    ws.on('message', (data) => { page.got.push(JSON.parse((data as Buffer).toString('utf8')) as Message); });
    ws.on('close', (code) => { page.closed = code; });
    ws.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      ws.once('open', resolve);
      ws.once('unexpected-response', (_request, response) => { page.status = response.statusCode; ws.terminate(); resolve(); });
    });
    return page;
  }
  const host = (name: string, displayName = name) => bed.store.create('Host', newObject('Host', { name }, { spec: { displayName } }), asAdmin);
  const line = (seq: number): LogLine => ({ seq, ts: '2026-01-01T00:00:00.000Z', stream: 'stdout', payload: `line ${String(seq)}` });
  async function job(name: string): Promise<{ namespace: string; name: string; uid: string }> {
    const made = await bed.store.create('ResticJob', newObject('ResticJob', { name }, { spec: { hostRef: { name: 'anyone' }, type: 'Backup', sourceGroupRef: { name: 'g' } } }), asAdmin);
    await until('cached', () => bed.informers.cache.get('ResticJob', { namespace: 'default', name }));
    return { namespace: 'default', name, uid: made.metadata.uid };
  }
  /** Neighbours. */
  async function append(key: { namespace: string; name: string }, ...seqs: number[]): Promise<void> {
    await bed.records.appendLog(key, { firstSeq: seqs[0] ?? 1, lines: seqs.map((seq) => textOf(line(seq))) });
    bed.bus.publish({ type: 'log', job: `${key.namespace}/${key.name}` });
  }
  const end = (key: { namespace: string; name: string }, phase: 'Succeeded' | 'Failed') => bed.store.patchStatus('ResticJob', key, { phase, observed: { runID: 'r', phase } }, asController);

  it('refuses who is not signed in, and pages of other origins', async () => {
    expect((await open('/api/live', {})).status).to.equal(401);
    expect((await open('/api/live', { ...admin, origin: 'http://evil.example' })).status).to.equal(403);
    expect((await open('/api/live', { ...admin, 'sec-fetch-site': 'cross-site' })).status).to.equal(403);
    expect((await open('/api/live', { ...admin, origin: `http://127.0.0.1:${String(bed.port)}` })).status).to.equal(undefined);
  });
  it('lists, then tells every change, to two tabs (H1)', async () => {
    await host('a1');
    const [one, two] = [await open('/api/live', admin), await open('/api/live', viewer)];
    await until('cached', () => bed.informers.cache.get('Host', { namespace: 'default', name: 'a1' }));
    for (const page of [one, two]) {
      page.ask({ type: 'watch', id: 'h', kind: 'Host' });
      const list = await page.next('list', 'h');
      expect(list.items?.map(({ metadata }) => metadata.name)).to.include('a1');
      expect(list).to.include({ more: false });
    }
    await host('a2');
    for (const page of [one, two]) {
      const event = await page.next('event', 'h');
      expect(event).to.include({ event: 'ADDED' });
      expect(event.object?.metadata.name).to.equal('a2');
      expect(event.object?.metadata).to.not.have.property('managedFields');
    }
    await bed.store.delete('Host', { namespace: 'default', name: 'a2' }, asAdmin);
    expect((await one.next('event', 'h')).event).to.equal('DELETED');
    one.ask({ type: 'stop', id: 'h' });
    await host('a3');
    await two.next('event', 'h');
    expect((await two.next('event', 'h')).object?.metadata.name).to.equal('a3');
    expect(one.all('event').map((each) => each.object?.metadata.name)).to.not.include('a3');
  });
  it('tells of an object only the owners that stand in the way of an edit (X11)', async () => {
    await bed.store.apply('Host', { namespace: 'default', name: 'owned' }, { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'owned' }, spec: { displayName: 'Owned' } }, { ...asAdmin, fieldManager: 'flux' });
    await bed.store.patchMeta('Host', { namespace: 'default', name: 'owned' }, { labels: { rack: '7' } }, asAdmin);
    await until('cached', () => bed.informers.cache.get('Host', { namespace: 'default', name: 'owned' })?.metadata.labels?.['rack'] === '7');
    const page = await open('/api/live', viewer);
    page.ask({ type: 'watch', id: 'h', kind: 'Host' });
    const owned = (await page.next('list', 'h')).items?.find(({ metadata }) => metadata.name === 'owned') as { metadata: { managedFields?: { manager: string; fieldsV1: object }[] } } | undefined;
    expect(owned?.metadata.managedFields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).to.deep.equal([['flux', { 'f:spec': { 'f:displayName': {} } }]]);
  });
  it('says to whoever asks that there is no manifest directory', async () => {
    const page = await open('/api/live', viewer);
    page.ask({ type: 'manifests', id: 'm' });
    expect((await page.next('manifests', 'm')).status).to.include({ state: 'off', objects: 0 });
    page.ask({ type: 'stop', id: 'm' });
    page.ask({ type: 'manifests', id: 'm' });
    await page.next('manifests', 'm');
  });
  it('resumes after a version without gap or repeat, and lists again when it is too old', async () => {
    const first = await open('/api/live', admin);
    first.ask({ type: 'watch', id: 'h', kind: 'Host' });
    const { resourceVersion } = await first.next('list');
    first.end();
    await host('b1');
    await host('b2');
    await until('cached', () => bed.informers.cache.get('Host', { namespace: 'default', name: 'b2' }));
    const second = await open('/api/live', admin);
    second.ask({ type: 'watch', id: 'h', kind: 'Host', resourceVersion });
    expect([(await second.next('event')).object?.metadata.name, (await second.next('event')).object?.metadata.name]).to.deep.equal(['b1', 'b2']);
    expect(second.all('list')).to.have.length(0);
    second.ask({ type: 'watch', id: 'old', kind: 'Host', resourceVersion: 'never-existed' });
    await second.next('gone', 'old');
    await second.next('list', 'old');
  });
  it('sends long lists in pages, as one consistent set', async () => {
    for (let n = 0; n < 450; n++) await bed.store.create('Lease', newObject('Lease', { name: `l-${String(n)}` }, { spec: {} }), asController);
    await until('cached', () => bed.informers.cache.list('Lease').length >= 450);
    const page = await open('/api/live', admin);
    page.ask({ type: 'watch', id: 'l', kind: 'Lease' });
    await until('last page', () => page.all('list').some(({ more }) => more === false));
    expect(page.all('list').flatMap(({ items }) => items ?? []).length).to.be.greaterThanOrEqual(450);
    expect(new Set(page.all('list').map(({ resourceVersion }) => resourceVersion)).size).to.equal(1);
    expect(page.all('list').map(({ more }) => more)).to.deep.equal([true, true, false]);
  });
  it('tells a watch with a selector when an object begins and ceases to match', async () => {
    const page = await open('/api/live', admin);
    page.ask({ type: 'watch', id: 's', kind: 'Host', fieldSelector: 'spec.displayName=blue' });
    expect((await page.next('list')).items).to.deep.equal([]);
    const made = await host('c1', 'red');
    const { resourceVersion } = (await bed.store.update('Host', { ...made, spec: { displayName: 'blue' } }, asAdmin)).metadata;
    expect(await page.next('event')).to.include({ event: 'ADDED' });
    await bed.store.update('Host', { ...made, metadata: { ...made.metadata, resourceVersion }, spec: { displayName: 'green' } }, asAdmin);
    expect(await page.next('event')).to.include({ event: 'DELETED' });
    expect(() => parseFieldSelector('metadata.name')).to.throw('is not path=value');
  });
  it('never streams Secrets, and what a role may not see', async () => {
    const page = await open('/api/live', admin);
    page.ask({ type: 'watch', id: 'x', kind: 'Secret' });
    expect(await page.next('error', 'x')).to.include({ code: 'unknown_kind' });
    page.ask({ type: 'watch', id: 'y', kind: 'constructor' });
    expect(await page.next('error', 'y')).to.include({ code: 'unknown_kind' });
    const seen = await open('/api/live', viewer);
    seen.ask({ type: 'watch', id: 'z', kind: 'Lease' });
    expect(await seen.next('error', 'z')).to.include({ code: 'forbidden' });
    seen.ws.send('nonsense');
    expect(await seen.next('error')).to.include({ code: 'malformed_frame' });
    expect(seen.closed).to.equal(undefined);
  });
  it('tails a log: what was, what comes, the end; a late tab sees everything once (J2)', async () => {
    const key = await job('tail1');
    const early = await open('/api/live', admin);
    early.ask({ type: 'tail', id: 't', job: 'tail1' });
    await append(key, 1, 2);
    await until('two lines', () => early.all('log').flatMap(({ lines }) => lines ?? []).length === 2);
    const late = await open('/api/live', admin);
    late.ask({ type: 'tail', id: 't', job: key.uid, from: 2 });
    await append(key, 2, 3);
    await append(key, 4);
    await end(key, 'Succeeded');
    expect(await early.next('end')).to.include({ status: 'succeeded' });
    expect(await late.next('end')).to.include({ status: 'succeeded' });
    expect(early.all('log').flatMap(({ lines }) => lines ?? []).map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 4]);
    expect(late.all('log').flatMap(({ lines }) => lines ?? []).map(({ seq }) => seq)).to.deep.equal([2, 3, 4]);
    early.ask({ type: 'tail', id: 'again', job: 'tail1' });
    expect((await early.next('end', 'again')).status).to.equal('succeeded');
    early.ask({ type: 'tail', id: 'none', job: 'no-such-job' });
    expect(await early.next('error', 'none')).to.include({ code: 'not_found' });
  });
  it('streams one job: lines, progress, end; from= resumes (J2, J3)', async () => {
    const key = await job('stream1');
    await append(key, 1, 2, 3);
    const page = await open('/api/jobs/stream1/stream?from=2', admin);
    expect(await page.next('line')).to.deep.equal(line(2));
    expect(await page.next('line')).to.deep.equal(line(3));
    bed.bus.publish({ type: 'progress', job: 'default/stream1', progress: { job: 'stream1', runID: 'r', percentDone: 0.5 } });
    expect(await page.next('progress')).to.include({ percentDone: 0.5 });
    await append(key, 4);
    await end(key, 'Failed');
    expect(await page.next('end')).to.include({ status: 'failed' });
    await until('closed', () => page.closed);
    expect(page.got.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq)).to.deep.equal([2, 3, 4]);
    expect((await open('/api/jobs/nope/stream', admin)).status).to.equal(404);
  });
  it('passes a log of megabytes whole to a tab with a small buffer', async () => {
    const key = await job('long1');
    const lines = Array.from({ length: 4000 }, (_, index) => textOf({ ...line(index + 1), payload: 'x'.repeat(1000) }));
    await bed.records.appendLog(key, { firstSeq: 1, lines });
    await end(key, 'Succeeded');
    const page = await open('/api/jobs/long1/stream', admin);
    await until('end', () => page.all('end').length === 1, 15_000);
    expect(page.got.filter(({ seq }) => seq !== undefined)).to.have.length(4000);
  });
  it('carries progress of all jobs on one subscription', async () => {
    const page = await open('/api/live', viewer);
    page.ask({ type: 'progress', id: 'p' });
    await until('subscribed', () => {
      bed.bus.publish({ type: 'progress', job: 'default/some', progress: { job: 'some', runID: 'r', percentDone: 0.1, currentFiles: ['/home/secret'] } });
      return page.all('progress').length > 0;
    });
    expect(page.all('progress')[0]).to.include({ job: 'some', id: 'p' });
  });
  it('disconnects a tab that does not keep up, which then resumes (4008)', async () => {
    await host('d1');
    const page = await open('/api/live', admin);
    page.ask({ type: 'watch', id: 'h', kind: 'Host' });
    const { resourceVersion } = await page.next('list');
    page.ws.pause();
    const code = new Promise<number>((resolve) => { page.ws.on('close', resolve); });
    await until('slow tab counted out', async () => {
      for (let n = 0; n < 20; n++) await bed.store.patchMeta('Host', { namespace: 'default', name: 'd1' }, { annotations: { big: `${String(Math.random())}${'x'.repeat(100_000)}` } }, asAdmin);
      return bed.live.stats().tabs < pages.length || page.ws.readyState !== WebSocket.OPEN || bed.live.stats().tabs === 0;
    }, 20_000);
    page.ws.resume();
    expect(await code).to.be.oneOf([4008, 1006]);
    const back = await open('/api/live', admin);
    back.ask({ type: 'watch', id: 'h', kind: 'Host', resourceVersion });
    await until('caught up', () => back.got.some((each) => each.type === 'event' || each.type === 'list'));
  }).timeout(40_000);
  it('closes the socket of a user who is signed out', async () => {
    const page = await open('/api/live', viewer);
    expect(page.status).to.equal(undefined);
    viewerSignedIn = false;
    await bed.store.create('Secret', newObject('Secret', { name: 'revocation', labels: { 'restic-manager.io/use': 'token' } }, { stringData: { a: 'b' } }), asAdmin);
    expect(await until('closed', () => page.closed)).to.equal(4401);
  });
});
