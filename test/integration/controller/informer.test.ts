import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createAdmission } from '#apiserver/admission/index.js';
import { openFileStore, type FileStore } from '#apiserver/stores/file/index.js';
import { systemClock } from '#controller/runtime/clock.js';
import { createInformers } from '#controller/runtime/informer.js';
import type { CacheEvent, Informers } from '#controller/runtime/types.js';
import { Gone, Unavailable, type ObjectStore, type Writer } from '#crds/objectStore.js';
import { aGroup, aHost } from '../../builders/objects.js';
import { until } from '../../builders/until.js';

const writer: Writer = { principal: { name: 'alice', role: 'admin' }, door: 'resources', fieldManager: 'kubectl' };
const quiet = { debug() { /* quiet */ }, info() { /* quiet */ }, warn() { /* quiet */ }, error() { /* quiet */ } };
const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

describe('the informers, on the real store', () => {
  let dir: string;
  let store: FileStore;
  let informers: Informers;
  let events: string[];
  /** What a watch of Hosts throws the next time it has an event or begins. */
  let breakWith: Error | undefined;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-informers-'));
    store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: Buffer.alloc(32, 1) });
    breakWith = undefined;
    events = [];
  });
  afterEach(async () => {
    await informers.stop();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    const wrapped = Object.create(store, {
      watch: { value: async function* (...[kind, options]: Parameters<ObjectStore['watch']>) {
        for await (const event of store.watch(kind, options)) {
          if (kind === 'Host' && breakWith) { const error = breakWith; breakWith = undefined; throw error; }
          yield event;
        }
      } },
    }) as ObjectStore;
    informers = createInformers({ store: wrapped, log: quiet, clock: systemClock });
    informers.onChange((event: CacheEvent) => { if (event.kind === 'Host') events.push(`${event.type} ${event.object.metadata.name}`); });
    await informers.start();
  }

  it('hold everything that was there, frozen, under every index, however many pages it takes', async () => {
    await Promise.all(Array.from({ length: 1100 }, (_, index) => store.create('Host', aHost(`h${String(index)}`, { repositoryRef: { name: index % 2 ? 'odd' : 'even' } }), writer)));
    await start();
    expect(informers.synced()).to.equal(true);
    expect(informers.cache.list('Host')).to.have.length(1100);
    expect(informers.cache.byIndex('Host', 'repository', 'odd')).to.have.length(550);
    const host = informers.cache.get('Host', key('h7'));
    expect(Object.isFrozen(host) && Object.isFrozen(host?.spec)).to.equal(true);
    expect(informers.cache.getByUid('Host', host?.metadata.uid ?? '')).to.equal(host);
    expect(events).to.have.length(1100);
  });

  it('follow creations, changes and deletions, and move objects between index values', async () => {
    await start();
    await store.create('SourceGroup', aGroup('docs', { hostRef: { name: 'a' } }), writer);
    await until('the group of a', () => informers.cache.byIndex('SourceGroup', 'host', 'a').length === 1);
    await store.update('SourceGroup', aGroup('docs', { hostRef: { name: 'b' } }), writer);
    await until('the group of b', () => informers.cache.byIndex('SourceGroup', 'host', 'b').length === 1);
    expect(informers.cache.byIndex('SourceGroup', 'host', 'a')).to.have.length(0);
    await store.delete('SourceGroup', key('docs'), writer);
    await until('no group', () => informers.cache.byIndex('SourceGroup', 'host', 'b').length === 0);
  });

  it('resume after a broken watch without gap or repeat', async () => {
    await start();
    await store.create('Host', aHost('a'), writer);
    await until('a', () => events.length === 1);
    breakWith = new Unavailable('the connection broke');
    await store.create('Host', aHost('b'), writer);
    await store.create('Host', aHost('c'), writer);
    await until('b and c', () => events.length === 3);
    expect(events).to.deep.equal(['ADDED a', 'ADDED b', 'ADDED c']);
  });

  it('list again when the watch is too old, and tell what changed meanwhile', async () => {
    await start();
    for (const name of ['a', 'b']) await store.create('Host', aHost(name), writer);
    await until('a and b', () => events.length === 2);
    const before = informers.resourceVersion('Host');
    breakWith = new Gone('too old resource version');
    await Promise.all([store.delete('Host', key('a'), writer), store.update('Host', aHost('b', { suspend: true }), writer), store.create('Host', aHost('c'), writer)]);
    await until('all three', () => events.length === 5);
    expect(events.slice(2).sort()).to.deep.equal(['ADDED c', 'DELETED a', 'MODIFIED b']);
    expect(informers.eventsSince('Host', before), 'streams must list again too').to.equal(undefined);
  });

  it('tell what came after a version, for streams that resume', async () => {
    await start();
    await store.create('Host', aHost('a'), writer);
    await until('a', () => events.length === 1);
    const version = informers.resourceVersion('Host');
    expect(informers.eventsSince('Host', version)).to.deep.equal([]);
    await store.create('Host', aHost('b'), writer);
    await store.delete('Host', key('a'), writer);
    await until('b, and a gone', () => events.length === 3);
    expect(informers.eventsSince('Host', version)?.map(({ type, object }) => `${type} ${object.metadata.name}`)).to.deep.equal(['ADDED b', 'DELETED a']);
    expect(informers.eventsSince('Host', 'never-seen')).to.equal(undefined);
  });

  it('go on when a listener fails', async () => {
    await start();
    informers.onChange(() => { throw new Error('not my day'); });
    await store.create('Host', aHost('a'), writer);
    await until('a', () => informers.cache.get('Host', key('a')));
  });
});
