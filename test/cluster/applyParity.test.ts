/**
 * Server-side apply on the standalone server and on a real kube-apiserver: the same sequences of applies, updates and patches give
 * the same status codes, messages, causes, objects and managedFields (X2). Random sequences beside the chosen ones.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { startCluster, type Cluster } from '../builders/cluster.js';
import { startApi, type ApiUnderTest } from '../integration/kubectl/server.js';

type Json = Record<string, unknown>;
interface Step { do: 'apply' | 'merge' | 'json' | 'create' | 'put'; manager?: string; force?: boolean; status?: boolean; dryRun?: boolean; validation?: string; body: unknown }
type Send = (method: string, path: string, body: string, type: string) => Promise<{ status: number; text: string }>;

interface Target { path: string; apiVersion: string; kind: string }
const targets = {
  Host: { path: '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts', apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host' },
  Schedule: { path: '/apis/restic-manager.io/v1alpha1/namespaces/default/schedules', apiVersion: 'restic-manager.io/v1alpha1', kind: 'Schedule' },
  SourceGroup: { path: '/apis/restic-manager.io/v1alpha1/namespaces/default/sourcegroups', apiVersion: 'restic-manager.io/v1alpha1', kind: 'SourceGroup' },
  Secret: { path: '/api/v1/namespaces/default/secrets', apiVersion: 'v1', kind: 'Secret' },
} satisfies Record<string, Target>;

describe('server-side apply on both engines (X2)', function () {
  this.timeout(10 * 60_000);
  let api: ApiUnderTest;
  let cluster: Cluster;
  let engines: Send[] = [];
  let serial = 0;

  before(async () => {
    cluster = await startCluster();
    api = await startApi();
    engines = [
      (method, path, body, type) => api.request(method, path, { ...(body === '' ? {} : { body }), headers: { accept: 'application/json', 'content-type': type } }),
      (method, path, body, type) => cluster.request(method, path, body === '' ? undefined : JSON.parse(body), { headers: { accept: 'application/json', 'content-type': type } }),
    ];
  });
  after(async () => {
    await api.close();
    await cluster.stop();
  });

  /** What both must answer alike: times, uids and versions masked, order of entries kept unless times decide it. */
  function shown({ status, text }: { status: number; text: string }): unknown {
    const body = JSON.parse(text) as Json & { metadata?: Json; details?: unknown };
    // The one code that differs on purpose: differences.md.
    const isMistyped = typeof body['message'] === 'string' && body['message'].startsWith('failed to create typed patch object');
    if (body['kind'] === 'Status') return { code: isMistyped ? 'mistyped' : status, reason: body['reason'], message: mask(String(body['message'])), causes: mask(String(body['message'])) === 'a null is left' ? undefined : byText((body.details as { causes?: unknown[] } | undefined)?.causes) };
    const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, managedFields, ...metadata } = body.metadata ?? {};
    const entries = (managedFields as Json[] | undefined)?.map(({ time, ...entry }) => ({ ...entry, hasTime: time !== undefined }));
    return { code: status, ...body, metadata: { ...metadata, ...(entries === undefined ? {} : { managedFields: byText(entries) }) } };
  }
  /** The API server gives conflicts in no order, and entries in one that depends on the second. */
  const byText = (all: readonly unknown[] | undefined): unknown => all && [...new Map(all.map((each) => [sortedText(each), each]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  const sortedText = (value: unknown): string => JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));
  /** Where a null is left, more than one error is said together there: the refusal counts. */
  const mask = (text: string): string => (/"null"/.test(text) ? 'a null is left' : text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>'));

  /** @param compareVersions whether the same steps must use up a version: not where the API server writes an equal object again */
  async function compare(target: Target, steps: readonly Step[], compareVersions = true): Promise<void> {
    const name = `apply-${serial += 1}`;
    const versions: (string | undefined)[] = [undefined, undefined];
    for (const [index, step] of steps.entries()) {
      const answers = await Promise.all(engines.map(async (send, which) => {
        const answer = await run(send, target, name, step);
        const seen = await send('GET', `${target.path}/${name}`, '', 'application/json');
        const version = seen.status === 200 ? (JSON.parse(seen.text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion : undefined;
        const changed = version !== versions[which];
        versions[which] = version;
        return { answer: shown(answer), ...(compareVersions ? { changed } : {}), stored: shown(seen) };
      }));
      expect(answers[0], `step ${index}: ${JSON.stringify(step)}\nof ${JSON.stringify(steps)}`).to.deep.equal(answers[1]);
    }
    await Promise.all(engines.map((send) => send('DELETE', `${target.path}/${name}`, '', 'application/json')));
  }

  async function run(send: Send, target: Target, name: string, step: Step): Promise<{ status: number; text: string }> {
    const { path, apiVersion, kind } = target;
    const query = new URLSearchParams({ ...(step.manager === undefined ? {} : { fieldManager: step.manager }), ...(step.force === undefined ? {} : { force: String(step.force) }), ...(step.dryRun === true ? { dryRun: 'All' } : {}), ...(step.validation === undefined ? {} : { fieldValidation: step.validation }) });
    const at = `${path}/${name}${step.status === true ? '/status' : ''}?${query.toString()}`;
    if (step.do === 'json' || step.do === 'merge') return send('PATCH', at, JSON.stringify(step.body), `application/${step.do}-patch+json`);
    const { metadata, ...rest } = step.body as { metadata?: Json };
    const object = { apiVersion, kind, metadata: { name, ...metadata }, ...rest };
    if (step.do === 'apply') return send('PATCH', at, JSON.stringify(object), 'application/apply-patch+yaml');
    if (step.do === 'create') return send('POST', `${path}?${query.toString()}`, JSON.stringify(object), 'application/json');
    const seen = await send('GET', `${path}/${name}`, '', 'application/json');
    const live = JSON.parse(seen.text) as { metadata: { resourceVersion: string } };
    return send('PUT', at, JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: live.metadata.resourceVersion } }), 'application/json');
  }

  const apply = (manager: string, body: Json, more: Partial<Step> = {}): Step => ({ do: 'apply', manager, body, ...more });
  const refs = (...names: string[]): Json => ({ spec: { schedule: '@daily', sourceGroupRefs: names.map((name) => ({ name })) } });
  const ready = (status: string, ...more: Json[]): Json => ({ status: { phase: 'Online', conditions: [{ type: 'Ready', status, reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' }, ...more] } });
  const annotation = (spec: Json): Json => ({ 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'x' }, spec }) });

  const rows: { what: string; kind?: keyof typeof targets; versions?: boolean; steps: Step[] }[] = [
    { what: 'create, no change, change', steps: [apply('git', { metadata: { labels: { a: 'b' } }, spec: { displayName: 'One' } }), apply('git', { metadata: { labels: { a: 'b' } }, spec: { displayName: 'One' } }), apply('git', { metadata: { labels: { a: 'c' } }, spec: { displayName: 'Two' } })] },
    { what: 'sharing, conflict, force, removal', steps: [apply('one', { spec: { displayName: 'x', suspend: true } }), apply('two', { spec: { displayName: 'x' } }), apply('three', { spec: { displayName: 'y', suspend: true } }), apply('three', { spec: { displayName: 'y' } }, { force: true }), apply('one', { spec: {} }), apply('two', {}), apply('three', { spec: {} })] },
    { what: 'updates take fields and appliers meet them', steps: [apply('git', { spec: { displayName: 'x', suspend: true } }), { do: 'merge', manager: 'edit', body: { spec: { suspend: false } } }, apply('git', { spec: { displayName: 'x', suspend: true } }), apply('git', { spec: { displayName: 'x' } }), { do: 'merge', manager: 'edit', body: { spec: { displayName: 'x', suspend: null } } }, { do: 'put', manager: 'put', body: { spec: { displayName: 'z' } } }] },
    { what: 'empty maps and lists', versions: false, steps: [apply('git', { metadata: { labels: {}, annotations: {}, finalizers: [] }, spec: { bandwidth: {} } }), apply('git', { metadata: { labels: {}, annotations: {}, finalizers: [] }, spec: { bandwidth: {} } }), apply('other', { metadata: { labels: {} }, spec: { bandwidth: {} } }), apply('git', { spec: { bandwidth: { uploadKiBps: 1 } } }), apply('git', { spec: {} })] },
    { what: 'null', steps: [apply('git', { metadata: { creationTimestamp: null, labels: null }, spec: { displayName: 'x', bandwidth: null } }), apply('git', { spec: { displayName: 'x', presence: null } }), apply('git', { spec: { displayName: null } })] },
    { what: 'a map that empties below another\'s claim on it', steps: [apply('two', { metadata: { labels: { a: '1' } } , spec: {} }), apply('one', { metadata: { labels: {} } }), apply('two', { spec: {} }), { do: 'merge', manager: 'm', body: { spec: { bandwidth: {} } } }, apply('two', { spec: { bandwidth: { uploadKiBps: 1 } } }), apply('two', { spec: {} }), apply('two', { spec: { bandwidth: {} } })] },
    { what: 'a map applied empty after it held something', steps: [apply('git', { spec: { bandwidth: { uploadKiBps: 1 } } }), apply('git', { spec: { bandwidth: {} } }), apply('git', { spec: {} }), apply('probe', { status: { phase: 'Online' } }, { status: true }), apply('probe', { status: {} }, { status: true }), apply('probe', {}, { status: true })] },
    { what: 'nothing at all', steps: [{ do: 'create', manager: 'c', body: { spec: {} } }, apply('git', {}), apply('git', { spec: {} })] },
    { what: 'an empty associative list', kind: 'SourceGroup', steps: [{ do: 'create', manager: 'c', body: { spec: { hostRef: { name: 'h' }, includes: ['/a'] } } }, apply('git', { spec: { excludes: ['a', 'b'] } }), apply('git', { spec: { excludes: [] } }), apply('git', { spec: { excludes: [] } }), apply('other', { spec: { excludes: ['c'] } })] },
    { what: 'sets', kind: 'SourceGroup', steps: [apply('one', { spec: { hostRef: { name: 'h' }, includes: ['/a', '/b'] } }), apply('two', { spec: { includes: ['/c', '/b'] } }), apply('one', { spec: { hostRef: { name: 'h' }, includes: ['/b'] } }), apply('two', { spec: { includes: ['/c'] } }), apply('two', { spec: { includes: ['/c', '/c'] } })] },
    { what: 'map-lists and their order', kind: 'Schedule', steps: [apply('one', refs('a', 'b', 'c')), apply('two', refs('c', 'd', 'a')), apply('one', refs('b')), apply('two', refs('a')), apply('one', refs('x', 'b')), apply('one', { spec: { schedule: '@daily', sourceGroupRefs: [{ name: 'a' }, { name: 'a' }] } }), apply('one', { spec: { schedule: '@daily', sourceGroupRefs: [{}] } })] },
    { what: 'nested defaults and a struct that empties', kind: 'Schedule', steps: [apply('one', { spec: { ...refs('a')['spec'] as Json, catchUp: { enabled: false } } }), apply('two', { spec: { catchUp: { settleSeconds: 5 } } }), apply('two', { spec: { catchUp: { settleSeconds: 60 } } }, { force: true }), apply('one', refs('a')), apply('two', {})] },
    { what: 'a required field that goes', kind: 'Schedule', steps: [apply('one', refs('a')), apply('one', { spec: { schedule: '@daily' } }), apply('one', {})] },
    { what: 'status', steps: [apply('git', { spec: { displayName: 'x' }, ...ready('True') }), apply('probe', { spec: { displayName: 'y' }, ...ready('True') }, { status: true }), apply('other', ready('False'), { status: true }), apply('other', ready('False'), { status: true, force: true }), apply('probe', { status: { phase: 'Online' } }, { status: true }), apply('git', { spec: { displayName: 'x' } }), apply('probe', {}, { status: true }), apply('other', {}, { status: true })] },
    { what: 'status of an object of nobody', steps: [{ do: 'create', manager: 'c', body: { spec: {} } }, { do: 'json', manager: 'j', body: [{ op: 'replace', path: '/metadata/managedFields', value: [] }] }, apply('probe', ready('True'), { status: true })] },
    { what: 'an empty list of entries of a Secret', kind: 'Secret', steps: [{ do: 'create', manager: 'c', body: {} }, { do: 'json', manager: 'j', body: [{ op: 'replace', path: '/metadata/managedFields', value: [] }] }] },
    { what: 'an empty list of entries in a put', steps: [{ do: 'create', manager: 'c', body: { spec: {} } }, { do: 'put', manager: 'j', body: { metadata: { managedFields: [] }, spec: {} } }] },
    { what: 'an empty list of entries in a put of a Secret', kind: 'Secret', steps: [{ do: 'create', manager: 'c', body: { data: { a: 'QQ==' } } }, { do: 'put', manager: 'j', body: { metadata: { managedFields: [] }, data: { a: 'QQ==' } } }] },
    { what: 'reset and first apply', steps: [{ do: 'create', manager: 'c', body: { metadata: { labels: { a: 'b' } }, spec: { displayName: 'x' } } }, { do: 'json', manager: 'j', body: [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }] }, { do: 'merge', manager: 'm', body: { metadata: { labels: { c: 'd' } } } }, apply('git', { spec: { displayName: 'y' } }), apply('git', { spec: { displayName: 'x' } }), apply('git', { spec: {} })] },
    { what: 'entries rewritten by a patch', steps: [{ do: 'create', manager: 'c', body: { spec: { displayName: 'x', suspend: true } } }, { do: 'json', manager: 'j', body: [{ op: 'replace', path: '/metadata/managedFields', value: [{ manager: 'git', operation: 'Apply', apiVersion: 'restic-manager.io/v1alpha1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:displayName': {}, 'f:suspend': {} } } }] }] }, apply('git', { spec: { displayName: 'x' } })] },
    { what: 'client-side to server-side', steps: [{ do: 'create', manager: 'kubectl-client-side-apply', body: { metadata: { annotations: annotation({ displayName: 'x' }) }, spec: { displayName: 'x', suspend: true } } }, apply('other', { spec: { displayName: 'y' } }), apply('kubectl', { spec: { displayName: 'y', suspend: false } }), apply('kubectl', { metadata: { annotations: { ab: 'x' } }, spec: { displayName: 'y' } }), apply('kubectl', { metadata: { labels: { a: 'b' } }, spec: { displayName: 'y&<>' } }), apply('kubectl', { metadata: { labels: { a: 'b' } }, spec: { displayName: 'y&<>' } })] },
    { what: 'Secrets', kind: 'Secret', steps: [apply('one', { data: { a: 'QQ==', b: 'Qg==' }, type: 'Opaque' }), apply('two', { data: { c: 'Qw==' } }), apply('two', { data: { a: 'Wg==' } }), apply('one', { data: { a: 'QQ==' } }), apply('three', { stringData: { d: 'D' } }), apply('three', { stringData: { d: 'D' } }), apply('three', { stringData: { d: 'E' } }), apply('one', { data: { d: 'RA==' } }), apply('three', {}), apply('one', { data: null }), apply('one', { immutable: true, data: { a: 1 } }), apply('one', { nope: 1 })] },
    { what: 'dry run', steps: [apply('git', { spec: { displayName: 'x' } }, { dryRun: true }), apply('git', { spec: { displayName: 'x' } }), apply('git', { spec: { displayName: 'y' } }, { dryRun: true }), apply('other', { spec: { displayName: 'y' } }, { dryRun: true })] },
    { what: 'finalizers and owners', steps: [apply('one', { metadata: { finalizers: ['example.com/a'], ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 's', uid: 'u1' }] } , spec: {} }), apply('two', { metadata: { finalizers: ['example.com/b'], ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 't', uid: 'u2' }] } }), apply('two', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'z', uid: 'u1' }] } }), apply('one', { spec: {} }), apply('two', {})] },
    { what: 'identity', steps: [apply('one', { metadata: { uid: '00000000-0000-4000-8000-000000000000' }, spec: {} }), apply('one', { metadata: { resourceVersion: '1' }, spec: {} }), apply('one', { metadata: { uid: '00000000-0000-4000-8000-000000000000' }, spec: {} }), apply('one', { metadata: { managedFields: [] }, spec: {} }), apply('one', { metadata: { name: 'other' }, spec: {} }), apply('one', { metadata: { namespace: 'other' }, spec: {} }), { do: 'apply', body: { spec: {} } }, { do: 'merge', force: true, manager: 'm', body: {} }] },
    { what: 'invalid values', steps: [apply('one', { spec: { presence: 'Sometimes' } }), apply('one', { spec: { displayName: 'x' }, status: { phase: 'Never' } }), apply('two', { spec: { presence: 'Sometimes' } }), apply('two', { spec: { enrollment: {} } }), apply('two', { status: { phase: 'Never' } }, { status: true })] },
  ];
  for (const { what, kind = 'Host', versions = true, steps } of rows) it(`agrees on ${what}`, () => compare(targets[kind], steps, versions));

  it('agrees on what is not of the kind, but for the code (differences.md)', async () => {
    const bodies: Json[] = [{ spec: { nope: 1 } }, { spec: [] }, { spec: { displayName: 1 } }, { spec: { suspend: 'x' } }, { spec: { bandwidth: { uploadKiBps: '1' } } }, { spec: { a: 1 }, metadata: { labels: { a: 1 } } }, { metadata: { labels: { a: 1 } }, spec: {} }, { spec: { bandwidth: { uploadKiBps: true } } }, { spec: { displayName: {} } }, { spec: { suspend: 1 } }, { metadata: { nope: 1 }, spec: {} }, { spec: 'x' }, { status: { conditions: [{ status: 'True' }] } }];
    // Several errors come in any order from a cluster: it walks a map.
    const lines = (answer: Json | undefined): string[] => String(answer?.['message']).split('\n').map((line) => line.trim()).sort();
    for (const body of bodies) {
      const [here, there] = (await Promise.all(engines.map((send) => run(send, targets.Host, 'untyped', apply('m', body))))).map((answer) => shown(answer) as Json);
      expect(lines(here)).to.deep.equal(lines(there));
      expect([here?.['code'], there?.['code']]).to.deep.equal(['mistyped', 'mistyped']);
      expect(here?.['reason']).to.equal(there?.['reason']);
    }
  });

  it('agrees on random sequences', async () => {
    // Empty labels, which a cluster stores as such and we leave out, have a row of their own.
    const label = fc.constantFrom('a', 'b', 'c');
    const fields = fc.record({
      metadata: fc.record({ labels: fc.dictionary(label, fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 3 }) }, { requiredKeys: [] }),
      spec: fc.record({
        schedule: fc.constantFrom('@daily', '@hourly'), suspend: fc.boolean(), catchUp: fc.record({ enabled: fc.boolean(), settleSeconds: fc.integer({ min: 59, max: 60 }) }, { requiredKeys: [] }),
        sourceGroupRefs: fc.uniqueArray(label, { minLength: 1, maxLength: 3 }).map((all) => all.map((name) => ({ name }))),
      }, { requiredKeys: ['schedule', 'sourceGroupRefs'] }),
    }, { requiredKeys: [] });
    const manager = fc.constantFrom('one', 'two', 'kubectl');
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('apply' as const), manager, body: fields, force: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('put' as const), manager, body: fields }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('merge' as const), manager, body: fields }) },
    );
    const first: Step = apply('one', refs('a', 'b'));
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => compare(targets.Schedule, [first, ...steps])), { seed: Number(process.env['RM_TEST_SEED'] ?? 1), numRuns: Number(process.env['RM_TEST_RUNS'] ?? 60) });
  });
});
