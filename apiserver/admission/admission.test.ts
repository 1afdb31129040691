import { expect } from 'chai';
import { newObject } from '#crds/kinds.js';
import type { Kind, KindMap, Schedule, Secret } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { Forbidden, Invalid } from '#crds/objectStore.js';
import type { Role, StatusCause } from '#crds/objectStore.js';
import { Undecodable, createAdmission, decodeObject } from './index.js';
import type { AdmissionRequest, AdmissionResult } from './types.js';

const admission = createAdmission({ namespace: 'default' });
const writer = (role: Role = 'admin'): AdmissionRequest['writer'] => ({ principal: { name: 'alice', role }, door: 'resources', fieldManager: 'test' });

function admit<K extends Kind>(kind: K, object: unknown, more: Partial<Omit<AdmissionRequest<K>, 'kind' | 'object' | 'old'>> & { old?: unknown; role?: Role } = {}): AdmissionResult<K> {
  const { old, role, ...rest } = more;
  return admission.admit<K>({ kind, operation: old === undefined ? 'create' : 'update', object: object as KindMap[K], ...(old === undefined ? {} : { old: old as Stored<KindMap[K]> }), writer: writer(role), fieldValidation: 'Strict', ...rest });
}
function refusal(act: () => unknown): Error & { causes: StatusCause[] } {
  try {
    act();
  } catch (error) {
    if (error instanceof Invalid || error instanceof Forbidden) return error;
    throw error;
  }
  throw new Error('was accepted');
}
const host = (spec: unknown, metadata: object = {}): unknown => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'web1', ...metadata }, spec });
const secret = (rest: object, metadata: object = {}): unknown => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', ...metadata }, ...rest });

describe('Admission', () => {
  it('fills in defaults, nested ones only where the parent is there', () => {
    const schedule = { schedule: '@daily', sourceGroupRefs: [{ name: 'etc' }] };
    const make = (spec: object): Schedule => admit('Schedule', newObject('Schedule', { name: 's' }, { spec: spec as Schedule['spec'] })).object;
    expect(make(schedule).spec).to.deep.equal({ ...schedule, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3 });
    expect(make({ ...schedule, catchUp: {} }).spec.catchUp).to.deep.equal({ enabled: true, settleSeconds: 60 });
    expect(make({ ...schedule, catchUp: { enabled: false } }).spec.catchUp).to.deep.equal({ enabled: false, settleSeconds: 60 });
  });

  it('takes null as absent: a default comes back, an optional field goes', () => {
    expect(admit('Host', host({ presence: null, displayName: null })).object.spec).to.deep.equal({ presence: 'AlwaysOn', maxConcurrentJobs: 1 });
    expect(refusal(() => admit('Host', host(null))).causes[0]).to.deep.equal({ reason: 'FieldValueRequired', field: 'spec', message: 'Required value' });
  });

  it('applies defaults on read, without changing the object read', () => {
    const stored = Object.freeze({ ...(host(Object.freeze({})) as KindMap['Host']) });
    expect(admission.defaulted('Host', stored).spec).to.deep.equal({ presence: 'AlwaysOn', maxConcurrentJobs: 1 });
    expect(stored.spec).to.deep.equal({});
  });

  it('never changes the object given', () => {
    const object = host({ bandwidth: { uploadKiBps: 1 } });
    const before = JSON.stringify(object);
    const { object: result } = admit('Host', object);
    expect(JSON.stringify(object)).to.equal(before);
    expect(result.spec.bandwidth).to.not.equal((object as KindMap['Host']).spec.bandwidth);
  });

  it('treats unknown fields as fieldValidation says', () => {
    const object = host({ presence: 'AlwaysOn', nested: { a: 1 }, bandwidth: { uploadKiBps: 1, burst: 2 } });
    const strict = refusal(() => admit('Host', object));
    expect(strict).to.be.instanceOf(Undecodable);
    expect(strict.message).to.equal('Host in version "v1alpha1" cannot be handled as a Host: strict decoding error: unknown field "spec.nested", unknown field "spec.bandwidth.burst"');
    const warned = admit('Host', object, { fieldValidation: 'Warn' });
    expect(warned.warnings).to.deep.equal(['unknown field "spec.nested"', 'unknown field "spec.bandwidth.burst"']);
    expect(warned.object.spec).to.deep.equal({ presence: 'AlwaysOn', maxConcurrentJobs: 1, bandwidth: { uploadKiBps: 1 } });
    expect(admit('Host', object, { fieldValidation: 'Ignore' }).warnings).to.deep.equal([]);
  });

  it('is not fooled by names of Object.prototype', () => {
    expect(refusal(() => admit('Host', host({ constructor: {}, toString: 1 }))).message).to.include('unknown field "spec.constructor", unknown field "spec.toString"');
    const polluted: unknown = host(JSON.parse('{"__proto__":{"presence":"Intermittent"}}'));
    expect(refusal(() => admit('Host', polluted)).message).to.include('unknown field "spec.__proto__"');
    expect(admit('Host', polluted, { fieldValidation: 'Ignore' }).object.spec.presence).to.equal('AlwaysOn');
  });

  it('says everything at once, with a cause per field', () => {
    const error = refusal(() => admit('SourceGroup', { ...(host({ includes: ['etc'], activeDeadlineSeconds: 0, hostRef: { name: 'a' } }) as object), kind: 'SourceGroup' }));
    expect(error.message).to.equal(`SourceGroup.restic-manager.io "web1" is invalid: [spec.includes[0]: Invalid value: "etc": spec.includes[0] in body should match '^(/|[A-Za-z]:[\\\\/])', spec.activeDeadlineSeconds: Invalid value: 0: spec.activeDeadlineSeconds in body should be greater than or equal to 1]`);
    expect(error.causes.map(({ field, reason }) => [field, reason])).to.deep.equal([['spec.includes[0]', 'FieldValueInvalid'], ['spec.activeDeadlineSeconds', 'FieldValueInvalid']]);
  });

  it('says that rules were not checked when the object is too broken for them, as the API server does', () => {
    expect(refusal(() => admit('Host', host({ presence: 'x' }))).causes.at(-1)).to.deep.equal({
      reason: 'FieldValueInvalid', field: '<nil>', message: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    });
  });

  it('drops status on create and keeps it on update', () => {
    const object = { ...(host({}) as object), status: { phase: 'Online' } };
    expect(admit('Host', object).object).to.not.have.property('status');
    expect(admit('Host', object, { old: { ...(host({}) as object), status: { phase: 'Offline' } } }).object.status).to.deep.equal({ phase: 'Offline' });
  });

  it('checks a status write by the status alone and leaves the spec as stored', () => {
    const old = { ...(host({ presence: 'FromAnOlderVersion' }) as object), status: {} };
    const result = admit('Host', { ...(host({ presence: 'Intermittent' }) as object), status: { phase: 'Online' } }, { operation: 'status', old });
    expect(result.object.spec.presence).to.equal('FromAnOlderVersion');
    expect(result.object.status).to.deep.equal({ phase: 'Online' });
    expect(refusal(() => admit('Host', { ...(host({}) as object), status: { phase: 'On' } }, { operation: 'status', old })).message).to.include('status.phase: Unsupported value: "On"');
  });

  it('checks metadata in the words of the API server', () => {
    const first = (metadata: object): string => { const [cause] = refusal(() => admit('Host', host({}, metadata))).causes; return `${cause?.field ?? ''}: ${cause?.message ?? ''}`; };
    expect(first({ labels: { 'a b': 'x' } })).to.match(/^metadata\.labels: Invalid value: "a b": name part must consist of/);
    expect(first({ labels: { a: '-x' } })).to.match(/^metadata\.labels: Invalid value: "-x": a valid label must be an empty string or/);
    expect(first({ labels: { a: 'x'.repeat(64) } })).to.equal(`metadata.labels: Invalid value: "${'x'.repeat(64)}": must be no more than 63 characters`);
    expect(first({ labels: { '/a': 'x' } })).to.equal('metadata.labels: Invalid value: "/a": prefix part must be non-empty');
    expect(first({ annotations: { 'a//b': 'x' } })).to.match(/^metadata\.annotations: Invalid value: "a\/\/b": a qualified name/);
    expect(first({ annotations: { a: 'x'.repeat(262_144) } })).to.equal('metadata.annotations: Too long: may not be more than 262144 bytes');
    expect(first({ finalizers: ['a b'] })).to.match(/^metadata\.finalizers: Invalid value: "a b"/);
    expect(first({ ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x' }] })).to.equal('metadata.ownerReferences.uid: Invalid value: "": must not be empty');
    const owner = { apiVersion: 'v1', kind: 'X', name: 'x', controller: true };
    expect(first({ ownerReferences: [{ ...owner, uid: '1' }, { ...owner, uid: '2' }] })).to.include('Only one reference can have Controller set to true');
    expect(refusal(() => admit('Host', host({}, { labels: { a: 5 } }))).message).to.include('metadata.labels.a: Invalid value: "integer"');
    expect(refusal(() => admit('Host', host({}, { labels: [] }))).message).to.include('metadata.labels in body must be of type object');
  });

  it('refuses new finalizers on an object that is being deleted', () => {
    const old = host({}, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a.b/c'] });
    expect(refusal(() => admit('Host', host({}, { finalizers: ['a.b/c', 'a.b/d'] }), { old })).message).to.include('metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted');
    admit('Host', host({}, { finalizers: [] }), { old });
  });

  it('serves one namespace and says so', () => {
    expect(refusal(() => admit('Host', host({}, { namespace: 'other' })))).to.be.instanceOf(Forbidden).and.to.have.property('message', 'namespace "other" is not served: this installation has one namespace, "default"');
    admit('Host', host({}, { namespace: 'default' }));
  });

  describe('Secrets', () => {
    it('folds stringData into data and never returns it', () => {
      const { object } = admit('Secret', secret({ stringData: { password: 'geheim', b: 'wins' }, data: { a: 'YQ==', b: 'Yg==' } }));
      expect(object).to.deep.include({ type: 'Opaque', data: { a: 'YQ==', b: Buffer.from('wins').toString('base64'), password: Buffer.from('geheim').toString('base64') } });
      expect(object).to.not.have.property('stringData');
    });

    it('checks base64, keys and size', () => {
      expect(refusal(() => admit('Secret', secret({ data: { a: 'not base64' } }))).message).to.include('data.a in body must be of type byte');
      expect(refusal(() => admit('Secret', secret({ stringData: { 'a b': 'x' } }))).message).to.include('data[a b]: Invalid value: "a b": a valid config key must consist of');
      expect(refusal(() => admit('Secret', secret({ stringData: { a: 'x'.repeat(1024 * 1024 + 1) } }))).message).to.include('data: Too long: may not be more than 1048576 bytes');
      expect(refusal(() => admit('Secret', secret({ stringData: { a: 5 } })))).to.be.instanceOf(Undecodable);
    });

    it('never repeats a value in a refusal', () => {
      expect(refusal(() => admit('Secret', secret({ data: { a: 'geheim!' } }))).message).to.not.include('geheim');
      expect(refusal(() => admit('Secret', secret({ stringData: { password: ['geheim'] } }))).message).to.not.include('geheim');
    });

    it('keeps type, and everything once immutable', () => {
      const old = admit('Secret', secret({ stringData: { a: '1' } })).object as Secret;
      expect(refusal(() => admit('Secret', secret({ type: 'x/y', data: old.data }), { old })).message).to.equal('Secret "s" is invalid: type: Invalid value: "x/y": field is immutable');
      const locked: Secret = { ...old, immutable: true };
      expect(refusal(() => admit('Secret', secret({ immutable: true, stringData: { a: '2' } }), { old: locked })).message).to.include('data: Forbidden: field is immutable when `immutable` is set');
      expect(refusal(() => admit('Secret', secret({ data: old.data }), { old: locked })).message).to.include('immutable: Forbidden');
      admit('Secret', secret({ immutable: true, data: old.data }, { labels: { a: 'b' } }), { old: locked });
    });
  });

  it('checks events and leases', () => {
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: 'default' }, involvedObject: { kind: 'Host', name: 'web1' } };
    expect(refusal(() => admit('Event', event)).message).to.include('involvedObject.namespace: Invalid value: "": does not match event.namespace');
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: { leaseDurationSeconds: 0 } };
    expect(refusal(() => admit('Lease', lease)).message).to.include('spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0');
  });

  describe('decodeObject', () => {
    const options = { fieldValidation: 'Strict' as const };
    it('fills in apiVersion and kind and refuses others', () => {
      expect(decodeObject('Host', { metadata: { name: 'a' }, spec: {} }, options)).to.deep.equal({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'a' }, spec: {} });
      expect(() => decodeObject('Host', { kind: 'Hosts' }, options)).to.throw(Invalid, 'kind: Invalid value: "Hosts": must be Host');
      expect(() => decodeObject('Host', { apiVersion: 'v1' }, options)).to.throw(Undecodable, 'the API version in the data (v1) does not match the expected API version (restic-manager.io/v1alpha1)');
    });
    it('names duplicate and unknown fields together', () => {
      expect(() => decodeObject('Host', { metadata: { name: 'a', foo: 1 }, spec: {} }, { ...options, duplicates: ['spec'] })).to.throw(Undecodable, 'strict decoding error: duplicate field "spec", unknown field "metadata.foo"');
    });
  });
});
