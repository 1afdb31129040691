/** Server-side apply, as every adapter must do it (objectStore.ts). What is merged and who owns what: applyConfiguration.test.ts. */
import { expect } from 'chai';
import type { ManagedFieldsEntry, ObjectKey } from '#crds/meta.js';
import { Conflict, Invalid, NotFound, type ApplyConfiguration, type ApplyOptions } from '#crds/objectStore.js';
import { by, refusal, take, type Bench } from './contractTools.js';

export function applyContract(bench: () => Bench): void {
  const config = (key: ObjectKey, spec: object | undefined = {}, metadata: object = {}): ApplyConfiguration => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: key.name, ...metadata }, spec });
  const apply = (key: ObjectKey, configuration: ApplyConfiguration, manager = 'git', options: Partial<ApplyOptions> = {}) => bench().store.apply('Host', key, configuration, { ...by(manager), ...options });
  const owners = (entries: readonly ManagedFieldsEntry[] = []): unknown[] => entries.map(({ manager, operation, subresource, fieldsV1 }) => [manager, operation, subresource, fieldsV1]);

  describe('apply', () => {
    it('makes the object when there is none, with defaults that nobody owns', async () => {
      const key = bench().fresh();
      const { object, created } = await apply(key, config(key, { displayName: 'One' }, { labels: { a: 'b' } }));
      expect(created).to.equal(true);
      expect(object.spec).to.deep.include({ displayName: 'One', presence: 'AlwaysOn' }).and.not.to.have.property('suspend');
      expect(object.metadata).to.include({ generation: 1, namespace: key.namespace });
      expect(owners(object.metadata.managedFields)).to.deep.equal([['git', 'Apply', undefined, { 'f:metadata': { 'f:labels': { 'f:a': {} } }, 'f:spec': { 'f:displayName': {} } }]]);
      expect(await bench().store.get('Host', key)).to.deep.equal(object);
    });

    it('uses no version when nothing changes, and raises generation when the spec does', async () => {
      const key = bench().fresh();
      const first = await apply(key, config(key, { displayName: 'One' }));
      expect(await apply(key, config(key, { displayName: 'One' }))).to.deep.equal({ object: first.object, created: false });
      const { object } = await apply(key, config(key, { displayName: 'Two' }, { labels: { a: 'b' } }));
      expect(object.metadata.generation).to.equal(2);
      const { object: labelled } = await apply(key, config(key, { displayName: 'Two' }, { labels: { a: 'c' } }));
      expect(labelled.metadata.generation).to.equal(2);
      expect(labelled.metadata.resourceVersion).not.to.equal(object.metadata.resourceVersion);
    });

    it('refuses a field another manager set otherwise with a cause for each, and changes nothing', async () => {
      const key = bench().fresh();
      await apply(key, config(key, { displayName: 'One', suspend: true }));
      const { object: before } = await apply(key, config(key, { displayName: 'One' }), 'second');
      const error = await refusal(apply(key, config(key, { displayName: 'Two', suspend: false }), 'third'));
      expect(error).to.be.instanceOf(Conflict);
      expect(error.message).to.equal('Apply failed with 3 conflicts: conflicts with "git":\n- .spec.displayName\n- .spec.suspend\nconflicts with "second":\n- .spec.displayName');
      expect((error as Conflict).causes).to.deep.include({ reason: 'FieldManagerConflict', message: 'conflict with "git"', field: '.spec.displayName' });
      expect(await bench().store.get('Host', key)).to.deep.equal(before);
      const { object } = await apply(key, config(key, { displayName: 'Two', suspend: false }), 'third', { force: true });
      expect(object.spec).to.include({ displayName: 'Two', suspend: false });
      expect(owners(object.metadata.managedFields)).to.deep.equal([['third', 'Apply', undefined, { 'f:spec': { 'f:displayName': {}, 'f:suspend': {} } }]]);
    });

    it('takes away what its manager no longer names, unless another owns it too', async () => {
      const key = bench().fresh();
      await apply(key, config(key, { displayName: 'One', suspend: true }, { labels: { a: '1', b: '2' } }));
      await apply(key, config(key, undefined, { labels: { b: '2' } }), 'second');
      const { object } = await apply(key, config(key, { displayName: 'One' }));
      expect(object.spec).to.deep.include({ displayName: 'One', presence: 'AlwaysOn' }).and.not.to.have.property('suspend');
      expect(object.metadata.labels).to.deep.equal({ b: '2' });
    });

    it('loses fields to an update that changes them, and not to one that writes the same', async () => {
      const key = bench().fresh();
      const { object: made } = await apply(key, config(key, { displayName: 'One', suspend: true }));
      const updated = await bench().store.update('Host', { ...made, spec: { ...made.spec, suspend: false } }, by('editor'));
      expect(owners(updated.metadata.managedFields)).to.deep.equal([['git', 'Apply', undefined, { 'f:spec': { 'f:displayName': {} } }], ['editor', 'Update', undefined, { 'f:spec': { 'f:suspend': {} } }]]);
      expect((await refusal(apply(key, config(key, { suspend: true })))).message).to.equal('Apply failed with 1 conflict: conflict with "editor" using restic-manager.io/v1alpha1: .spec.suspend');
    });

    it('honours entries an update rewrites, and forgets all on one empty entry', async () => {
      const key = bench().fresh();
      const made = await bench().makeHost(key, undefined, { displayName: 'One' });
      const managedFields = (made.metadata.managedFields ?? []).map((entry): ManagedFieldsEntry => ({ ...entry, manager: 'git', operation: 'Apply' }));
      const moved = await bench().store.update('Host', { ...made, metadata: { ...made.metadata, managedFields } }, by('upgrade'));
      expect(moved.metadata.managedFields?.map(({ manager, operation }) => [manager, operation])).to.deep.equal([['git', 'Apply']]);
      const { object } = await apply(key, config(key, { suspend: true }));
      expect(object.spec).not.to.have.property('displayName');
      const forgotten = await bench().store.update('Host', { ...object, metadata: { ...object.metadata, managedFields: [{}] } }, by('upgrade'));
      expect(forgotten.metadata.managedFields).to.equal(undefined);
      const again = await apply(key, config(key, { displayName: 'Two' }));
      expect(again.object.metadata.managedFields?.map(({ manager }) => manager)).to.have.members(['git', 'before-first-apply']);
    });

    it('writes status apart', async () => {
      const key = bench().fresh();
      await apply(key, config(key, { displayName: 'One' }));
      const { object } = await apply(key, { ...config(key, { displayName: 'no' }), status: { phase: 'Online' } }, 'probe', { subresource: 'status' });
      expect(object).to.deep.include({ status: { phase: 'Online' } });
      expect(object.spec.displayName).to.equal('One');
      expect(object.metadata.generation).to.equal(1);
      const main = await apply(key, { ...config(key, { displayName: 'One' }), status: { phase: 'Asleep' } });
      expect(main.object).to.deep.equal(object);
      const gone = await apply(key, config(key), 'probe', { subresource: 'status' });
      expect(gone.object.status ?? {}).to.deep.equal({});
      const absent = bench().fresh();
      expect(await refusal(apply(absent, { ...config(absent), status: {} }, 'probe', { subresource: 'status' }))).to.be.instanceOf(NotFound);
    });

    it('tries with dryRun: the result is shown, nothing is stored', async () => {
      const key = bench().fresh();
      expect((await apply(key, config(key, { displayName: 'One' }), 'git', { dryRun: true })).object.spec.presence).to.equal('AlwaysOn');
      expect(await refusal(bench().store.get('Host', key))).to.be.instanceOf(NotFound);
      const { object } = await apply(key, config(key));
      expect((await apply(key, config(key, { suspend: true }), 'git', { dryRun: true })).object.spec.suspend).to.equal(true);
      expect(await bench().store.get('Host', key)).to.deep.equal(object);
    });

    it('makes nothing when the object must exist', async () => {
      const key = bench().fresh();
      expect(await refusal(apply(key, config(key), 'git', { mustExist: true }))).to.be.instanceOf(NotFound);
      await apply(key, config(key));
      expect((await apply(key, config(key, { suspend: true }), 'git', { mustExist: true })).created).to.equal(false);
    });

    it('refuses another name, another uid, a stale version, entries of its own, an unknown field, an invalid value', async () => {
      const key = bench().fresh();
      const { object } = await apply(key, config(key));
      await apply(key, config(key, { suspend: true }));
      const rows: [ApplyConfiguration, RegExp, typeof Invalid | typeof Conflict][] = [
        [config({ ...key, name: 'other' }), /does not match the name on the URL/, Invalid],
        [config(key, {}, { uid: '00000000-0000-4000-8000-000000000000' }), /metadata\.uid: Invalid value: .*: field is immutable/, Invalid],
        [config(key, {}, { resourceVersion: object.metadata.resourceVersion }), /the object has been modified/, Conflict],
        [config(key, {}, { managedFields: [] }), /metadata\.managedFields must be nil/, Invalid],
        [config(key, { nope: 1 }), /\.spec\.nope: field not declared in schema/, Invalid],
        [config(key, { presence: 'Sometimes' }), /spec\.presence: Unsupported value: "Sometimes"/, Invalid],
        [{ ...config(key), kind: 'Schedule' }, /invalid object type/, Invalid],
      ];
      const before = await bench().store.get('Host', key);
      for (const [configuration, says, kind] of rows) {
        const error = await refusal(apply(key, configuration));
        expect(error, error.message).to.be.instanceOf(kind);
        expect(error.message).to.match(says);
      }
      expect(await bench().store.get('Host', key)).to.deep.equal(before);
      const absent = bench().fresh();
      expect((await refusal(apply(absent, config(absent, {}, { uid: object.metadata.uid })))).message).to.match(/uid mismatch: the provided object specified uid .*, and no existing object was found/);
    });

    it('lets eight managers meet on one object without losing a word', async () => {
      const key = bench().fresh();
      const all = Array.from({ length: 8 }, (_, index) => `m${index}`);
      await Promise.all(all.map((manager) => apply(key, config(key, undefined, { labels: { [manager]: 'x' } }), manager)).concat(apply(key, config(key, { suspend: true }))).map((each) => each.catch((error: unknown) => { if (!(error instanceof Invalid)) throw error; })));
      for (const manager of all) await apply(key, config(key, undefined, { labels: { [manager]: 'x' } }), manager);
      const object = await bench().store.get('Host', key);
      expect(Object.keys(object.metadata.labels ?? {})).to.have.members(all);
      expect(object.metadata.managedFields).to.have.length(9);
    });

    it('is seen by watchers once', async () => {
      const key = bench().fresh();
      const { object } = await apply(key, config(key));
      const events = bench().store.watch('Host', { fieldSelector: `metadata.name=${key.name}`, resourceVersion: object.metadata.resourceVersion });
      const seen = take(events, 1);
      await apply(key, config(key));
      const { object: changed } = await apply(key, config(key, { suspend: true }));
      expect(await seen).to.deep.equal([{ type: 'MODIFIED', object: changed }]);
    });
  });
}
