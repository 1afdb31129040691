/** What the file store offers beyond the port, and how it treats its own process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { createAdmission } from '#apiserver/admission/index.js';
import { openEnvironment } from '#apiserver/stores/environment.js';
import { json, openFileStore, type FileStore } from '#apiserver/stores/file/index.js';
import { newObject, type Host } from '#crds/kinds.js';
import { Conflict, Gone, NotFound, Unavailable } from '#crds/objectStore.js';
import { by, refusal, shape, take } from './contractTools.js';

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
const host = (name: string, labels?: Record<string, string>): Host => newObject('Host', { name, ...(labels === undefined ? {} : { labels }) }, { spec: {} });

describe('the file store itself', function () {
  this.timeout(30_000);
  let dir: string;
  let store: FileStore;
  const open = (history?: { changes: number; bytes: number }): Promise<FileStore> => openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: Buffer.alloc(32, 7), ...(history === undefined ? {} : { history }) });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rm-own-'));
    store = await open();
  });
  afterEach(async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  });

  it('reads and writes on while it lets go of the pages it read', async () => {
    let busy = true;
    const names: string[] = [];
    const writer = (async () => { for (let n = 0; busy || n < 50; n++) { names.push(`h${n}`); await store.create('Host', host(`h${n}`), by()); await store.patchMeta('Host', key(`h${n}`), { labels: { n: String(n) } }, by()); } })();
    const reader = (async () => { while (busy) { const { items } = await store.list('Host', { limit: 20 }); for (const { metadata } of items) await store.get('Host', key(metadata.name)); await new Promise((resolve) => { setImmediate(resolve); }); } })();
    for (let time = 0; time < 20; time++) await store.forgetPages();
    busy = false;
    await Promise.all([writer, reader]);
    const all = (await store.list('Host')).items;
    expect(all.map(({ metadata }) => metadata.name).sort()).to.deep.equal(names.sort());
    expect(all.every(({ metadata }) => metadata.labels?.['n'] === metadata.name.slice(1))).to.equal(true);
  });

  it('lists as texts what it lists as objects, page by page and by label, also while writes are under way (property)', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), site: fc.constantFrom('x', 'y', undefined), remove: fc.boolean() }), { maxLength: 12 }), fc.integer({ min: 1, max: 3 }), async (steps, limit) => {
      const under = steps.map(({ name, site, remove }) => (remove
        ? store.delete('Host', key(name), by()).catch(() => undefined)
        : store.modify('Host', key(name), (old) => ({ object: { ...(old ?? host(name)), metadata: { ...(old ?? host(name)).metadata, labels: (site === undefined ? {} : { site }) as Record<string, string> } } }), by())));
      for (const options of [{}, { limit }, { labelSelector: 'site=x' }, { namespace: 'default', labelSelector: 'site==y' }, { namespace: 'default' }]) {
        const [texts, objects] = await Promise.all([store.listTexts('Host', options), store.list('Host', options)]);
        expect(texts?.items.map((text) => JSON.parse(text) as unknown)).to.deep.equal(objects.items);
        expect({ ...texts, items: [] }).to.deep.equal({ ...objects, items: [] });
        if (objects.continue === undefined) continue;
        await under[0];
        const next = { limit, continue: objects.continue };
        expect((await store.listTexts('Host', next))?.items.map((text) => JSON.parse(text) as unknown)).to.deep.equal((await store.list('Host', next)).items);
      }
      await Promise.all(under);
    }), { numRuns: 60 });
    for (const options of [{ labelSelector: 'site in (x)' }, { labelSelector: 'site=x,!y' }, { labelSelector: 'site=x', limit: 1 }, { fieldSelector: 'metadata.name=a' }]) expect(await store.listTexts('Host', options)).to.equal(undefined);
    expect(await refusal(store.listTexts('Host', { labelSelector: 'site=-x-' }))).to.be.an('error');
  });

  it('takes an apply in a later second that changes nothing for none, whoever else applied in between', async () => {
    await store.close();
    let time = Date.parse('2026-01-01T00:00:00Z');
    store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: Buffer.alloc(32, 7), now: () => time });
    const apply = (fieldManager: string, content: object): ReturnType<typeof store.apply<'Secret'>> => store.apply('Secret', key('one'), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one' }, ...content }, { ...by(), fieldManager });
    await apply('one', { data: { a: 'QQ==' } });
    await apply('two', { data: { b: 'Qg==' } });
    const { object: before } = await apply('three', { stringData: { d: 'D' } });
    time += 2_000;
    expect((await apply('three', { stringData: { d: 'D' } })).object).to.deep.equal(before);
    expect((await apply('three', { stringData: { d: 'E' } })).object.metadata.resourceVersion).not.to.equal(before.metadata.resourceVersion);
  });

  it('shows a default that is newer than the file in the text too', async () => {
    await store.create('Host', host('web1'), by());
    await store.close();
    const environment = openEnvironment(dir, 'objects');
    const path = 'o/Host/default/web1';
    await environment.commit([{ key: path, value: (environment.get(path) ?? '').replace('"presence":"AlwaysOn"', '"displayName":"One"') }]);
    await environment.close();
    store = await open();
    for (let time = 0; time < 2; time++) {
      expect(JSON.parse(await store.getText('Host', key('web1')))).to.have.nested.property('spec.presence', 'AlwaysOn');
      expect((await store.listTexts('Host', {}))?.items[0]).to.contain('"presence":"AlwaysOn"').and.contain('"displayName":"One"');
    }
    expect(await refusal(store.getText('Host', key('none')))).to.be.instanceOf(NotFound);
  });

  describe('modify', () => {
    it('loses no change of many writers, without a conflict', async () => {
      await store.create('Host', host('web1'), by());
      await Promise.all(Array.from({ length: 50 }, () => store.modify('Host', key('web1'), (old) => {
        if (old === undefined) throw new Error('gone');
        return { object: { ...old, metadata: { ...old.metadata, annotations: { count: String(Number(old.metadata.annotations?.['count'] ?? 0) + 1) } } } };
      }, by())));
      expect((await store.get('Host', key('web1'))).metadata.annotations).to.deep.equal({ count: '50' });
    });

    it('creates what is not there, once', async () => {
      const made = await Promise.all(Array.from({ length: 5 }, () => store.modify('Host', key('new'), (old) => ({ object: old ?? host('new') }), by())));
      expect(new Set(made.map((object) => object.metadata.uid)).size).to.equal(1);
    });

    it('stores managedFields that are given, as they are', async () => {
      const entry = { manager: 'git', operation: 'Apply' as const, apiVersion: 'restic-manager.io/v1alpha1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': {} } };
      const made = await store.modify('Host', key('applied'), () => ({ object: host('applied'), managedFields: [entry] }), by('git'));
      expect(made.metadata.managedFields).to.deep.equal([entry]);
    });

    it('passes on what the change throws and stores nothing', async () => {
      expect(await refusal(store.modify('Host', key('x'), () => { throw new Conflict('no'); }, by()))).to.be.instanceOf(Conflict);
    });
  });

  it('keeps working when another open of its directory is refused', async () => {
    expect((await refusal(open())).message).to.contain(`in use by process ${process.pid}`);
    const made = await store.create('Host', host('web1'), by());
    expect(await store.get('Host', key('web1'))).to.deep.equal(made);
  });

  it('ends watches and refuses writes when it closes', async () => {
    const watching = (async () => { let count = 0; for await (const event of store.watch('Host')) if ('object' in event) count += 1; return count; })();
    await store.create('Host', host('web1'), by());
    const last = store.create('Host', host('web2'), by());
    await store.close();
    expect((await last).metadata.name).to.equal('web2');
    expect(await watching).to.be.at.most(2);
    expect(await refusal(store.create('Host', host('web3'), by()))).to.be.instanceOf(Unavailable);
    store = await open();
    expect((await store.list('Host')).items.map((item) => item.metadata.name)).to.deep.equal(['web1', 'web2']);
  });

  it('says Gone to a version from the future of another life, and to one before this start', async () => {
    const early = store.resourceVersion();
    await store.create('Host', host('web1'), by());
    expect(await refusal(take(store.watch('Host', { resourceVersion: '999999' }), 1))).to.be.instanceOf(Gone);
    expect(await refusal(store.list('Host', { resourceVersion: '999999' }))).to.be.instanceOf(Gone);
    await store.close();
    store = await open();
    expect(await refusal(take(store.watch('Host', { resourceVersion: early }), 1))).to.be.instanceOf(Gone);
  });

  it('bounds its history by bytes too', async () => {
    await store.close();
    store = await open({ changes: 1000, bytes: 20_000 });
    await store.create('Host', host('web1'), by());
    const from = store.resourceVersion();
    for (let index = 0; index < 40; index += 1) await store.patchStatus('Host', key('web1'), { planGeneration: index }, by());
    expect(await refusal(take(store.watch('Host', { resourceVersion: from }), 1))).to.be.instanceOf(Gone);
  });

  it('shows one object the same to all watchers and gives its text once', async () => {
    const from = store.resourceVersion();
    const made = await store.create('Host', host('web1'), by());
    const [[one], [two]] = await Promise.all([take(store.watch('Host', { resourceVersion: from }), 1), take(store.watch('Host', { resourceVersion: from }), 1)]);
    expect(one !== undefined && 'object' in one && two !== undefined && 'object' in two && one.object === two.object && one.object === made).to.equal(true);
    expect(json(made)).to.equal(JSON.stringify(made));
  });

  it('pages over the snapshot of page one whatever is written between pages (property)', async () => {
    let run = 0;
    const change = fc.tuple(fc.integer({ min: 0, max: 11 }), fc.constantFrom('create', 'delete', 'change'));
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 11 })), fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), async (initial, between, limit) => {
      const set = `s${(run += 1)}`;
      const name = (index: number): string => `${set}-${String(index).padStart(2, '0')}`;
      const write = (index: number, what: string): Promise<unknown> => (what === 'create' ? store.create('Lease', newObject('Lease', { name: name(index) }, { spec: {} }), by())
        : what === 'delete' ? store.delete('Lease', key(name(index)), by())
          : store.patchMeta('Lease', key(name(index)), { annotations: { turn: String(Math.random()) } }, by())).catch(() => undefined);
      for (const { metadata } of (await store.list('Lease')).items) await store.delete('Lease', key(metadata.name), by());
      for (const index of initial) await write(index, 'create');
      const whole = (await store.list('Lease')).items;
      let page = await store.list('Lease', { limit });
      const seen = [...page.items];
      const version = page.resourceVersion;
      while (page.continue !== undefined) {
        expect(page.remainingItemCount).to.equal(whole.length - seen.length);
        for (const [index, what] of between.shift() ?? []) await write(index, what);
        page = await store.list('Lease', { limit, continue: page.continue });
        expect(page.resourceVersion).to.equal(version);
        seen.push(...page.items);
      }
      expect(seen).to.deep.equal(whole);
    }), { numRuns: 60 });
  });

  it('shows a selector watch what adds up to the selected list (property)', async () => {
    let run = 0;
    const step = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('create', 'delete', 'in', 'out', 'touch'));
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(), async (steps, cut) => {
      const set = `w${(run += 1)}`;
      const selector = `set=${set}`;
      const start = cut % (steps.length + 1);
      const act = async (index: number, what: string): Promise<unknown> => {
        const name = `${set}-${index}`;
        if (what === 'create') return store.create('Host', host(name, index % 2 === 0 ? { set } : {}), by());
        if (what === 'delete') return store.delete('Host', key(name), by());
        if (what === 'touch') return store.patchMeta('Host', key(name), { annotations: { t: String(Math.random()) } }, by());
        return store.patchMeta('Host', key(name), { labels: { set: what === 'in' ? set : null } }, by());
      };
      for (const [index, what] of steps.slice(0, start)) await act(index, what).catch(() => undefined);
      const before = await store.list('Host', { labelSelector: selector });
      for (const [index, what] of steps.slice(start)) await act(index, what).catch(() => undefined);
      const marker = await store.create('Host', host(`${set}-marker`, { set }), by());
      const shown = new Map(before.items.map((item) => [item.metadata.name, item]));
      for await (const event of store.watch('Host', { labelSelector: selector, resourceVersion: before.resourceVersion })) {
        if (!('object' in event)) continue;
        const { name } = event.object.metadata;
        expect(shown.has(name), `${shape(event)}`).to.equal(event.type !== 'ADDED');
        if (event.type === 'DELETED') shown.delete(name);
        else shown.set(name, event.object);
        if (name === marker.metadata.name) break;
      }
      expect([...shown.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))).to.deep.equal((await store.list('Host', { labelSelector: selector })).items);
    }), { numRuns: 60 });
  });
});
