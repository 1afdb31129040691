/** The writing half of the object store contract (objectStore.ts). */
import { expect } from 'chai';
import { newObject, type Host, type Secret } from '#crds/kinds.js';
import { AlreadyExists, Conflict, Invalid, NotFound } from '#crds/objectStore.js';
import { by, host, refusal, type Bench } from './contractTools.js';

export function writesContract(bench: () => Bench): void {
  describe('create', () => {
    it('sets uid, creationTimestamp, resourceVersion and generation 1, and applies defaults', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key, { env: 'prod' });
      expect(made.metadata.uid).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(made.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(made.metadata.resourceVersion).to.match(/^[1-9][0-9]*$/);
      expect(made.metadata.generation).to.equal(1);
      expect(made.metadata.labels).to.deep.equal({ env: 'prod' });
      expect(made.spec.presence).to.equal('AlwaysOn');
      expect(await bench().store.get('Host', key)).to.deep.equal(made);
    });

    it('drops status', async () => {
      const key = bench().fresh();
      const made = await bench().store.create('Host', { ...host(key), status: { phase: 'Online' } }, by());
      expect(made).not.to.have.property('status');
    });

    it('refuses a name that is taken, in the API server\'s words', async () => {
      const key = bench().fresh();
      await bench().makeHost(key);
      const error = await refusal(bench().makeHost(key));
      expect(error).to.be.instanceOf(AlreadyExists);
      expect(error.message).to.equal(`hosts.restic-manager.io "${key.name}" already exists`);
    });

    it('makes a name from generateName', async () => {
      const made = await bench().store.create('Host', newObject('Host', { name: '', generateName: `g-${bench().run}-`, namespace: bench().namespace }, { spec: {} }), by());
      expect(made.metadata.name).to.match(new RegExp(`^g-${bench().run}-[a-z0-9]{5}$`));
      expect(made.metadata.generateName).to.equal(`g-${bench().run}-`);
    });

    it('refuses an invalid object and stores nothing', async () => {
      const key = bench().fresh();
      const error = await refusal(bench().makeHost(key, undefined, { presence: 'Sometimes' as 'AlwaysOn' }));
      expect(error).to.be.instanceOf(Invalid);
      expect(error.message).to.contain('spec.presence');
      expect(await refusal(bench().store.get('Host', key))).to.be.instanceOf(NotFound);
    });

    it('refuses names that could not be keys', async () => {
      for (const bad of ['../up', 'a/b', 'UPPER', '.', 'a\u0000b', 'x'.repeat(300)]) {
        expect(await refusal(bench().makeHost({ namespace: bench().namespace, name: bad })), JSON.stringify(bad)).to.be.instanceOf(Invalid);
      }
    });

    it('checks everything with dryRun and stores nothing', async () => {
      const key = bench().fresh();
      const would = await bench().store.create('Host', host(key), { ...by(), dryRun: true });
      expect(would.spec.presence).to.equal('AlwaysOn');
      expect(await refusal(bench().store.get('Host', key))).to.be.instanceOf(NotFound);
      expect(await refusal(bench().store.create('Host', host(key, undefined, { presence: 'x' as 'AlwaysOn' }), { ...by(), dryRun: true }))).to.be.instanceOf(Invalid);
    });
  });

  describe('get', () => {
    it('says NotFound in the API server\'s words', async () => {
      const error = await refusal(bench().store.get('Host', { namespace: bench().namespace, name: 'nobody' }));
      expect(error).to.be.instanceOf(NotFound);
      expect(error.message).to.equal('hosts.restic-manager.io "nobody" not found');
      expect((await refusal(bench().store.get('Secret', { namespace: bench().namespace, name: 'nobody' }))).message).to.equal('secrets "nobody" not found');
    });

    it('hands out frozen objects', async () => {
      const key = bench().fresh();
      await bench().makeHost(key);
      const got = await bench().store.get('Host', key);
      expect(Object.isFrozen(got) && Object.isFrozen(got.spec) && Object.isFrozen(got.metadata)).to.equal(true);
    });
  });

  describe('update', () => {
    it('raises generation when the spec changes, and only then', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const labelled = await bench().store.update('Host', { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } }, by());
      expect(labelled.metadata.generation).to.equal(1);
      const changed = await bench().store.update('Host', { ...labelled, spec: { ...labelled.spec, suspend: true } }, by());
      expect(changed.metadata.generation).to.equal(2);
      expect(Number(changed.metadata.resourceVersion)).to.be.greaterThan(Number(labelled.metadata.resourceVersion));
      expect(changed.metadata.uid).to.equal(made.metadata.uid);
      expect(changed.metadata.creationTimestamp).to.equal(made.metadata.creationTimestamp);
    });

    it('uses no version when nothing changes', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key, { a: 'b' });
      const same = await bench().store.update('Host', structuredClone(made) as Host, by('another'));
      expect(same.metadata.resourceVersion).to.equal(made.metadata.resourceVersion);
    });

    it('refuses a stale resourceVersion in the API server\'s words and changes nothing', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const second = await bench().store.update('Host', { ...made, spec: { ...made.spec, suspend: true } }, by());
      const error = await refusal(bench().store.update('Host', { ...made, spec: { ...made.spec, displayName: 'late' } }, by()));
      expect(error).to.be.instanceOf(Conflict);
      expect(error.message).to.equal(`Operation cannot be fulfilled on hosts.restic-manager.io "${key.name}": the object has been modified; please apply your changes to the latest version and try again`);
      expect(await bench().store.get('Host', key)).to.deep.equal(second);
    });

    it('refuses another uid', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const { resourceVersion: _version, ...metadata } = made.metadata;
      expect(await refusal(bench().store.update('Host', { ...made, metadata: { ...metadata, uid: '11111111-1111-4111-8111-111111111111' } }, by()))).to.be.instanceOf(Conflict);
    });

    it('lets one of many writers of the same version win', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => bench().store.update('Host', { ...made, spec: { ...made.spec, displayName: `w${index}` } }, by())));
      const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(winners).to.have.length(1);
      expect(await bench().store.get('Host', key)).to.deep.equal((winners[0] as PromiseFulfilledResult<unknown>).value);
    });

    it('keeps status whatever the object says', async () => {
      const key = bench().fresh();
      await bench().makeHost(key);
      const online = await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      const updated = await bench().store.update('Host', { ...online, spec: { ...online.spec, suspend: true }, status: { phase: 'Offline' } }, by());
      expect(updated.status).to.deep.equal({ phase: 'Online' });
    });

    it('says NotFound for what is not there', async () => {
      expect(await refusal(bench().store.update('Host', host(bench().fresh()), by()))).to.be.instanceOf(NotFound);
    });

    it('returns what would be with dryRun and changes nothing', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const would = await bench().store.update('Host', { ...made, spec: { ...made.spec, suspend: true } }, { ...by(), dryRun: true });
      expect(would.spec.suspend).to.equal(true);
      expect(await bench().store.get('Host', key)).to.deep.equal(made);
    });

    it('gives a Secret no generation and takes its changes', async () => {
      const key = bench().fresh('s');
      const secret: Secret = newObject('Secret', { ...key }, { type: 'Opaque', data: { password: 'aGVsbG8=' } });
      const made = await bench().store.create('Secret', secret, by());
      expect(made.metadata).not.to.have.property('generation');
      const changed = await bench().store.update('Secret', { ...made, data: { password: 'Ynll' } }, by());
      expect(changed.data).to.deep.equal({ password: 'Ynll' });
      expect(await bench().store.get('Secret', key)).to.deep.equal(changed);
    });
  });

  describe('status', () => {
    it('is patched without touching spec, generation or the rest of status', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key, { a: 'b' }, { displayName: 'one' });
      await bench().store.patchStatus('Host', key, { phase: 'Online', lastSeenTime: '2026-01-01T00:00:00Z' }, by());
      const patched = await bench().store.patchStatus('Host', key, { lastSeenTime: null, planGeneration: 3 }, by());
      expect(patched.status).to.deep.equal({ phase: 'Online', planGeneration: 3 });
      expect(patched.spec).to.deep.equal(made.spec);
      expect(patched.metadata.generation).to.equal(1);
      expect(patched.metadata.labels).to.deep.equal({ a: 'b' });
    });

    it('is replaced by updateStatus, which ignores spec and labels', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const updated = await bench().store.updateStatus('Host', { ...made, metadata: { ...made.metadata, labels: { x: 'y' } }, spec: { suspend: true }, status: { phase: 'Offline' } }, by());
      expect(updated.status).to.deep.equal({ phase: 'Offline' });
      expect(updated.spec).to.deep.equal(made.spec);
      expect(updated.metadata.labels).to.equal(undefined);
      expect(updated.metadata.generation).to.equal(1);
    });

    it('conflicts on a stale version when one is given, and not otherwise', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      expect(await refusal(bench().store.patchStatus('Host', key, { phase: 'Offline' }, { ...by(), resourceVersion: made.metadata.resourceVersion }))).to.be.instanceOf(Conflict);
      expect((await bench().store.patchStatus('Host', key, { phase: 'Offline' }, by())).status?.phase).to.equal('Offline');
    });

    it('is checked', async () => {
      const key = bench().fresh();
      await bench().makeHost(key);
      expect(await refusal(bench().store.patchStatus('Host', key, { phase: 'Lost' }, by()))).to.be.instanceOf(Invalid);
    });

    it('uses no version when nothing changes', async () => {
      const key = bench().fresh();
      await bench().makeHost(key);
      const one = await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      const two = await bench().store.patchStatus('Host', key, { phase: 'Online' }, by());
      expect(two.metadata.resourceVersion).to.equal(one.metadata.resourceVersion);
    });
  });

  describe('patchMeta', () => {
    it('merges labels and annotations, null removes', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key, { a: '1', b: '2' });
      const patched = await bench().store.patchMeta('Host', key, { labels: { a: null, c: '3' }, annotations: { note: 'x' } }, by());
      expect(patched.metadata.labels).to.deep.equal({ b: '2', c: '3' });
      expect(patched.metadata.annotations).to.deep.equal({ note: 'x' });
      expect(patched.metadata.generation).to.equal(made.metadata.generation);
      expect(patched.spec).to.deep.equal(made.spec);
    });

    it('conflicts on a stale version when one is given', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      await bench().store.patchMeta('Host', key, { labels: { a: '1' } }, by());
      expect(await refusal(bench().store.patchMeta('Host', key, { labels: { a: '2' } }, { ...by(), resourceVersion: made.metadata.resourceVersion }))).to.be.instanceOf(Conflict);
    });
  });

  describe('delete', () => {
    it('removes what has no finalizers and returns its last state', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      const last = await bench().store.delete('Host', key, by());
      expect(last.metadata.uid).to.equal(made.metadata.uid);
      expect(await refusal(bench().store.get('Host', key))).to.be.instanceOf(NotFound);
      expect(await refusal(bench().store.delete('Host', key, by()))).to.be.instanceOf(NotFound);
    });

    it('marks what has finalizers, refuses new ones, and removes it with the last', async () => {
      const key = bench().fresh();
      await bench().store.create('Host', newObject('Host', { ...key, finalizers: ['example.com/a', 'example.com/b'] }, { spec: {} }), by());
      const marked = await bench().store.delete('Host', key, by());
      expect(marked.metadata.deletionTimestamp).to.be.a('string');
      expect(await bench().store.get('Host', key)).to.deep.equal(marked);
      expect((await bench().store.delete('Host', key, by())).metadata.resourceVersion).to.equal(marked.metadata.resourceVersion);
      expect(await refusal(bench().store.patchMeta('Host', key, { finalizers: ['example.com/a', 'example.com/b', 'example.com/c'] }, by()))).to.be.instanceOf(Invalid);
      const one = await bench().store.patchMeta('Host', key, { finalizers: ['example.com/b'] }, by());
      expect(one.metadata.deletionTimestamp).to.equal(marked.metadata.deletionTimestamp);
      await bench().store.patchMeta('Host', key, { finalizers: null }, by());
      expect(await refusal(bench().store.get('Host', key))).to.be.instanceOf(NotFound);
    });

    it('honours preconditions', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key);
      expect(await refusal(bench().store.delete('Host', key, { ...by(), preconditions: { uid: '11111111-1111-4111-8111-111111111111' } }))).to.be.instanceOf(Conflict);
      expect(await refusal(bench().store.delete('Host', key, { ...by(), preconditions: { resourceVersion: '1' } }))).to.be.instanceOf(Conflict);
      await bench().store.delete('Host', key, { ...by(), preconditions: { uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion } });
    });

    it('sets the collection finalizers for Foreground and Orphan', async () => {
      const foreground = bench().fresh();
      await bench().makeHost(foreground);
      const marked = await bench().store.delete('Host', foreground, { ...by(), propagationPolicy: 'Foreground' });
      expect(marked.metadata.finalizers).to.deep.equal(['foregroundDeletion']);
      expect(marked.metadata.deletionTimestamp).to.be.a('string');
      const orphan = bench().fresh();
      await bench().makeHost(orphan);
      expect((await bench().store.delete('Host', orphan, { ...by(), propagationPolicy: 'Orphan' })).metadata.finalizers).to.deep.equal(['orphan']);
    });

    it('only says what it would do with dryRun', async () => {
      const key = bench().fresh();
      await bench().makeHost(key);
      await bench().store.delete('Host', key, { ...by(), dryRun: true });
      await bench().store.get('Host', key);
    });
  });

  describe('managedFields', () => {
    it('say who set what, per subresource, and move with the field', async () => {
      const key = bench().fresh();
      const made = await bench().store.create('Host', host(key, { a: '1' }, { displayName: 'x' }), by('alice'));
      const status = await bench().store.patchStatus('Host', key, { phase: 'Online' }, by('agent'));
      const changed = await bench().store.update('Host', { ...status, spec: { ...made.spec, displayName: 'y' } }, by('bob'));
      const entries = (changed.metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => ({ manager, operation, subresource, has: JSON.stringify(fieldsV1) }));
      const of = (manager: string): string => entries.find((entry) => entry.manager === manager)?.has ?? '';
      expect(entries.every((entry) => entry.operation === 'Update')).to.equal(true);
      expect(of('alice')).to.contain('f:a').and.not.to.contain('f:displayName');
      expect(of('bob')).to.contain('f:displayName').and.not.to.contain('f:a');
      expect(of('agent')).to.contain('f:phase');
      expect(entries.find((entry) => entry.manager === 'agent')?.subresource).to.equal('status');
    });
  });
}
