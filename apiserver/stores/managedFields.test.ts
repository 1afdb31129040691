import { expect } from 'chai';
import fc from 'fast-check';
import type { StructuralSchema } from '#crds/crd.js';
import { newObject, type Host } from '#crds/kinds.js';
import type { ManagedFieldsEntry } from '#crds/meta.js';
import { difference, diffFields, fieldsOf, formatFields, intersection, parseFields, paths, union } from './fieldSet.js';
import { afterUpdate, baseEntries } from './managedFields.js';

const host = (spec: object, metadata: object = {}, status?: object): Host => ({ ...newObject('Host', { name: 'web1', ...metadata }, { spec: spec as Host['spec'] }), ...(status === undefined ? {} : { status: status as Host['status'] }) });
const at = (manager: string, second = 0) => ({ manager, time: `2026-01-01T00:00:0${second}Z` });

describe('managedFields', () => {
  it('give the creator every field it set, as the API server writes them', () => {
    const [entry] = afterUpdate('Host', [], undefined, host({ displayName: 'x', bandwidth: { uploadKiBps: 1 } }, { labels: { a: 'b' }, finalizers: ['example.com/x'] }), at('alice'));
    expect(entry).to.deep.equal({
      manager: 'alice', operation: 'Update', apiVersion: 'restic-manager.io/v1alpha1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:finalizers': { '.': {}, 'v:"example.com/x"': {} }, 'f:labels': { '.': {}, 'f:a': {} } },
        'f:spec': { '.': {}, 'f:bandwidth': { '.': {}, 'f:uploadKiBps': {} }, 'f:displayName': {} },
      },
    });
  });

  it('move a changed field to who changed it and drop a removed one everywhere', () => {
    const one = host({ displayName: 'x', suspend: false });
    const two = host({ displayName: 'y' });
    const entries = afterUpdate('Host', afterUpdate('Host', [], undefined, one, at('alice')), one, two, at('bob', 1));
    expect(entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).to.deep.equal([['alice', { 'f:spec': {} }], ['bob', { 'f:spec': { 'f:displayName': {} } }]]);
    expect(entries[1]?.time).to.equal('2026-01-01T00:00:01Z');
  });

  it('take fields from an applier that an update changes, and leave the rest', () => {
    const applied = [{ manager: 'git', operation: 'Apply' as const, apiVersion: 'restic-manager.io/v1alpha1', time: 't', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:displayName': {}, 'f:suspend': {} } } }];
    const entries = afterUpdate('Host', applied, host({ displayName: 'x', suspend: true }), host({ displayName: 'x', suspend: false }), at('kubectl-edit'));
    expect(entries[0]).to.deep.equal({ ...applied[0], fieldsV1: { 'f:spec': { 'f:displayName': {} } } });
  });

  it('stay the same array when nothing that is owned changed', () => {
    const entries = afterUpdate('Host', [], undefined, host({}), at('alice'));
    expect(afterUpdate('Host', entries, host({}), host({}, { resourceVersion: '9' }), at('bob'))).to.equal(entries);
  });

  it('count status apart, conditions by type', () => {
    const condition = (type: string, status: string): object => ({ type, status, reason: 'R', message: '', lastTransitionTime: 't' });
    const before = host({}, {}, { phase: 'Online', conditions: [condition('Ready', 'True'), condition('Online', 'True')] });
    const after = host({}, {}, { phase: 'Online', conditions: [condition('Online', 'False'), condition('Ready', 'True')] });
    const entries = afterUpdate('Host', [], before, after, { ...at('host-reconciler'), subresource: 'status' });
    expect(entries).to.have.length(1);
    expect(entries[0]).to.deep.include({ subresource: 'status', fieldsV1: { 'f:status': { 'f:conditions': { 'k:{"type":"Online"}': { 'f:status': {} } } } } });
  });

  it('own an atomic list as one', () => {
    const schema: StructuralSchema = { properties: { paths: { type: 'array', items: { type: 'string' } } } };
    const { changed } = diffFields({ paths: ['/a'] }, { paths: ['/a', '/b'] }, schema);
    expect(paths(changed)).to.deep.equal(['.paths']);
  });

  it('fold the oldest of too many updaters into one', () => {
    let entries = afterUpdate('Host', [], undefined, host({}), at('creator'));
    let labels: Record<string, string> = {};
    for (let index = 0; index < 15; index += 1) {
      const next = { ...labels, [`l${index}`]: 'x' };
      entries = afterUpdate('Host', entries, host({}, { labels }), host({}, { labels: next }), { manager: `m${index}`, time: `2026-01-01T00:00:${10 + index}Z` });
      labels = next;
    }
    expect(entries.length).to.be.at.most(10);
    const all = entries.map((entry) => parseFields(entry.fieldsV1)).reduce(union);
    for (const label of Object.keys(labels)) expect(paths(all)).to.include(`.metadata.labels.${label}`);
    expect(entries.map((entry) => entry.manager)).to.include('ancient-changes');
  });

  it('begin from what the writer sent, if it sent entries; one empty entry forgets all, for core kinds an empty list too', () => {
    const stored = afterUpdate('Host', [], undefined, host({}), at('alice'));
    const rewritten = stored.map((entry) => ({ ...entry, manager: 'bob' }));
    expect(baseEntries('Host', undefined, stored)).to.deep.equal(stored);
    expect(baseEntries('Host', rewritten, stored)).to.deep.equal(rewritten);
    expect(baseEntries('Host', [], stored)).to.deep.equal(stored);
    expect(baseEntries('Secret', [], stored)).to.deep.equal([]);
    expect(baseEntries('Host', [{}], stored)).to.deep.equal([]);
  });

  it('are left as they are when the writer sent what cannot be read', () => {
    const stored = afterUpdate('Host', [], undefined, host({}), at('alice'));
    const [entry] = stored;
    const bad = [{ operation: 'Delete' }, { apiVersion: '' }, { fieldsType: 'FieldsV2' }, { fieldsV1: { x: {} } }, { fieldsV1: { 'k:{': {} } }, { fieldsV1: { 'k:1': {} } }, { fieldsV1: { 'f:spec': 'x' } }, { fieldsV1: { 'v:': {} } }];
    for (const part of bad) expect(baseEntries('Host', [{ ...entry, ...part } as ManagedFieldsEntry], stored), JSON.stringify(part)).to.deep.equal(stored);
  });

  it('keep the time of a manager that only took fields away', () => {
    const [one, two] = [host({ displayName: 'x', suspend: true }), host({ suspend: true })];
    const [entry] = afterUpdate('Host', afterUpdate('Host', [], undefined, one, at('alice')), one, two, at('alice', 5));
    expect(entry).to.deep.include({ time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': { '.': {}, 'f:suspend': {} } } });
  });

  describe('field sets', () => {
    const value = fc.letrec<{ value: unknown }>((tie) => ({ value: fc.oneof({ maxDepth: 3 }, fc.string({ maxLength: 3 }), fc.integer(), fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 })) })).value;
    const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 3 });

    it('read back what they write (property)', () => {
      fc.assert(fc.property(object, (any) => {
        const set = fieldsOf(any, undefined);
        expect(formatFields(parseFields(formatFields(set)))).to.deep.equal(formatFields(set));
      }));
    });

    it('obey the laws of sets (property)', () => {
      fc.assert(fc.property(object, object, (one, two) => {
        const [a, b] = [fieldsOf(one, undefined), fieldsOf(two, undefined)];
        const text = (set: typeof a): string[] => paths(set).sort();
        expect(text(union(a, b))).to.deep.equal([...new Set([...paths(a), ...paths(b)])].sort());
        expect(text(difference(a, b))).to.deep.equal(paths(a).filter((path) => !paths(b).includes(path)).sort());
        expect(text(intersection(a, b))).to.deep.equal(paths(a).filter((path) => paths(b).includes(path)).sort());
      }));
    });

    it('tell nothing changed from an object and itself, all from nothing (property)', () => {
      fc.assert(fc.property(object, object, (one, two) => {
        const same = diffFields(one, structuredClone(one), undefined);
        expect([formatFields(same.changed), formatFields(same.removed)]).to.deep.equal([undefined, undefined]);
        const { changed, removed } = diffFields(one, two, undefined);
        const now = paths(fieldsOf(two, undefined));
        for (const path of paths(changed)) expect(now).to.include(path);
        for (const path of paths(removed)) expect(now).not.to.include(path);
      }));
    });
  });
});
