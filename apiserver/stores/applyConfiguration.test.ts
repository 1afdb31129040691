import { expect } from 'chai';
import fc from 'fast-check';
import type { Kind } from '#crds/kinds.js';
import type { KubeObject, ManagedFieldsEntry } from '#crds/meta.js';
import { applyConfiguration, conflictMessage, type ApplyConflict, type ApplyOutcome } from './applyConfiguration.js';
import { claimedFields } from './applyFields.js';
import { formatFields, parseFields, paths, union, type FieldSet } from './fieldSet.js';
import { LAST_APPLIED } from './lastApplied.js';
import { afterUpdate, mergeSchema, ownable } from './managedFields.js';
import { equal, type Json } from './plainJson.js';
import { typedProblem } from './typedPatch.js';

interface Loose { [field: string]: unknown; metadata?: Json; spec?: Json; status?: Json }
interface Options { kind?: Kind; force?: boolean; subresource?: 'status'; second?: number }

const apiVersions: Partial<Record<Kind, string>> = { Secret: 'v1' };
/** An applied configuration of the object `a`. */
const config = (kind: Kind, { metadata, ...rest }: Loose): Json => ({ apiVersion: apiVersions[kind] ?? 'restic-manager.io/v1alpha1', kind, metadata: { name: 'a', ...metadata }, ...rest });
const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;

const hasNull = (value: unknown): boolean => value === null || (typeof value === 'object' && Object.values(value).some(hasNull));
const specOf = (object: KubeObject | undefined): unknown => (object as { spec?: unknown } | undefined)?.spec;
const statusOf = (object: KubeObject | undefined): unknown => (object as { status?: unknown } | undefined)?.status;

/** One object through a sequence of applies and updates, as a store would take it. */
class World {
  live: KubeObject | undefined;
  readonly kind: Kind;
  private second = 0;
  constructor(kind: Kind = 'Host') { this.kind = kind; }

  tryApply(manager: string, fields: Loose, { force = false, subresource }: Options = {}): ApplyOutcome {
    const outcome = applyConfiguration({ kind: this.kind, live: this.live, config: config(this.kind, fields), manager, force, time: at(this.second += 1), ...(subresource === undefined ? {} : { subresource }) });
    if ('conflicts' in outcome) return outcome;
    const { object, managedFields } = outcome;
    // Admission refuses them; metadata that holds nothing is left out.
    if (hasNull(specOf(object))) return { conflicts: [{ manager: 'admission', path: 'null' }] };
    for (const [name, value] of Object.entries(object.metadata)) if (value === null || equal(value, {})) Reflect.deleteProperty(object.metadata, name);
    const others = subresource === 'status' ? { ...this.live, status: statusOf(object) } : { ...object, ...(statusOf(this.live) === undefined ? {} : { status: statusOf(this.live) }) };
    this.live = { ...others, metadata: { ...(subresource === 'status' ? this.live?.metadata : object.metadata), name: 'a', managedFields } } as KubeObject;
    return outcome;
  }

  apply(manager: string, fields: Loose, options: Options = {}): this {
    const outcome = this.tryApply(manager, fields, options);
    if ('conflicts' in outcome) throw new Error(conflictMessage(outcome.conflicts));
    return this;
  }

  conflicts(manager: string, fields: Loose, options: Options = {}): ApplyConflict[] {
    const outcome = this.tryApply(manager, fields, options);
    return 'conflicts' in outcome ? outcome.conflicts : [];
  }

  update(manager: string, fields: Loose, subresource?: 'status'): this {
    const next = { ...config(this.kind, fields) } as unknown as KubeObject;
    const entries = afterUpdate(this.kind, this.live?.metadata.managedFields ?? [], this.live, next, { manager, time: at(this.second += 1), ...(subresource === undefined ? {} : { subresource }) });
    this.live = { ...next, metadata: { ...next.metadata, managedFields: [...entries] } };
    return this;
  }

  get part(): Json { return this.live === undefined ? {} : ownable(this.live, undefined); }
  get spec(): unknown { return specOf(this.live); }
  get managers(): Record<string, unknown> { return Object.fromEntries((this.live?.metadata.managedFields ?? []).map((entry) => [`${entry.manager ?? ''}/${entry.operation ?? ''}${entry.subresource === undefined ? '' : `/${entry.subresource}`}`, entry.fieldsV1])); }
  entry(manager: string): ManagedFieldsEntry | undefined { return this.live?.metadata.managedFields?.find((entry) => entry.manager === manager && entry.operation === 'Apply'); }
}

describe('server-side apply (X2)', () => {
  describe('claims', () => {
    const rows: { what: string; kind?: Kind; fields: Loose; claims: Json | undefined }[] = [
      { what: 'leaves, not the structs around them', fields: { spec: { bandwidth: { uploadKiBps: 1 } } }, claims: { 'f:spec': { 'f:bandwidth': { 'f:uploadKiBps': {} } } } },
      { what: 'keys of maps', fields: { metadata: { labels: { a: 'b' } } }, claims: { 'f:metadata': { 'f:labels': { 'f:a': {} } } } },
      { what: 'empty structs themselves', fields: { spec: {} }, claims: { 'f:spec': {} } },
      { what: 'items of map-lists by key', kind: 'Schedule', fields: { spec: { sourceGroupRefs: [{ name: 'x' }] } }, claims: { 'f:spec': { 'f:sourceGroupRefs': { 'k:{"name":"x"}': { '.': {}, 'f:name': {} } } } } },
      { what: 'items of sets by value', kind: 'SourceGroup', fields: { spec: { excludes: ['/a'] } }, claims: { 'f:spec': { 'f:excludes': { 'v:"/a"': {} } } } },
      { what: 'atomic lists as one', fields: { status: {}, spec: { unknownList: [1, 2] } }, claims: { 'f:spec': { 'f:unknownList': {} } } },
      { what: 'atomic maps as one', kind: 'Event', fields: { involvedObject: { name: 'x', uid: 'y' } }, claims: { 'f:involvedObject': {} } },
      { what: 'owner references by uid', fields: { metadata: { ownerReferences: [{ uid: 'u', name: 'n' }] } }, claims: { 'f:metadata': { 'f:ownerReferences': { 'k:{"uid":"u"}': {} } } } },
      { what: 'nothing of identity or of the other subresource', fields: { metadata: { uid: 'u', resourceVersion: '1', creationTimestamp: null }, status: { phase: 'Online' } }, claims: undefined },
    ];
    for (const { what, kind, fields, claims } of rows) {
      it(`are for ${what}`, () => {
        expect(new World(kind).apply('m', fields).managers).to.deep.equal(claims === undefined ? {} : { 'm/Apply': claims });
      });
    }
  });

  describe('conflicts', () => {
    it('name manager and field of each value another manager set otherwise', () => {
      const world = new World().apply('git', { spec: { displayName: 'x', suspend: true } }).update('kubectl-edit', { spec: { displayName: 'x', suspend: false } });
      expect(world.conflicts('other', { spec: { displayName: 'y', suspend: true } })).to.deep.equal([
        { manager: '"git"', path: '.spec.displayName' },
        { manager: '"kubectl-edit" using restic-manager.io/v1alpha1', path: '.spec.suspend' },
      ]);
    });

    it('name items of lists by key', () => {
      const ready = (status: string): Loose => ({ status: { conditions: [{ type: 'Ready', status }] } });
      const world = new World().apply('git', { spec: {} }).apply('probe', ready('True'), { subresource: 'status' });
      expect(world.conflicts('other', ready('False'), { subresource: 'status' })).to.deep.equal([{ manager: '"probe" with subresource "status"', path: '.status.conditions[type="Ready"].status' }]);
    });

    it('are told as the API server does, one or several', () => {
      expect(conflictMessage([{ manager: '"x" using v1', path: '.data.a' }])).to.equal('Apply failed with 1 conflict: conflict with "x" using v1: .data.a');
      expect(conflictMessage([{ manager: '"x"', path: '.data.a' }, { manager: '"x"', path: '.data.b' }, { manager: '"y"', path: '.type' }])).to.equal('Apply failed with 3 conflicts: conflicts with "x":\n- .data.a\n- .data.b\nconflicts with "y":\n- .type');
    });

    it('are none where the value is the same: both own it then', () => {
      const world = new World().apply('one', { spec: { displayName: 'x' } }).apply('two', { spec: { displayName: 'x' } });
      expect(world.managers).to.deep.equal({ 'one/Apply': { 'f:spec': { 'f:displayName': {} } }, 'two/Apply': { 'f:spec': { 'f:displayName': {} } } });
      expect(world.conflicts('one', { spec: { displayName: 'y' } })).to.deep.equal([{ manager: '"two"', path: '.spec.displayName' }]);
    });

    it('are none with force, which takes the field from all others', () => {
      const world = new World().apply('one', { spec: { displayName: 'x', suspend: true } }).apply('two', { spec: { displayName: 'x' } }).apply('three', { spec: { displayName: 'y' } }, { force: true });
      expect(world.managers).to.deep.equal({ 'one/Apply': { 'f:spec': { 'f:suspend': {} } }, 'three/Apply': { 'f:spec': { 'f:displayName': {} } } });
    });

    it('meet the first applier of an object nobody was recorded for', () => {
      const world = new World();
      world.live = config('Host', { spec: { displayName: 'x' } }) as unknown as KubeObject;
      expect(world.conflicts('git', { spec: { displayName: 'y' } })).to.deep.equal([{ manager: '"before-first-apply" using restic-manager.io/v1alpha1', path: '.spec.displayName' }]);
    });
  });

  describe('removal', () => {
    it('takes fields no longer applied, and the struct that held nothing else', () => {
      const world = new World().apply('m', { spec: { displayName: 'x', bandwidth: { uploadKiBps: 1 } } }).apply('m', { spec: { displayName: 'x' } });
      expect(world.spec).to.deep.equal({ displayName: 'x' });
    });

    it('leaves what another manager owns too, applier or not', () => {
      const world = new World().apply('one', { spec: { displayName: 'x', suspend: true } }).apply('two', { spec: { displayName: 'x' } }).apply('one', { spec: {} });
      expect(world.spec).to.deep.equal({ displayName: 'x' });
      const updated = new World().update('alice', { spec: { displayName: 'x' } }).apply('one', { spec: { displayName: 'x' } }).apply('one', { spec: {} });
      expect(updated.spec).to.deep.equal({ displayName: 'x' });
    });

    it('leaves what its manager never claimed', () => {
      const world = new World().update('alice', { spec: { presence: 'AlwaysOn', bandwidth: { uploadKiBps: 1 } } }).apply('m', { spec: { bandwidth: { downloadKiBps: 2 } } }).apply('m', { spec: {} });
      expect(world.spec).to.deep.equal({ presence: 'AlwaysOn', bandwidth: { uploadKiBps: 1 } });
    });

    it('does not reach fields that an update has changed since', () => {
      const world = new World().apply('m', { spec: { displayName: 'x', suspend: true } }).update('alice', { spec: { displayName: 'y', suspend: true } }).apply('m', { spec: { suspend: true } });
      expect(world.spec).to.deep.equal({ displayName: 'y', suspend: true });
    });

    it('takes items of map-lists and sets one by one', () => {
      const refs = (...names: string[]): Loose => ({ spec: { sourceGroupRefs: names.map((name) => ({ name })) } });
      const world = new World('Schedule').apply('one', refs('a', 'b', 'c')).apply('two', refs('c', 'd')).apply('one', refs('b'));
      expect(world.spec).to.deep.equal({ sourceGroupRefs: [{ name: 'b' }, { name: 'c' }, { name: 'd' }] });
      const sets = new World('SourceGroup').apply('one', { spec: { excludes: ['a', 'b'] } }).apply('two', { spec: { excludes: ['b', 'c'] } }).apply('one', { spec: {} });
      expect(sets.spec).to.deep.equal({ excludes: ['b', 'c'] });
    });

    it('ends a manager that applies nothing', () => {
      const world = new World().apply('one', { spec: { suspend: true } }).apply('two', { metadata: { labels: { a: 'b' } } }).apply('two', {});
      expect(Object.keys(world.managers)).to.deep.equal(['one/Apply']);
      expect(world.live?.metadata.labels).to.equal(undefined);
    });
  });

  describe('merging', () => {
    const orders: [string[], string[], string[]][] = [
      [['a', 'b', 'c'], ['c', 'a'], ['b', 'c', 'a']], [['a', 'b'], ['b', 'a'], ['b', 'a']], [['a', 'c'], ['b', 'c'], ['a', 'b', 'c']],
      [[], ['a', 'b'], ['a', 'b']], [['a', 'b'], ['x'], ['a', 'b', 'x']], [['x', 'a', 'y', 'b'], ['b', 'n', 'a'], ['x', 'y', 'b', 'n', 'a']],
    ];
    for (const [live, applied, expected] of orders) {
      it(`orders ${live.join()} and ${applied.join()} as ${expected.join()}`, () => {
        const refs = (names: string[]): Loose => ({ spec: { sourceGroupRefs: names.map((name) => ({ name })) } });
        const world = new World('Schedule').update('alice', refs(live)).apply('m', refs(applied));
        expect((world.spec as { sourceGroupRefs: { name: string }[] }).sourceGroupRefs.map(({ name }) => name)).to.deep.equal(expected);
      });
    }

    it('keeps a map when the configuration says null of it, and a name like __proto__ is only a name', () => {
      const world = new World().update('alice', { metadata: { labels: { a: 'b' } }, spec: {} });
      world.apply('m', { metadata: { labels: null } });
      expect(world.live?.metadata.labels).to.deep.equal({ a: 'b' });
      world.apply('m', { metadata: { labels: JSON.parse('{"__proto__":"x","constructor":"y"}') as Json } });
      expect(Object.keys(world.live?.metadata.labels ?? {})).to.have.members(['a', '__proto__', 'constructor']);
      expect(({} as Json)['x']).to.equal(undefined);
    });
  });

  describe('time', () => {
    it('of a manager stays when it changes nothing', () => {
      const world = new World().apply('m', { spec: { suspend: true } });
      const first = world.entry('m')?.time;
      expect(world.apply('m', { spec: { suspend: true } }).entry('m')?.time).to.equal(first);
      expect(world.apply('m', { spec: { suspend: false } }).entry('m')?.time).not.to.equal(first);
    });
  });

  describe('after client-side apply', () => {
    const annotated = (applied: Loose, extra: Json = {}): Loose => ({ metadata: { annotations: { [LAST_APPLIED]: JSON.stringify(config('Host', applied)) } }, spec: { ...applied.spec, ...extra } });

    it('kubectl takes over what the annotation says, where it still has that value', () => {
      const world = new World().update('kubectl-client-side-apply', annotated({ spec: { displayName: 'x' } }, { suspend: true }));
      expect(world.conflicts('other', { spec: { displayName: 'y' } })).to.have.length(1);
      expect(world.conflicts('kubectl', { spec: { displayName: 'y', suspend: false } })).to.deep.equal([{ manager: '"kubectl-client-side-apply" using restic-manager.io/v1alpha1', path: '.spec.suspend' }]);
      world.apply('kubectl', { spec: { displayName: 'y' } });
      expect(world.spec).to.deep.equal({ displayName: 'y', suspend: true });
      expect(world.live?.metadata.annotations?.[LAST_APPLIED]).to.equal('{"apiVersion":"restic-manager.io/v1alpha1","kind":"Host","metadata":{"name":"a"},"spec":{"displayName":"y"}}\n');
    });

    it('an annotation that cannot be read gives nothing', () => {
      const world = new World().update('kubectl-client-side-apply', { metadata: { annotations: { [LAST_APPLIED]: '{' } }, spec: { displayName: 'x' } });
      expect(world.conflicts('kubectl', { spec: { displayName: 'y' } })).to.have.length(1);
    });
  });

  describe('shape', () => {
    const rows: [string, Kind, Loose, string | undefined][] = [
      ['a good object', 'Host', { metadata: { labels: { a: 'b' }, creationTimestamp: null }, spec: { suspend: true, bandwidth: null } }, undefined],
      ['an unknown field', 'Host', { spec: { bandwidth: { sideways: 1 } } }, '.spec.bandwidth.sideways: field not declared in schema'],
      ['an unknown field of metadata', 'Secret', { metadata: { nope: 1 } }, '.metadata.nope: field not declared in schema'],
      ['a number for a text', 'Secret', { metadata: { labels: { a: 1 } } }, '.metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}'],
      ['a text for a number', 'Host', { spec: { bandwidth: { uploadKiBps: '1' } } }, '.spec.bandwidth.uploadKiBps: expected numeric (int or float), got string'],
      ['a text for a boolean', 'Host', { spec: { suspend: 'true' } }, '.spec.suspend: expected boolean, got &{true}'],
      ['a map for a list', 'SourceGroup', { spec: { excludes: { a: 1 } } }, '.spec.excludes: expected list, got &{map[a:1]}'],
      ['an item without its key', 'Schedule', { spec: { sourceGroupRefs: [{}] } }, '.spec.sourceGroupRefs: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)'],
      ['an item twice', 'Schedule', { spec: { sourceGroupRefs: [{ name: 'a' }, { name: 'a' }] } }, '.spec.sourceGroupRefs: duplicate entries for key [name="a"]'],
      ['problems in two places', 'Host', { metadata: { labels: { a: 1 } }, spec: { a: 1, b: 2 } }, 'errors:\n  .metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}\n  .spec.a: field not declared in schema'],
    ];
    for (const [what, kind, fields, problem] of rows) it(`of ${what}`, () => { expect(typedProblem(kind, config(kind, fields))).to.equal(problem); });
  });

  describe('for any sequence (property)', () => {
    // No empty maps and lists: in structured-merge-diff an empty list is nobody's and an emptied map is no empty one, so applying
    // them twice is not applying them once. That this is the same here is what test/cluster/applyParity.test.ts shows.
    const label = fc.constantFrom('a', 'b', 'c');
    const fields: fc.Arbitrary<Loose> = fc.record({
      metadata: fc.record({ labels: fc.dictionary(label, fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 3 }) }, { requiredKeys: [] }),
      spec: fc.record({
        schedule: fc.constantFrom('@daily', '@hourly'), suspend: fc.boolean(), catchUp: fc.record({ enabled: fc.boolean(), settleSeconds: fc.integer({ min: 0, max: 1 }) }, { requiredKeys: ['enabled'] }),
        sourceGroupRefs: fc.uniqueArray(label, { minLength: 1, maxLength: 3 }).map((all) => all.map((name) => ({ name }))),
      }, { requiredKeys: [] }),
    }, { requiredKeys: [] });
    const manager = fc.constantFrom('one', 'two', 'kubectl');
    const step = fc.oneof(
      fc.record({ do: fc.constant('apply' as const), manager, fields, force: fc.boolean() }),
      fc.record({ do: fc.constant('update' as const), manager, fields, force: fc.constant(false) }),
    );
    const run = (world: World, steps: readonly { do: 'apply' | 'update'; manager: string; fields: Loose; force: boolean }[]): void => {
      for (const each of steps) {
        if (each.do === 'update') world.update(each.manager, each.fields);
        else world.tryApply(each.manager, each.fields, { force: each.force });
        checkInvariants(world);
      }
    };
    const schema = mergeSchema('Schedule');
    /** Every path that exists, structs included. */
    const there = (world: World): Set<string> => new Set(paths(allFields(world.part)));
    const allFields = (value: Json): FieldSet => {
      const entries = afterUpdate('Schedule', [], undefined, { ...config('Schedule', {}), ...value, metadata: { name: 'a', ...value['metadata'] as Json } } as unknown as KubeObject, { manager: 'm', time: at(0) });
      return entries.map((entry) => parseFields(entry.fieldsV1)).reduce(union, { own: false, children: new Map() });
    };
    const isEmptyContainer = (path: string): boolean => ['.metadata.labels', '.spec', '.spec.catchUp'].includes(path);

    function checkInvariants(world: World): void {
      const present = there(world);
      for (const entry of world.live?.metadata.managedFields ?? []) {
        for (const path of paths(parseFields(entry.fieldsV1))) {
          if (!isEmptyContainer(path)) expect(present.has(path), `${entry.manager ?? ''} owns ${path}, which is not there`).to.equal(true);
        }
      }
    }

    it('applying twice is applying once', () => {
      fc.assert(fc.property(fc.array(step, { maxLength: 5 }), manager, fields, (steps, who, what) => {
        const world = new World('Schedule');
        run(world, steps);
        fc.pre(!('conflicts' in world.tryApply(who, what, { force: true })));
        const once = structuredClone(world.live);
        // Whoever claims nothing leaves no record, and the next one finds an object of nobody.
        fc.pre(once?.metadata.managedFields?.length !== 0);
        world.apply(who, what);
        expect(equal(world.part, ownable(once as KubeObject, undefined)), 'values').to.equal(true);
        const withoutTime = (object: KubeObject | undefined): unknown => object?.metadata.managedFields?.map(({ time: _time, ...entry }) => entry);
        expect(withoutTime(world.live)).to.deep.equal(withoutTime(once));
      }), { numRuns: 300 });
    });

    it('what was applied is there and claimed, and no owner owns what is not there', () => {
      fc.assert(fc.property(fc.array(step, { maxLength: 8 }), manager, fields, (steps, who, what) => {
        const world = new World('Schedule');
        run(world, steps);
        const before = structuredClone(world.live);
        const outcome = world.tryApply(who, what);
        checkInvariants(world);
        if ('conflicts' in outcome) {
          expect(outcome.conflicts).not.to.have.length(0);
          expect(world.live).to.deep.equal(before);
          return;
        }
        const claims = paths(claimedFields(ownable(config('Schedule', what) as unknown as KubeObject, undefined), schema)).filter((path) => path !== '.metadata');
        expect(paths(parseFields(world.entry(who)?.fieldsV1))).to.have.members(claims);
        const present = there(world);
        for (const path of claims) if (!isEmptyContainer(path)) expect(present.has(path), path).to.equal(true);
        const again = applyConfiguration({ kind: 'Schedule', live: world.live, config: config('Schedule', what), manager: 'another', force: false, time: at(59) });
        expect('conflicts' in again ? again.conflicts.filter(({ path }) => !isEmptyContainer(path) && path !== '.spec.sourceGroupRefs') : [], 'the values are those applied').to.deep.equal([]);
      }), { numRuns: 300 });
    });

    it('without force or update, what one applier claims no other takes or changes', () => {
      fc.assert(fc.property(fc.array(fc.record({ manager, fields }), { maxLength: 10 }), (steps) => {
        const world = new World('Schedule');
        const said = new Map<string, Loose>();
        for (const each of steps) {
          const outcome = world.tryApply(each.manager, each.fields);
          if (!('conflicts' in outcome)) said.set(each.manager, each.fields);
          for (const [who, what] of said) {
            const expected = claimedFields(ownable(config('Schedule', what) as unknown as KubeObject, undefined), schema);
            const own = paths(expected).filter((path) => path !== '.metadata');
            expect(paths(parseFields(world.entry(who)?.fieldsV1)), who).to.have.members(own);
          }
        }
      }), { numRuns: 300 });
    });

    it('managers of different fields never meet', () => {
      const names = fc.uniqueArray(label, { maxLength: 3 });
      fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('x', 'y'), names, fc.constantFrom('1', '2')), { maxLength: 10 }), (steps) => {
        const world = new World('Schedule');
        const now = new Map<string, Record<string, string>>();
        for (const [who, all, value] of steps) {
          const labels = Object.fromEntries(all.map((name) => [`${who}-${name}`, value]));
          world.apply(who, all.length === 0 ? {} : { metadata: { labels } });
          now.set(who, labels);
          expect(world.live?.metadata.labels ?? {}).to.deep.equal(Object.assign({}, ...now.values()));
          for (const [each, own] of now) expect(formatFields(parseFields(world.entry(each)?.fieldsV1)) ?? {}).to.deep.equal(Object.keys(own).length === 0 ? {} : { 'f:metadata': { 'f:labels': Object.fromEntries(Object.keys(own).sort().map((name) => [`f:${name}`, {}])) } });
        }
      }));
    });
  });
});
