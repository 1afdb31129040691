/**
 * What no kubectl sends but other clients may: the parameters, bodies and options of the dialect, asked of both engines over
 * plain HTTP. The API conventions are the measure here, not what two known clients happen to need (X1).
 */
import { expect } from 'chai';
import { startEngines, type Answer, type Engine, type Engines } from './engines.js';
import { isMeant, meantDifferences } from './parity/differences.js';
import { mask } from './parity/mask.js';

const HOSTS = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
const GROUPS = '/apis/restic-manager.io/v1alpha1/namespaces/default/sourcegroups';
const SECRETS = '/api/v1/namespaces/default/secrets';
const REVIEWS = '/apis/authorization.k8s.io/v1';
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';
const STRATEGIC = 'application/strategic-merge-patch+json';

interface Step { id: string; method: string; path: string; body?: unknown; type?: string }
const host = (metadata: object, spec: object = {}, more: object = {}): object => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata, spec, ...more });
const secret = (name: string, more: object): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...more });
const step = (id: string, method: string, path: string, body?: unknown, type?: string): Step => ({ id, method, path, ...(body === undefined ? {} : { body }), ...(type === undefined ? {} : { type }) });
const owner = (kind: string, name: string): object => ({ apiVersion: 'v1', kind, name, uid: `u-${name}`, controller: true });

/** In order: steps build on each other. */
const battery: Record<string, Step[]> = {
  'names and metadata': [
    step('create', 'POST', HOSTS, host({ name: 'd1', labels: { a: 'b' } })),
    step('generated name', 'POST', HOSTS, host({ generateName: 'gen-' })),
    step('generated name bad', 'POST', HOSTS, host({ generateName: 'Gen-' })),
    step('what the server sets is ignored', 'POST', HOSTS, host({ name: 'd4', creationTimestamp: '2020-01-01T00:00:00Z', generation: 7, selfLink: '/x', deletionTimestamp: '2020-01-01T00:00:00Z', deletionGracePeriodSeconds: 3 })),
    step('status is not set by create', 'POST', HOSTS, host({ name: 'd7' }, {}, { status: { phase: 'Online' } })),
    step('name and namespace disagree', 'POST', HOSTS, host({ name: 'd3', namespace: 'other' })),
    step('plain finalizer warns', 'POST', `${HOSTS}?dryRun=All`, host({ name: 'd5', finalizers: ['nodomain', 'orphan', 'a.example/b'] })),
    step('bad finalizer', 'POST', HOSTS, host({ name: 'd5', finalizers: ['bad name'] })),
    step('owner without anything', 'POST', HOSTS, host({ name: 'd5', ownerReferences: [{}] })),
    step('owner that is an Event', 'POST', HOSTS, host({ name: 'd5', ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'x', uid: 'u' }] })),
    step('two controllers', 'POST', HOSTS, host({ name: 'd5', ownerReferences: [owner('Secret', 'x'), owner('Secret', 'y')] })),
    step('long label', 'POST', HOSTS, host({ name: 'd5', labels: { a: 'x'.repeat(64) } })),
    step('big annotation', 'POST', HOSTS, host({ name: 'd5', annotations: { big: 'x'.repeat(270_000) } })),
    step('managedFields of no operation', 'POST', HOSTS, host({ name: 'd6', managedFields: [{ manager: 'x', operation: 'Nope', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }] })),
    step('managedFields with no path', 'POST', `${HOSTS}?dryRun=All`, host({ name: 'd6', managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'restic-manager.io/v1alpha1', fieldsType: 'FieldsV1', fieldsV1: { 'x:y': {} } }] })),
    step('no kind', 'POST', HOSTS, { apiVersion: 'restic-manager.io/v1alpha1', metadata: { name: 'd8' }, spec: {} }),
    step('no version', 'POST', HOSTS, { kind: 'Host', metadata: { name: 'd8' }, spec: {} }),
    step('no kind, a core kind', 'POST', SECRETS, { metadata: { name: 's0' } }),
  ],
  'options of writes': [
    step('unknown fields warn', 'POST', `${HOSTS}?fieldValidation=Warn&dryRun=All`, host({ name: 'd9', zz: 1 }, { b: 1, a: 2, bandwidth: { x: 1 } }, { zz: 2, aa: 1, status: { q: 1 } })),
    step('unknown fields strict', 'POST', `${HOSTS}?fieldValidation=Strict&dryRun=All`, host({ name: 'd9', zz: 1 }, { b: 1, a: 2 }, { aa: 1 })),
    step('unknown fields ignored', 'POST', `${HOSTS}?fieldValidation=Ignore&dryRun=All`, host({ name: 'd9' }, { nope: 1 })),
    step('unknown validation', 'POST', `${HOSTS}?fieldValidation=Foo`, host({ name: 'd9' })),
    step('unknown dry run', 'POST', `${HOSTS}?dryRun=Some`, host({ name: 'd9' })),
    step('long manager', 'POST', `${HOSTS}?fieldManager=${'x'.repeat(129)}`, host({ name: 'd9' })),
    step('unprintable manager', 'POST', `${HOSTS}?fieldManager=a%01`, host({ name: 'd9' })),
    step('body of no known type', 'PATCH', `${HOSTS}/d1`, {}, 'text/plain'),
    step('update without version', 'PUT', `${HOSTS}/d1`, host({ name: 'd1' })),
    step('update without name', 'PUT', `${HOSTS}/d1`, host({})),
    step('update of another name', 'PUT', `${HOSTS}/d1`, host({ name: 'd2' })),
    step('update of nothing', 'PUT', `${HOSTS}/new1`, host({ name: 'new1' })),
  ],
  patches: [
    step('merge', 'PATCH', `${HOSTS}/d1`, { metadata: { labels: { x: 'y' } } }, MERGE),
    step('merge without spec', 'PATCH', `${HOSTS}/d1`, { spec: null }, MERGE),
    step('merge of a list', 'PATCH', `${HOSTS}/d1`, [], MERGE),
    step('merge of another kind', 'PATCH', `${HOSTS}/d1`, { kind: 'Schedule' }, MERGE),
    step('merge of another version', 'PATCH', `${HOSTS}/d1`, { apiVersion: 'v1' }, MERGE),
    step('merge without metadata', 'PATCH', `${HOSTS}/d1`, { metadata: null }, MERGE),
    step('merge of what the server counts', 'PATCH', `${HOSTS}/d1`, { metadata: { generation: 99, creationTimestamp: null, selfLink: 'x' } }, MERGE),
    step('merge of another creation', 'PATCH', `${HOSTS}/d1`, { metadata: { creationTimestamp: '2020-01-01T00:00:00Z' } }, MERGE),
    step('merge of a deletion', 'PATCH', `${HOSTS}/d1`, { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z' } }, MERGE),
    step('merge of a deletion of a Secret', 'PATCH', `${SECRETS}/s0`, { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z' } }, MERGE),
    step('merge of no managedFields', 'PATCH', `${HOSTS}/d1`, { metadata: { managedFields: [] } }, MERGE),
    step('merge of empty managedFields', 'PATCH', `${HOSTS}/d1`, { metadata: { managedFields: [{}] } }, MERGE),
    step('merge that warns of a finalizer', 'PATCH', `${HOSTS}/d1?dryRun=All`, { metadata: { finalizers: ['plain'] } }, MERGE),
    step('force without apply', 'PATCH', `${HOSTS}/d1?force=true`, {}, MERGE),
    step('strategic on ours', 'PATCH', `${HOSTS}/d1`, {}, STRATEGIC),
    step('json', 'PATCH', `${HOSTS}/d1`, [{ op: 'copy', from: '/metadata/labels', path: '/metadata/annotations' }], JSON_PATCH),
    step('json without name', 'PATCH', `${HOSTS}/d1`, [{ op: 'remove', path: '/metadata/name' }], JSON_PATCH),
    step('json empty', 'PATCH', `${HOSTS}/d1`, [], JSON_PATCH),
    step('apply', 'PATCH', `${HOSTS}/a1?fieldManager=m`, host({ name: 'a1' }, { displayName: 'x' }), APPLY),
    step('apply without manager', 'PATCH', `${HOSTS}/a1`, host({ name: 'a1' }), APPLY),
    step('apply of another value', 'PATCH', `${HOSTS}/a1?fieldManager=n`, host({ name: 'a1' }, { displayName: 'y' }), APPLY),
    step('apply of the same value', 'PATCH', `${HOSTS}/a1?fieldManager=n`, host({ name: 'a1' }, { displayName: 'x' }), APPLY),
    step('apply by the first without it', 'PATCH', `${HOSTS}/a1?fieldManager=m`, host({ name: 'a1' }), APPLY),
    step('apply with force, said by presence', 'PATCH', `${HOSTS}/a1?fieldManager=m&force`, host({ name: 'a1' }, { displayName: 'z' }), APPLY),
    step('apply of another name', 'PATCH', `${HOSTS}/a1?fieldManager=m`, host({ name: 'other' }), APPLY),
    step('apply with managedFields', 'PATCH', `${HOSTS}/a1?fieldManager=m`, host({ name: 'a1', managedFields: [{ manager: 'x' }] }), APPLY),
    step('apply of an old version', 'PATCH', `${HOSTS}/a1?fieldManager=m`, host({ name: 'a1', resourceVersion: '1' }), APPLY),
    step('apply on status', 'PATCH', `${HOSTS}/a1/status?fieldManager=s`, host({ name: 'a1' }, { displayName: 'ignored' }, { status: { phase: 'Online' } }), APPLY),
    step('apply on status by another', 'PATCH', `${HOSTS}/a1/status?fieldManager=t`, host({ name: 'a1' }, {}, { status: { phase: 'Offline' } }), APPLY),
    step('apply on the status of nothing', 'PATCH', `${HOSTS}/nope/status?fieldManager=s`, host({ name: 'nope' }, {}, { status: { phase: 'Online' } }), APPLY),
    step('as stored', 'GET', `${HOSTS}/a1`),
  ],
  'lists and watches': [
    step('no limit', 'GET', `${HOSTS}?limit=-1&labelSelector=a`),
    step('limit of no number', 'GET', `${HOSTS}?limit=x`),
    step('match without version', 'GET', `${HOSTS}?resourceVersionMatch=NotOlderThan`),
    step('unknown match', 'GET', `${HOSTS}?resourceVersion=0&resourceVersionMatch=Foo`),
    step('exact match of any', 'GET', `${HOSTS}?resourceVersion=0&resourceVersionMatch=Exact`),
    step('match with a page', 'GET', `${HOSTS}?continue=abc&resourceVersionMatch=Exact&resourceVersion=5`),
    step('initial events of a list', 'GET', `${HOSTS}?sendInitialEvents=true`),
    step('initial events of a list with match', 'GET', `${HOSTS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan`),
    step('initial events without match', 'GET', `${HOSTS}?watch=1&sendInitialEvents=true&timeoutSeconds=1`),
    step('no initial events without match', 'GET', `${HOSTS}?watch=1&sendInitialEvents=false&timeoutSeconds=1`),
    step('initial events with another match', 'GET', `${HOSTS}?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1&timeoutSeconds=1`),
    step('watch with match', 'GET', `${HOSTS}?watch=1&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&resourceVersion=1`),
    step('watch with unknown match', 'GET', `${HOSTS}?watch=1&resourceVersionMatch=Foo&timeoutSeconds=1`),
    step('watch with a page', 'GET', `${HOSTS}?watch=1&continue=x&timeoutSeconds=1`),
    step('watch said by presence, with a timeout of no number', 'GET', `${HOSTS}?watch&timeoutSeconds=x`),
    step('watch that wants no initial events', 'GET', `${HOSTS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`),
    ...['a in ()', '==', 'a=b,', 'a>1', 'a>x', 'a notin (b),a', 'a'.repeat(64), 'a,!x', 'a,a!=c', 'a in (b', '-a'].map((selector) => step(`labels ${selector.slice(0, 20)}`, 'GET', `${HOSTS}?labelSelector=${encodeURIComponent(selector)}`)),
    ...['metadata.name', 'metadata.name=d1,metadata.namespace=default', 'metadata.uid=x', 'status.phase=Online', 'metadata.name!=d1,metadata.name!=nope,status.phase=Online'].map((selector) => step(`fields ${selector}`, 'GET', `${HOSTS}?fieldSelector=${encodeURIComponent(selector)}`)),
    step('fields of a group', 'GET', `${GROUPS}?fieldSelector=spec.hostRef.name%3Dx`),
    step('fields of a Secret', 'GET', `${SECRETS}?fieldSelector=type%3Dnone`),
    step('unknown fields of a Secret', 'GET', `${SECRETS}?fieldSelector=data%3Dx`),
  ],
  deletion: [
    step('nothing there', 'DELETE', `${HOSTS}/nope`),
    step('unknown policy', 'DELETE', `${HOSTS}/d7?propagationPolicy=Nope`),
    step('policy twice', 'DELETE', `${HOSTS}/d7?orphanDependents=true&propagationPolicy=Background`),
    step('policy twice in the body', 'DELETE', `${HOSTS}/d7`, { propagationPolicy: 'Foreground', orphanDependents: true }),
    step('another uid', 'DELETE', `${HOSTS}/d7`, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'x' } }),
    step('another version', 'DELETE', `${HOSTS}/d7`, { preconditions: { resourceVersion: '1' } }),
    step('another uid of a Secret', 'DELETE', `${SECRETS}/s0`, { preconditions: { uid: 'x' } }),
    step('unknown dry run', 'DELETE', `${HOSTS}/d7`, { dryRun: ['Some'] }),
    step('dry run', 'DELETE', `${HOSTS}/d7?dryRun=All`),
    step('selected, unreadable', 'DELETE', `${HOSTS}?labelSelector=zz%20in`),
    step('selected, none', 'DELETE', `${HOSTS}?labelSelector=zz%3Dyy`),
    step('done', 'DELETE', `${HOSTS}/d7`, { apiVersion: 'meta.k8s.io/v1', kind: 'DeleteOptions' }),
    step('foreground', 'DELETE', `${HOSTS}/d4?propagationPolicy=Foreground`),
    step('made again too early', 'POST', HOSTS, host({ name: 'd4' })),
    step('orphaned dependants said the old way', 'DELETE', `${HOSTS}/a1?orphanDependents=true`),
  ],
  Secrets: [
    step('immutable', 'POST', SECRETS, secret('s1', { immutable: true, stringData: { a: 'b' }, data: { a: 'Yg==', c: '' } })),
    step('immutable data', 'PATCH', `${SECRETS}/s1`, { data: { a: 'Yw==' } }, MERGE),
    step('immutable no more', 'PATCH', `${SECRETS}/s1`, { immutable: false }, MERGE),
    step('labels strategic', 'PATCH', `${SECRETS}/s1`, { metadata: { labels: { a: 'b' } } }, STRATEGIC),
    step('emptied strategic', 'PATCH', `${SECRETS}/s1`, { $patch: 'delete' }, STRATEGIC),
    step('bad key', 'POST', SECRETS, secret('s2', { data: { 'bad key': 'YQ==' } })),
    step('tls without its keys', 'POST', SECRETS, secret('s2', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } })),
    step('basic auth without either', 'POST', SECRETS, secret('s2', { type: 'kubernetes.io/basic-auth' })),
    step('basic auth', 'POST', `${SECRETS}?dryRun=All`, secret('s2', { type: 'kubernetes.io/basic-auth', stringData: { password: '' } })),
    step('ssh auth without its key', 'POST', SECRETS, secret('s2', { type: 'kubernetes.io/ssh-auth' })),
    step('service account token of nobody', 'POST', SECRETS, secret('s2', { type: 'kubernetes.io/service-account-token' })),
    step('registry without its key', 'POST', SECRETS, secret('s2', { type: 'kubernetes.io/dockerconfigjson' })),
    step('registry', 'POST', `${SECRETS}?dryRun=All`, secret('s2', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e30=' } })),
    step('unknown field', 'POST', `${SECRETS}?dryRun=All`, secret('s4', { nope: 1 })),
  ],
  reviews: [
    step('access to nothing', 'POST', `${REVIEWS}/selfsubjectaccessreviews`, { spec: {} }),
    step('rules of no namespace', 'POST', `${REVIEWS}/selfsubjectrulesreviews`, { spec: {} }),
  ],
};

/** Sorted, without what each engine makes up, and without the empty continue that custom resources' lists have in a cluster. */
function told({ status, text, warnings }: Answer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(mask(text));
  } catch {
    return { status, text: mask(text), warnings };
  }
  const order = (each: unknown): unknown => (Array.isArray(each) ? each.map(order) : typeof each !== 'object' || each === null ? each
    : Object.fromEntries(Object.entries(each).filter(([key, inner]) => !(key === 'continue' && inner === '')).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, order(inner)])));
  const { kind, details, ...rest } = order(value) as { kind?: string; reason?: string; message?: string; details?: { causes?: object[] } };
  if (kind !== 'Status') return { status, kind, details, ...rest, warnings };
  const causes = (details?.causes ?? []).map((cause) => JSON.stringify(cause)).sort();
  return { status, reason: rest.reason, ...(causes.length > 1 ? {} : { message: rest.message }), causes, warnings };
}

describe('the dialect on both engines (X1)', function () {
  this.timeout(120_000);
  const differences = meantDifferences('dialect');
  let engines: Engines;
  before(async () => { engines = await startEngines(); });
  after(() => engines.stop());

  for (const [title, steps] of Object.entries(battery)) {
    it(`${title} (${steps.length} steps)`, async () => {
      const wrong: string[] = [];
      for (const { id, method, path, body, type } of steps) {
        const ask = (engine: Engine): Promise<Answer> => engine.request(method, path, body, type === undefined ? {} : { headers: { 'content-type': type } });
        const [standalone, cluster] = (await Promise.all(engines.both.map(ask))).map((answer) => JSON.stringify(told(answer), null, 1));
        if (standalone !== cluster && !isMeant(differences, `${title} ${id}`)) wrong.push(`### ${title} ${id}\n--- standalone: ${standalone ?? ''}\n--- cluster: ${cluster ?? ''}`);
      }
      if (wrong.length > 0) throw new Error(`${wrong.length} of ${steps.length} steps differ\n${wrong.join('\n')}`);
    });
  }

  it('lists no difference that is none', () => {
    expect(differences.filter(({ used }) => !used).map(({ text }) => text)).to.deep.equal([]);
  });
});
