/** The reading half of the object store contract (objectStore.ts): lists, pages and watches. */
import { expect } from 'chai';
import fc from 'fast-check';
import { newObject, type Event, type Host, type ResticJob } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import { AlreadyExists, Gone, Invalid, NotFound, type WatchEvent, type WatchOptions } from '#crds/objectStore.js';
import { by, refusal, shape, take, type Bench } from './contractTools.js';

export function readsContract(bench: () => Bench): void {
  describe('list', () => {
    const names = (items: readonly { metadata: { name: string } }[]): string[] => items.map((item) => item.metadata.name);

    it('selects by label in the whole grammar', async () => {
      const set = `l${bench().serial()}`;
      const [a, b, c] = [bench().fresh('a'), bench().fresh('b'), bench().fresh('c')];
      await bench().makeHost(a, { set, env: 'prod', tier: '' });
      await bench().makeHost(b, { set, env: 'lab' });
      await bench().makeHost(c, { set });
      const find = async (selector: string): Promise<string[]> => names((await bench().store.list('Host', { namespace: bench().namespace, labelSelector: `set=${set},${selector}` })).items);
      expect(await find('env=prod')).to.deep.equal([a.name]);
      expect(await find('env==prod')).to.deep.equal([a.name]);
      expect(await find('env!=prod')).to.deep.equal([b.name, c.name]);
      expect(await find('env in (prod, lab)')).to.deep.equal([a.name, b.name]);
      expect(await find('env notin (prod)')).to.deep.equal([b.name, c.name]);
      expect(await find('env')).to.deep.equal([a.name, b.name]);
      expect(await find('!env')).to.deep.equal([c.name]);
      expect(await find('tier=')).to.deep.equal([a.name]);
      expect(await find('env,env notin (lab)')).to.deep.equal([a.name]);
      for (const bad of ['env in prod', 'env in (a', 'a b', '=x', 'env=a=b', '!']) expect(await refusal(find(bad)), bad).to.be.instanceOf(Invalid);
    });

    it('selects by the fields of the kind and refuses others by name', async () => {
      const [one, two] = [bench().fresh('j'), bench().fresh('j')];
      const job = (key: ObjectKey, hostName: string): ResticJob => newObject('ResticJob', { ...key }, { spec: { hostRef: { name: hostName }, type: 'Init' } });
      await bench().store.create('ResticJob', job(one, `x-${bench().run}`), by());
      await bench().store.create('ResticJob', job(two, `y-${bench().run}`), by());
      await bench().store.patchStatus('ResticJob', one, { phase: 'Queued' }, by());
      expect(names((await bench().store.list('ResticJob', { fieldSelector: `spec.hostRef.name=x-${bench().run}` })).items)).to.deep.equal([one.name]);
      expect(names((await bench().store.list('ResticJob', { fieldSelector: `status.phase=Queued,spec.hostRef.name!=y-${bench().run}` })).items)).to.deep.equal([one.name]);
      expect(names((await bench().store.list('ResticJob', { namespace: bench().namespace, fieldSelector: `metadata.name=${two.name}` })).items)).to.deep.equal([two.name]);
      const error = await refusal(bench().store.list('ResticJob', { fieldSelector: 'spec.type=Init' }));
      expect(error).to.be.instanceOf(Invalid);
      expect(error.message).to.contain('field label not supported: spec.type');
    });

    it('selects Events by what they are about, Secrets by type', async () => {
      const key = bench().fresh('e');
      const event: Event = newObject('Event', { ...key }, { involvedObject: { kind: 'Host', name: `about-${bench().run}`, namespace: bench().namespace, uid: `uid-${bench().run}` }, reason: 'Tested', type: 'Normal', message: 'x' });
      await bench().store.create('Event', event, by());
      for (const selector of [`involvedObject.uid=uid-${bench().run}`, `involvedObject.name=about-${bench().run},involvedObject.kind=Host,involvedObject.namespace=${bench().namespace}`, `reason=Tested,type=Normal,involvedObject.uid=uid-${bench().run}`]) {
        expect(names((await bench().store.list('Event', { fieldSelector: selector })).items), selector).to.deep.equal([key.name]);
      }
      const secret = bench().fresh('s');
      await bench().store.create('Secret', newObject('Secret', { ...secret }, { type: `example.com/${bench().run}`, data: {} }), by());
      expect(names((await bench().store.list('Secret', { fieldSelector: `type=example.com/${bench().run}` })).items)).to.deep.equal([secret.name]);
    });

    it('pages over one snapshot while others write', async () => {
      const set = `p${bench().serial()}`;
      const keys = Array.from({ length: 25 }, () => bench().fresh('page'));
      for (const key of keys) await bench().makeHost(key, { set });
      const selector = { namespace: bench().namespace, labelSelector: `set=${set}` };
      const first = await bench().store.list('Host', { ...selector, limit: 7 });
      const whole = await bench().store.list('Host', { ...selector, resourceVersion: first.resourceVersion, resourceVersionMatch: 'Exact' });
      const seen = [...first.items];
      let token = first.continue;
      let turn = 0;
      while (token !== undefined) {
        // Everything that could show: a change ahead, a removal ahead and behind, a new one, one that leaves the selection.
        const [changed, gone, left] = [keys[24 - turn], keys[20 - turn], keys[15 - turn]];
        if (changed !== undefined) await bench().store.patchStatus('Host', changed, { phase: 'Offline' }, by());
        if (gone !== undefined) await bench().store.delete('Host', gone, by());
        if (left !== undefined) await bench().store.patchMeta('Host', left, { labels: { set: null } }, by()).catch(() => undefined);
        await bench().makeHost(bench().fresh('page'), { set });
        turn += 1;
        const page = await bench().store.list('Host', { ...selector, limit: 7, continue: token });
        expect(page.resourceVersion).to.equal(first.resourceVersion);
        seen.push(...page.items);
        token = page.continue;
      }
      expect(turn).to.equal(3);
      expect(seen).to.deep.equal(whole.items);
      expect(names(seen)).to.deep.equal(names(keys.map((metadata) => ({ metadata }))).sort());
    });

    it('counts what remains when there is no selector', async () => {
      const before = (await bench().store.list('Lease', { namespace: bench().namespace })).items.length;
      for (let index = 0; index < 5; index += 1) await bench().store.create('Lease', newObject('Lease', { ...bench().fresh('lease') }, { spec: {} }), by());
      const page = await bench().store.list('Lease', { namespace: bench().namespace, limit: 2 });
      expect(page.remainingItemCount).to.equal(before + 3);
      expect((await bench().store.list('Lease', { namespace: bench().namespace, limit: before + 5 })).continue ?? '').to.equal('');
    });

    it('refuses a continue token it did not make, or for another query', async () => {
      for (let index = 0; index < 3; index += 1) await bench().makeHost(bench().fresh());
      const page = await bench().store.list('Host', { limit: 1 });
      const token = page.continue ?? '';
      for (const forged of ['x', `${token.slice(0, -2)}AA`, Buffer.from('{"version":1,"last":""}').toString('base64url')]) {
        expect(await refusal(bench().store.list('Host', { limit: 1, continue: forged })), forged).to.be.instanceOf(Invalid);
      }
    });

    it('is empty and not an error when nothing is there', async () => {
      const empty = await bench().store.list('EnrollmentRequest', { labelSelector: `none=${bench().run}` });
      expect(empty.items).to.deep.equal([]);
      expect(empty.resourceVersion).to.match(/^[0-9]+$/);
    });
  });

  describe('watch', () => {
    const watchHosts = (options: WatchOptions): AsyncIterable<WatchEvent<Stored<Host>>> => bench().store.watch('Host', options);
    const version = async (): Promise<string> => (await bench().store.list('Host', { limit: 1 })).resourceVersion;

    it('shows creation, change, status and removal in order, each after it is stored', async () => {
      const from = await version();
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const changed = await bench().store.update('Host', { ...made, spec: { ...made.spec, suspend: true } }, by());
      const status = await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      const last = await bench().store.delete('Host', key, by());
      const events = await take(watchHosts({ resourceVersion: from }), 4);
      expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED']);
      expect(events.slice(0, 3).map((event) => 'object' in event && event.object)).to.deep.equal([made, changed, status]);
      const removed = events[3];
      if (removed === undefined || !('object' in removed)) throw new Error('no object');
      expect(removed.object.status).to.deep.equal({ phase: 'Online' });
      expect(Number(removed.object.metadata.resourceVersion)).to.be.greaterThan(Number(status.metadata.resourceVersion));
      expect(last.metadata.uid).to.equal(removed.object.metadata.uid);
    });

    it('begins with what is there when given no version, then a bookmark', async () => {
      const set = `w${bench().serial()}`;
      const [a, b] = [bench().fresh(), bench().fresh()];
      await bench().makeHost(a, { set });
      await bench().makeHost(b, { set });
      const events = await take(watchHosts({ labelSelector: `set=${set}`, bookmarks: true }), 3);
      expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'ADDED', 'BOOKMARK']);
      const zero = await take(watchHosts({ labelSelector: `set=${set}`, resourceVersion: '0' }), 2);
      expect(zero.map(shape)).to.deep.equal(events.slice(0, 2).map(shape));
    });

    it('shows objects enter and leave a selection', async () => {
      const set = `s${bench().serial()}`;
      const key = bench().fresh();
      await bench().makeHost(key);
      const from = await version();
      const entered = await bench().store.patchMeta('Host', key, { labels: { set } }, by());
      await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      const left = await bench().store.patchMeta('Host', key, { labels: { set: null } }, by());
      await bench().store.patchStatus('Host', key, { phase: 'Offline' }, by());
      const again = await bench().store.patchMeta('Host', key, { labels: { set } }, by());
      await bench().store.delete('Host', key, by());
      const events = await take(watchHosts({ resourceVersion: from, labelSelector: `set=${set}` }), 5);
      expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED', 'ADDED', 'DELETED']);
      const versions = events.map((event) => ('object' in event ? event.object.metadata.resourceVersion : ''));
      expect([versions[0], versions[2], versions[3]]).to.deep.equal([entered, left, again].map((object) => object.metadata.resourceVersion));
      const leaving = events[2];
      expect(leaving !== undefined && 'object' in leaving && leaving.object.metadata.labels).to.deep.equal({ set });
    });

    it('shows one object by field selector', async () => {
      const [wanted, other] = [bench().fresh(), bench().fresh()];
      const from = await version();
      await bench().makeHost(other);
      await bench().makeHost(wanted);
      await bench().store.delete('Host', other, by());
      await bench().store.delete('Host', wanted, by());
      const events = await take(watchHosts({ resourceVersion: from, namespace: bench().namespace, fieldSelector: `metadata.name=${wanted.name}` }), 2);
      expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'DELETED']);
    });

    it('ends when the signal aborts', async () => {
      const abort = new AbortController();
      const ended = (async () => {
        let count = 0;
        for await (const event of watchHosts({ signal: abort.signal, resourceVersion: await version() })) count += event.type === 'ADDED' ? 1 : 0;
        return count;
      })();
      await bench().makeHost(bench().fresh());
      await new Promise((resolve) => { setImmediate(resolve); });
      abort.abort();
      expect(await ended).to.be.lessThan(2);
    });

    it('resumes anywhere without gap or repeat, and adds up to the list (property)', async function () {
      this.timeout(60_000);
      const step = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('create', 'spec', 'status', 'label', 'unlabel', 'delete', 'same'), fc.boolean());
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.array(fc.nat(), { minLength: 3, maxLength: 6 }), async (steps, cuts) => {
        const names = Array.from({ length: 4 }, () => bench().fresh('prop'));
        const set = `r${bench().serial()}`;
        const from = await version();
        let writes: Promise<unknown>[] = [];
        for (const [index, what, wait] of steps) {
          const key = names[index];
          if (key === undefined) continue;
          writes.push(apply(key, what, set).catch((error: unknown) => { if (!(error instanceof NotFound || error instanceof AlreadyExists)) throw error; }));
          if (wait) { await Promise.all(writes); writes = []; }
        }
        await Promise.all(writes);
        const marker = bench().fresh('marker');
        await bench().makeHost(marker);

        const all: WatchEvent<Stored<Host>>[] = [];
        for await (const event of watchHosts({ resourceVersion: from })) {
          all.push(event);
          if ('object' in event && event.object.metadata.name === marker.name) break;
        }
        const versions = all.map((event) => ('object' in event ? Number(event.object.metadata.resourceVersion) : 0));
        expect(versions).to.deep.equal([...new Set(versions)].sort((a, b) => a - b));
        for (const cut of cuts) {
          const at = cut % all.length;
          const resumed = await take(watchHosts({ resourceVersion: at === 0 ? from : String(versions[at - 1]) }), all.length - at);
          expect(resumed.map(shape)).to.deep.equal(all.slice(at).map(shape));
        }
        const folded = new Map<string, Stored<Host>>();
        for (const event of all) {
          if (!('object' in event)) continue;
          if (event.type === 'DELETED') folded.delete(event.object.metadata.name);
          else folded.set(event.object.metadata.name, event.object);
        }
        for (const key of names) expect(folded.get(key.name)).to.deep.equal(await bench().store.get('Host', key).catch(() => undefined));
      }), { numRuns: 25 });
    });

    async function apply(key: ObjectKey, what: string, set: string): Promise<void> {
      if (what === 'create') await bench().makeHost(key);
      else if (what === 'spec') await bench().store.patchMeta('Host', key, { annotations: { turn: String(bench().serial()) } }, by());
      else if (what === 'status') await bench().store.patchStatus('Host', key, { planGeneration: bench().serial() }, by());
      else if (what === 'label') await bench().store.patchMeta('Host', key, { labels: { set } }, by());
      else if (what === 'unlabel') await bench().store.patchMeta('Host', key, { labels: { set: null } }, by());
      else if (what === 'same') await bench().store.patchMeta('Host', key, {}, by());
      else await bench().store.delete('Host', key, by());
    }

    it('refuses a version that cannot be read', async () => {
      expect(await refusal(take(watchHosts({ resourceVersion: 'yesterday' }), 1))).to.be.instanceOf(Invalid);
    });

    it('says Gone to a version that is too old, to watch and to page (410)', async function () {
      this.timeout(60_000);
      for (let index = 0; index < 3; index += 1) await bench().makeHost(bench().fresh());
      const page = await bench().store.list('Host', { limit: 1 });
      await bench().forget();
      expect(await refusal(take(watchHosts({ resourceVersion: page.resourceVersion }), 1))).to.be.instanceOf(Gone);
      expect(await refusal(bench().store.list('Host', { limit: 1, continue: page.continue ?? '' }))).to.be.instanceOf(Gone);
    });

    it('says Gone to a watcher that falls behind, and disturbs no other', async function () {
      this.timeout(60_000);
      const from = await version();
      const slow = watchHosts({ resourceVersion: from })[Symbol.asyncIterator]();
      await bench().makeHost(bench().fresh());
      await slow.next();
      let seen = 0;
      const abort = new AbortController();
      const key = bench().fresh('quick');
      await bench().makeHost(key);
      const quick = (async () => { for await (const event of watchHosts({ resourceVersion: await version(), signal: abort.signal })) if ('object' in event) seen += 1; })();
      await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      await bench().forget();
      await bench().store.patchStatus('Host', key, { phase: 'Offline' }, by());
      expect(await refusal((async () => { for (;;) { const next = await slow.next(); if (next.done === true) return; } })())).to.be.instanceOf(Gone);
      abort.abort();
      await quick;
      expect(seen).to.be.greaterThan(1);
    });
  });
}
