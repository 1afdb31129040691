/**
 * What every ObjectStore must do, run on each adapter: the file store (fileStore.test.ts), later the Kubernetes API. Only
 * what both can show is here; what is about a file or a disk is in fileStore.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { newObject, type Event, type Host, type ResticJob, type Secret } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import { AlreadyExists, Conflict, Gone, Invalid, NotFound, type ObjectStore, type WatchEvent, type WatchOptions, type WriteOptions } from '#crds/objectStore.js';

export interface ContractSubject {
  store: ObjectStore;
  namespace: string;
  /** Makes every version up to now too old to resume from. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

export const by = (fieldManager = 'contract'): WriteOptions => ({ principal: { name: 'system:contract', role: 'system' }, door: 'system', fieldManager });

export async function refusal(attempt: Promise<unknown>): Promise<Error> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it was not refused');
}

/** The first `count` events, or an error when they do not come in time. */
export async function take<T>(events: AsyncIterable<WatchEvent<T>>, count: number): Promise<WatchEvent<T>[]> {
  const taken: WatchEvent<T>[] = [];
  if (count === 0) return taken;
  const iterator = events[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error(`only ${taken.length} of ${count} events came: ${JSON.stringify(taken.map(shape))}`)); }, 8000); });
  try {
    while (taken.length < count) {
      const next = await Promise.race([iterator.next(), late]);
      if (next.done === true) break;
      taken.push(next.value);
    }
  } finally {
    clearTimeout(timer);
    late.catch(() => undefined);
    await iterator.return?.();
  }
  return taken;
}

/** `ADDED web1@12` */
export function shape<T>(event: WatchEvent<T>): string {
  if (event.type === 'BOOKMARK') return `BOOKMARK @${event.resourceVersion}`;
  const { metadata } = event.object as { metadata: { name: string; resourceVersion: string } };
  return `${event.type} ${metadata.name}@${metadata.resourceVersion}`;
}

export function objectStoreContract(name: string, open: () => Promise<ContractSubject>): void {
  describe(`ObjectStore contract: ${name}`, () => {
    let subject: ContractSubject;
    let store: ObjectStore;
    let serial = 0;
    const run = randomBytes(3).toString('hex');

    before(async function () {
      this.timeout(60_000);
      subject = await open();
      store = subject.store;
    });
    after(() => subject.close());

    const fresh = (prefix = 'h'): ObjectKey => ({ namespace: subject.namespace, name: `${prefix}-${run}-${(serial += 1)}` });
    const host = (key: ObjectKey, labels?: Record<string, string>, spec: Host['spec'] = {}): Host => newObject('Host', { ...key, ...(labels === undefined ? {} : { labels }) }, { spec });
    const makeHost = (key: ObjectKey, labels?: Record<string, string>, spec?: Host['spec']): Promise<Stored<Host>> => store.create('Host', host(key, labels, spec), by());

    describe('create', () => {
      it('sets uid, creationTimestamp, resourceVersion and generation 1, and applies defaults', async () => {
        const key = fresh();
        const made = await makeHost(key, { env: 'prod' });
        expect(made.metadata.uid).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(made.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(made.metadata.resourceVersion).to.match(/^[1-9][0-9]*$/);
        expect(made.metadata.generation).to.equal(1);
        expect(made.metadata.labels).to.deep.equal({ env: 'prod' });
        expect(made.spec.presence).to.equal('AlwaysOn');
        expect(await store.get('Host', key)).to.deep.equal(made);
      });

      it('drops status', async () => {
        const key = fresh();
        const made = await store.create('Host', { ...host(key), status: { phase: 'Online' } }, by());
        expect(made).not.to.have.property('status');
      });

      it('refuses a name that is taken, in the API server\'s words', async () => {
        const key = fresh();
        await makeHost(key);
        const error = await refusal(makeHost(key));
        expect(error).to.be.instanceOf(AlreadyExists);
        expect(error.message).to.equal(`hosts.restic-manager.io "${key.name}" already exists`);
      });

      it('makes a name from generateName', async () => {
        const made = await store.create('Host', newObject('Host', { name: '', generateName: `g-${run}-`, namespace: subject.namespace }, { spec: {} }), by());
        expect(made.metadata.name).to.match(new RegExp(`^g-${run}-[a-z0-9]{5}$`));
        expect(made.metadata.generateName).to.equal(`g-${run}-`);
      });

      it('refuses an invalid object and stores nothing', async () => {
        const key = fresh();
        const error = await refusal(makeHost(key, undefined, { presence: 'Sometimes' as 'AlwaysOn' }));
        expect(error).to.be.instanceOf(Invalid);
        expect(error.message).to.contain('spec.presence');
        expect(await refusal(store.get('Host', key))).to.be.instanceOf(NotFound);
      });

      it('refuses names that could not be keys', async () => {
        for (const bad of ['../up', 'a/b', 'UPPER', '.', 'a\u0000b', 'x'.repeat(300)]) {
          expect(await refusal(makeHost({ namespace: subject.namespace, name: bad })), JSON.stringify(bad)).to.be.instanceOf(Invalid);
        }
      });

      it('checks everything with dryRun and stores nothing', async () => {
        const key = fresh();
        const would = await store.create('Host', host(key), { ...by(), dryRun: true });
        expect(would.spec.presence).to.equal('AlwaysOn');
        expect(await refusal(store.get('Host', key))).to.be.instanceOf(NotFound);
        expect(await refusal(store.create('Host', host(key, undefined, { presence: 'x' as 'AlwaysOn' }), { ...by(), dryRun: true }))).to.be.instanceOf(Invalid);
      });
    });

    describe('get', () => {
      it('says NotFound in the API server\'s words', async () => {
        const error = await refusal(store.get('Host', { namespace: subject.namespace, name: 'nobody' }));
        expect(error).to.be.instanceOf(NotFound);
        expect(error.message).to.equal('hosts.restic-manager.io "nobody" not found');
        expect((await refusal(store.get('Secret', { namespace: subject.namespace, name: 'nobody' }))).message).to.equal('secrets "nobody" not found');
      });

      it('hands out frozen objects', async () => {
        const key = fresh();
        await makeHost(key);
        const got = await store.get('Host', key);
        expect(Object.isFrozen(got) && Object.isFrozen(got.spec) && Object.isFrozen(got.metadata)).to.equal(true);
      });
    });

    describe('update', () => {
      it('raises generation when the spec changes, and only then', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const labelled = await store.update('Host', { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } }, by());
        expect(labelled.metadata.generation).to.equal(1);
        const changed = await store.update('Host', { ...labelled, spec: { ...labelled.spec, suspend: true } }, by());
        expect(changed.metadata.generation).to.equal(2);
        expect(Number(changed.metadata.resourceVersion)).to.be.greaterThan(Number(labelled.metadata.resourceVersion));
        expect(changed.metadata.uid).to.equal(made.metadata.uid);
        expect(changed.metadata.creationTimestamp).to.equal(made.metadata.creationTimestamp);
      });

      it('uses no version when nothing changes', async () => {
        const key = fresh();
        const made = await makeHost(key, { a: 'b' });
        const same = await store.update('Host', structuredClone(made) as Host, by('another'));
        expect(same.metadata.resourceVersion).to.equal(made.metadata.resourceVersion);
      });

      it('refuses a stale resourceVersion in the API server\'s words and changes nothing', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const second = await store.update('Host', { ...made, spec: { ...made.spec, suspend: true } }, by());
        const error = await refusal(store.update('Host', { ...made, spec: { ...made.spec, displayName: 'late' } }, by()));
        expect(error).to.be.instanceOf(Conflict);
        expect(error.message).to.equal(`Operation cannot be fulfilled on hosts.restic-manager.io "${key.name}": the object has been modified; please apply your changes to the latest version and try again`);
        expect(await store.get('Host', key)).to.deep.equal(second);
      });

      it('refuses another uid', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const { resourceVersion: _version, ...metadata } = made.metadata;
        expect(await refusal(store.update('Host', { ...made, metadata: { ...metadata, uid: '11111111-1111-4111-8111-111111111111' } }, by()))).to.be.instanceOf(Conflict);
      });

      it('lets one of many writers of the same version win', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => store.update('Host', { ...made, spec: { ...made.spec, displayName: `w${index}` } }, by())));
        const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
        expect(winners).to.have.length(1);
        expect(await store.get('Host', key)).to.deep.equal((winners[0] as PromiseFulfilledResult<unknown>).value);
      });

      it('keeps status whatever the object says', async () => {
        const key = fresh();
        await makeHost(key);
        const online = await store.patchStatus('Host', key, { phase: 'Online' }, by());
        const updated = await store.update('Host', { ...online, spec: { ...online.spec, suspend: true }, status: { phase: 'Offline' } }, by());
        expect(updated.status).to.deep.equal({ phase: 'Online' });
      });

      it('says NotFound for what is not there', async () => {
        expect(await refusal(store.update('Host', host(fresh()), by()))).to.be.instanceOf(NotFound);
      });

      it('returns what would be with dryRun and changes nothing', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const would = await store.update('Host', { ...made, spec: { ...made.spec, suspend: true } }, { ...by(), dryRun: true });
        expect(would.spec.suspend).to.equal(true);
        expect(await store.get('Host', key)).to.deep.equal(made);
      });

      it('gives a Secret no generation and takes its changes', async () => {
        const key = fresh('s');
        const secret: Secret = newObject('Secret', { ...key }, { type: 'Opaque', data: { password: 'aGVsbG8=' } });
        const made = await store.create('Secret', secret, by());
        expect(made.metadata).not.to.have.property('generation');
        const changed = await store.update('Secret', { ...made, data: { password: 'Ynll' } }, by());
        expect(changed.data).to.deep.equal({ password: 'Ynll' });
        expect(await store.get('Secret', key)).to.deep.equal(changed);
      });
    });

    describe('status', () => {
      it('is patched without touching spec, generation or the rest of status', async () => {
        const key = fresh();
        const made = await makeHost(key, { a: 'b' }, { displayName: 'one' });
        await store.patchStatus('Host', key, { phase: 'Online', lastSeenTime: '2026-01-01T00:00:00Z' }, by());
        const patched = await store.patchStatus('Host', key, { lastSeenTime: null, planGeneration: 3 }, by());
        expect(patched.status).to.deep.equal({ phase: 'Online', planGeneration: 3 });
        expect(patched.spec).to.deep.equal(made.spec);
        expect(patched.metadata.generation).to.equal(1);
        expect(patched.metadata.labels).to.deep.equal({ a: 'b' });
      });

      it('is replaced by updateStatus, which ignores spec and labels', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const updated = await store.updateStatus('Host', { ...made, metadata: { ...made.metadata, labels: { x: 'y' } }, spec: { suspend: true }, status: { phase: 'Offline' } }, by());
        expect(updated.status).to.deep.equal({ phase: 'Offline' });
        expect(updated.spec).to.deep.equal(made.spec);
        expect(updated.metadata.labels).to.equal(undefined);
        expect(updated.metadata.generation).to.equal(1);
      });

      it('conflicts on a stale version when one is given, and not otherwise', async () => {
        const key = fresh();
        const made = await makeHost(key);
        await store.patchStatus('Host', key, { phase: 'Online' }, by());
        expect(await refusal(store.patchStatus('Host', key, { phase: 'Offline' }, { ...by(), resourceVersion: made.metadata.resourceVersion }))).to.be.instanceOf(Conflict);
        expect((await store.patchStatus('Host', key, { phase: 'Offline' }, by())).status?.phase).to.equal('Offline');
      });

      it('is checked', async () => {
        const key = fresh();
        await makeHost(key);
        expect(await refusal(store.patchStatus('Host', key, { phase: 'Lost' }, by()))).to.be.instanceOf(Invalid);
      });

      it('uses no version when nothing changes', async () => {
        const key = fresh();
        await makeHost(key);
        const one = await store.patchStatus('Host', key, { phase: 'Online' }, by());
        const two = await store.patchStatus('Host', key, { phase: 'Online' }, by());
        expect(two.metadata.resourceVersion).to.equal(one.metadata.resourceVersion);
      });
    });

    describe('patchMeta', () => {
      it('merges labels and annotations, null removes', async () => {
        const key = fresh();
        const made = await makeHost(key, { a: '1', b: '2' });
        const patched = await store.patchMeta('Host', key, { labels: { a: null, c: '3' }, annotations: { note: 'x' } }, by());
        expect(patched.metadata.labels).to.deep.equal({ b: '2', c: '3' });
        expect(patched.metadata.annotations).to.deep.equal({ note: 'x' });
        expect(patched.metadata.generation).to.equal(made.metadata.generation);
        expect(patched.spec).to.deep.equal(made.spec);
      });

      it('conflicts on a stale version when one is given', async () => {
        const key = fresh();
        const made = await makeHost(key);
        await store.patchMeta('Host', key, { labels: { a: '1' } }, by());
        expect(await refusal(store.patchMeta('Host', key, { labels: { a: '2' } }, { ...by(), resourceVersion: made.metadata.resourceVersion }))).to.be.instanceOf(Conflict);
      });
    });

    describe('delete', () => {
      it('removes what has no finalizers and returns its last state', async () => {
        const key = fresh();
        const made = await makeHost(key);
        const last = await store.delete('Host', key, by());
        expect(last.metadata.uid).to.equal(made.metadata.uid);
        expect(await refusal(store.get('Host', key))).to.be.instanceOf(NotFound);
        expect(await refusal(store.delete('Host', key, by()))).to.be.instanceOf(NotFound);
      });

      it('marks what has finalizers, refuses new ones, and removes it with the last', async () => {
        const key = fresh();
        await store.create('Host', newObject('Host', { ...key, finalizers: ['example.com/a', 'example.com/b'] }, { spec: {} }), by());
        const marked = await store.delete('Host', key, by());
        expect(marked.metadata.deletionTimestamp).to.be.a('string');
        expect(await store.get('Host', key)).to.deep.equal(marked);
        expect((await store.delete('Host', key, by())).metadata.resourceVersion).to.equal(marked.metadata.resourceVersion);
        expect(await refusal(store.patchMeta('Host', key, { finalizers: ['example.com/a', 'example.com/b', 'example.com/c'] }, by()))).to.be.instanceOf(Invalid);
        const one = await store.patchMeta('Host', key, { finalizers: ['example.com/b'] }, by());
        expect(one.metadata.deletionTimestamp).to.equal(marked.metadata.deletionTimestamp);
        await store.patchMeta('Host', key, { finalizers: null }, by());
        expect(await refusal(store.get('Host', key))).to.be.instanceOf(NotFound);
      });

      it('honours preconditions', async () => {
        const key = fresh();
        const made = await makeHost(key);
        expect(await refusal(store.delete('Host', key, { ...by(), preconditions: { uid: '11111111-1111-4111-8111-111111111111' } }))).to.be.instanceOf(Conflict);
        expect(await refusal(store.delete('Host', key, { ...by(), preconditions: { resourceVersion: '1' } }))).to.be.instanceOf(Conflict);
        await store.delete('Host', key, { ...by(), preconditions: { uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion } });
      });

      it('sets the collection finalizers for Foreground and Orphan', async () => {
        const foreground = fresh();
        await makeHost(foreground);
        const marked = await store.delete('Host', foreground, { ...by(), propagationPolicy: 'Foreground' });
        expect(marked.metadata.finalizers).to.deep.equal(['foregroundDeletion']);
        expect(marked.metadata.deletionTimestamp).to.be.a('string');
        const orphan = fresh();
        await makeHost(orphan);
        expect((await store.delete('Host', orphan, { ...by(), propagationPolicy: 'Orphan' })).metadata.finalizers).to.deep.equal(['orphan']);
      });

      it('only says what it would do with dryRun', async () => {
        const key = fresh();
        await makeHost(key);
        await store.delete('Host', key, { ...by(), dryRun: true });
        await store.get('Host', key);
      });
    });

    describe('managedFields', () => {
      it('say who set what, per subresource, and move with the field', async () => {
        const key = fresh();
        const made = await store.create('Host', host(key, { a: '1' }, { displayName: 'x' }), by('alice'));
        const status = await store.patchStatus('Host', key, { phase: 'Online' }, by('agent'));
        const changed = await store.update('Host', { ...status, spec: { ...made.spec, displayName: 'y' } }, by('bob'));
        const entries = (changed.metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => ({ manager, operation, subresource, has: JSON.stringify(fieldsV1) }));
        const of = (manager: string): string => entries.find((entry) => entry.manager === manager)?.has ?? '';
        expect(entries.every((entry) => entry.operation === 'Update')).to.equal(true);
        expect(of('alice')).to.contain('f:a').and.not.to.contain('f:displayName');
        expect(of('bob')).to.contain('f:displayName').and.not.to.contain('f:a');
        expect(of('agent')).to.contain('f:phase');
        expect(entries.find((entry) => entry.manager === 'agent')?.subresource).to.equal('status');
      });
    });

    describe('list', () => {
      const names = (items: readonly { metadata: { name: string } }[]): string[] => items.map((item) => item.metadata.name);

      it('selects by label in the whole grammar', async () => {
        const set = `l${(serial += 1)}`;
        const [a, b, c] = [fresh('a'), fresh('b'), fresh('c')];
        await makeHost(a, { set, env: 'prod', tier: '' });
        await makeHost(b, { set, env: 'lab' });
        await makeHost(c, { set });
        const find = async (selector: string): Promise<string[]> => names((await store.list('Host', { namespace: subject.namespace, labelSelector: `set=${set},${selector}` })).items);
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
        const [one, two] = [fresh('j'), fresh('j')];
        const job = (key: ObjectKey, hostName: string): ResticJob => newObject('ResticJob', { ...key }, { spec: { hostRef: { name: hostName }, type: 'Init' } });
        await store.create('ResticJob', job(one, `x-${run}`), by());
        await store.create('ResticJob', job(two, `y-${run}`), by());
        await store.patchStatus('ResticJob', one, { phase: 'Queued' }, by());
        expect(names((await store.list('ResticJob', { fieldSelector: `spec.hostRef.name=x-${run}` })).items)).to.deep.equal([one.name]);
        expect(names((await store.list('ResticJob', { fieldSelector: `status.phase=Queued,spec.hostRef.name!=y-${run}` })).items)).to.deep.equal([one.name]);
        expect(names((await store.list('ResticJob', { namespace: subject.namespace, fieldSelector: `metadata.name=${two.name}` })).items)).to.deep.equal([two.name]);
        const error = await refusal(store.list('ResticJob', { fieldSelector: 'spec.type=Init' }));
        expect(error).to.be.instanceOf(Invalid);
        expect(error.message).to.contain('field label not supported: spec.type');
      });

      it('selects Events by what they are about, Secrets by type', async () => {
        const key = fresh('e');
        const event: Event = newObject('Event', { ...key }, { involvedObject: { kind: 'Host', name: `about-${run}`, namespace: subject.namespace, uid: `uid-${run}` }, reason: 'Tested', type: 'Normal', message: 'x' });
        await store.create('Event', event, by());
        for (const selector of [`involvedObject.uid=uid-${run}`, `involvedObject.name=about-${run},involvedObject.kind=Host,involvedObject.namespace=${subject.namespace}`, `reason=Tested,type=Normal,involvedObject.uid=uid-${run}`]) {
          expect(names((await store.list('Event', { fieldSelector: selector })).items), selector).to.deep.equal([key.name]);
        }
        const secret = fresh('s');
        await store.create('Secret', newObject('Secret', { ...secret }, { type: `example.com/${run}`, data: {} }), by());
        expect(names((await store.list('Secret', { fieldSelector: `type=example.com/${run}` })).items)).to.deep.equal([secret.name]);
      });

      it('pages over one snapshot while others write', async () => {
        const set = `p${(serial += 1)}`;
        const keys = Array.from({ length: 25 }, () => fresh('page'));
        for (const key of keys) await makeHost(key, { set });
        const selector = { namespace: subject.namespace, labelSelector: `set=${set}` };
        const first = await store.list('Host', { ...selector, limit: 7 });
        const whole = await store.list('Host', { ...selector, resourceVersion: first.resourceVersion, resourceVersionMatch: 'Exact' });
        const seen = [...first.items];
        let token = first.continue;
        let turn = 0;
        while (token !== undefined) {
          // Everything that could show: a change ahead, a removal ahead and behind, a new one, one that leaves the selection.
          const [changed, gone, left] = [keys[24 - turn], keys[20 - turn], keys[15 - turn]];
          if (changed !== undefined) await store.patchStatus('Host', changed, { phase: 'Offline' }, by());
          if (gone !== undefined) await store.delete('Host', gone, by());
          if (left !== undefined) await store.patchMeta('Host', left, { labels: { set: null } }, by()).catch(() => undefined);
          await makeHost(fresh('page'), { set });
          turn += 1;
          const page = await store.list('Host', { ...selector, limit: 7, continue: token });
          expect(page.resourceVersion).to.equal(first.resourceVersion);
          seen.push(...page.items);
          token = page.continue;
        }
        expect(turn).to.equal(3);
        expect(seen).to.deep.equal(whole.items);
        expect(names(seen)).to.deep.equal(names(keys.map((metadata) => ({ metadata }))).sort());
      });

      it('counts what remains when there is no selector', async () => {
        const before = (await store.list('Lease', { namespace: subject.namespace })).items.length;
        for (let index = 0; index < 5; index += 1) await store.create('Lease', newObject('Lease', { ...fresh('lease') }, { spec: {} }), by());
        const page = await store.list('Lease', { namespace: subject.namespace, limit: 2 });
        expect(page.remainingItemCount).to.equal(before + 3);
        expect((await store.list('Lease', { namespace: subject.namespace, limit: before + 5 })).continue ?? '').to.equal('');
      });

      it('refuses a continue token it did not make, or for another query', async () => {
        for (let index = 0; index < 3; index += 1) await makeHost(fresh());
        const page = await store.list('Host', { limit: 1 });
        const token = page.continue ?? '';
        for (const forged of ['x', `${token.slice(0, -2)}AA`, Buffer.from('{"version":1,"last":""}').toString('base64url')]) {
          expect(await refusal(store.list('Host', { limit: 1, continue: forged })), forged).to.be.instanceOf(Invalid);
        }
      });

      it('is empty and not an error when nothing is there', async () => {
        const empty = await store.list('EnrollmentRequest', { labelSelector: `none=${run}` });
        expect(empty.items).to.deep.equal([]);
        expect(empty.resourceVersion).to.match(/^[0-9]+$/);
      });
    });

    describe('watch', () => {
      const watchHosts = (options: WatchOptions): AsyncIterable<WatchEvent<Stored<Host>>> => store.watch('Host', options);
      const version = async (): Promise<string> => (await store.list('Host', { limit: 1 })).resourceVersion;

      it('shows creation, change, status and removal in order, each after it is stored', async () => {
        const from = await version();
        const key = fresh();
        const made = await makeHost(key);
        const changed = await store.update('Host', { ...made, spec: { ...made.spec, suspend: true } }, by());
        const status = await store.patchStatus('Host', key, { phase: 'Online' }, by());
        const last = await store.delete('Host', key, by());
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
        const set = `w${(serial += 1)}`;
        const [a, b] = [fresh(), fresh()];
        await makeHost(a, { set });
        await makeHost(b, { set });
        const events = await take(watchHosts({ labelSelector: `set=${set}`, bookmarks: true }), 3);
        expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'ADDED', 'BOOKMARK']);
        const zero = await take(watchHosts({ labelSelector: `set=${set}`, resourceVersion: '0' }), 2);
        expect(zero.map(shape)).to.deep.equal(events.slice(0, 2).map(shape));
      });

      it('shows objects enter and leave a selection', async () => {
        const set = `s${(serial += 1)}`;
        const key = fresh();
        await makeHost(key);
        const from = await version();
        const entered = await store.patchMeta('Host', key, { labels: { set } }, by());
        await store.patchStatus('Host', key, { phase: 'Online' }, by());
        const left = await store.patchMeta('Host', key, { labels: { set: null } }, by());
        await store.patchStatus('Host', key, { phase: 'Offline' }, by());
        const again = await store.patchMeta('Host', key, { labels: { set } }, by());
        await store.delete('Host', key, by());
        const events = await take(watchHosts({ resourceVersion: from, labelSelector: `set=${set}` }), 5);
        expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED', 'ADDED', 'DELETED']);
        const versions = events.map((event) => ('object' in event ? event.object.metadata.resourceVersion : ''));
        expect([versions[0], versions[2], versions[3]]).to.deep.equal([entered, left, again].map((object) => object.metadata.resourceVersion));
        const leaving = events[2];
        expect(leaving !== undefined && 'object' in leaving && leaving.object.metadata.labels).to.deep.equal({ set });
      });

      it('shows one object by field selector', async () => {
        const [wanted, other] = [fresh(), fresh()];
        const from = await version();
        await makeHost(other);
        await makeHost(wanted);
        await store.delete('Host', other, by());
        await store.delete('Host', wanted, by());
        const events = await take(watchHosts({ resourceVersion: from, namespace: subject.namespace, fieldSelector: `metadata.name=${wanted.name}` }), 2);
        expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'DELETED']);
      });

      it('ends when the signal aborts', async () => {
        const abort = new AbortController();
        const ended = (async () => {
          let count = 0;
          for await (const event of watchHosts({ signal: abort.signal, resourceVersion: await version() })) count += event.type === 'ADDED' ? 1 : 0;
          return count;
        })();
        await makeHost(fresh());
        await new Promise((resolve) => { setImmediate(resolve); });
        abort.abort();
        expect(await ended).to.be.lessThan(2);
      });

      it('resumes anywhere without gap or repeat, and adds up to the list (property)', async function () {
        this.timeout(60_000);
        const step = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('create', 'spec', 'status', 'label', 'unlabel', 'delete', 'same'), fc.boolean());
        await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.array(fc.nat(), { minLength: 3, maxLength: 6 }), async (steps, cuts) => {
          const names = Array.from({ length: 4 }, () => fresh('prop'));
          const set = `r${(serial += 1)}`;
          const from = await version();
          let writes: Promise<unknown>[] = [];
          for (const [index, what, wait] of steps) {
            const key = names[index];
            if (key === undefined) continue;
            writes.push(apply(key, what, set).catch((error: unknown) => { if (!(error instanceof NotFound || error instanceof AlreadyExists)) throw error; }));
            if (wait) { await Promise.all(writes); writes = []; }
          }
          await Promise.all(writes);
          const marker = fresh('marker');
          await makeHost(marker);

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
          for (const key of names) expect(folded.get(key.name)).to.deep.equal(await store.get('Host', key).catch(() => undefined));
        }), { numRuns: 25 });
      });

      async function apply(key: ObjectKey, what: string, set: string): Promise<void> {
        if (what === 'create') await makeHost(key);
        else if (what === 'spec') await store.patchMeta('Host', key, { annotations: { turn: String((serial += 1)) } }, by());
        else if (what === 'status') await store.patchStatus('Host', key, { planGeneration: (serial += 1) }, by());
        else if (what === 'label') await store.patchMeta('Host', key, { labels: { set } }, by());
        else if (what === 'unlabel') await store.patchMeta('Host', key, { labels: { set: null } }, by());
        else if (what === 'same') await store.patchMeta('Host', key, {}, by());
        else await store.delete('Host', key, by());
      }

      it('refuses a version that cannot be read', async () => {
        expect(await refusal(take(watchHosts({ resourceVersion: 'yesterday' }), 1))).to.be.instanceOf(Invalid);
      });

      it('says Gone to a version that is too old, to watch and to page (410)', async function () {
        this.timeout(60_000);
        for (let index = 0; index < 3; index += 1) await makeHost(fresh());
        const page = await store.list('Host', { limit: 1 });
        await subject.forget();
        expect(await refusal(take(watchHosts({ resourceVersion: page.resourceVersion }), 1))).to.be.instanceOf(Gone);
        expect(await refusal(store.list('Host', { limit: 1, continue: page.continue ?? '' }))).to.be.instanceOf(Gone);
      });

      it('says Gone to a watcher that falls behind, and disturbs no other', async function () {
        this.timeout(60_000);
        const from = await version();
        const slow = watchHosts({ resourceVersion: from })[Symbol.asyncIterator]();
        await makeHost(fresh());
        await slow.next();
        let seen = 0;
        const abort = new AbortController();
        const key = fresh('quick');
        await makeHost(key);
        const quick = (async () => { for await (const event of watchHosts({ resourceVersion: await version(), signal: abort.signal })) if ('object' in event) seen += 1; })();
        await store.patchStatus('Host', key, { phase: 'Online' }, by());
        await subject.forget();
        await store.patchStatus('Host', key, { phase: 'Offline' }, by());
        expect(await refusal((async () => { for (;;) { const next = await slow.next(); if (next.done === true) return; } })())).to.be.instanceOf(Gone);
        abort.abort();
        await quick;
        expect(seen).to.be.greaterThan(1);
      });
    });
  });
}
