/** The battery: what people and pipelines type, each verb created, unchanged, changed, refused and as a dry run. Steps build on each other. */
import type { ClusterRole } from '../../builders/cluster.js';
import type { Loose } from '../../admission/objects.js';
import { variantsOf, type ParityKind } from './manifests.js';

export interface Step {
  id: string; args: string[]; input?: string; role?: ClusterRole; env?: Record<string, string>;
  /** Starts in a new second: managedFields are ordered by times of whole seconds and, within one, by manager, so that two writers in one second on one engine only would look like a difference. */
  newSecond?: true;
}
export interface Group { title: string; steps: Step[] }

const meta = (object: Loose, metadata: Loose): Loose => ({ ...object, metadata: { ...(object['metadata'] as Loose), ...metadata } });
const DRY = '--dry-run=server';

export function kindGroups(kind: ParityKind): Group[] {
  const name = `${kind.toLowerCase()}-one`;
  const v = variantsOf(kind, name);
  const to = `${v.resource}/${name}`;
  const step = (id: string, args: string[], input?: Loose | string, more: Partial<Step> = {}): Step => ({ id: `${kind} ${id}`, args, ...(input === undefined ? {} : { input: typeof input === 'string' ? input : JSON.stringify(input) }), ...more });
  const from = ['-f', '-'];
  const edit = (script: string): Partial<Step> => ({ env: { KUBE_EDITOR: `sh ${script}` } });
  const newSecond: Partial<Step> = { newSecond: true };
  return [
    { title: 'create', steps: [
      step('create dry-run', ['create', ...from, DRY], v.good),
      step('create dry-run shown', ['create', ...from, DRY, '-o', 'yaml'], v.good),
      step('create refused', ['create', ...from], v.bad),
      step('create refused dry-run', ['create', ...from, DRY], v.bad),
      step('create unknown field', ['create', ...from], v.unknown),
      step('create unknown field warn', ['create', ...from, DRY, '--validate=warn'], v.unknown),
      step('create unknown field ignored', ['create', ...from, DRY, '--validate=false', '-o', 'yaml'], v.unknown),
      step('create by viewer', ['create', ...from], v.good, { role: 'viewer' }),
      step('create', ['create', ...from], v.good),
      step('create taken', ['create', ...from], v.good),
      step('create generated', ['create', ...from, DRY], meta(v.good, { name: undefined, generateName: 'gen-' })),
      step('create bad name', ['create', ...from], meta(v.good, { name: 'Not_A_Name' })),
      step('create bad label', ['create', ...from], meta(v.good, { name: 'two', labels: { 'a/b/c': 'x' } })),
      step('created as stored', ['get', to, '-o', 'yaml', '--show-managed-fields']),
    ] },
    { title: 'get and describe', steps: [
      step('get', ['get', v.resource]),
      step('get wide', ['get', v.resource, '-o', 'wide', '--show-labels']),
      step('get one', ['get', to]),
      step('get name', ['get', v.resource, '-o', 'name']),
      step('get json', ['get', to, '-o', 'json']),
      step('get jsonpath', ['get', v.resource, '-o', 'jsonpath={.items[*].metadata.name}{.kind}']),
      step('get columns', ['get', v.resource, '-o', 'custom-columns=NAME:.metadata.name,G:.metadata.generation']),
      step('get sorted', ['get', v.resource, '--sort-by=.metadata.name', '--no-headers']),
      step('get label', ['get', v.resource, '-l', 'team in (one,two),!old', '-A']),
      step('get label none', ['get', v.resource, '-l', 'team=none']),
      step('get label refused', ['get', v.resource, '-l', 'a in (b']),
      step('get field', ['get', v.resource, '--field-selector', `metadata.name=${name}`]),
      step('get field refused', ['get', v.resource, '--field-selector', 'spec.nothing=x']),
      step('get missing', ['get', v.resource, 'missing']),
      step('get raw missing', ['get', '--raw', `${rawOf(kind, v.plural)}/missing`]),
      step('get viewer', ['get', v.resource], undefined, { role: 'viewer' }),
      step('describe', ['describe', to]),
      step('describe missing', ['describe', v.resource, 'missing']),
    ] },
    { title: 'apply', steps: [
      step('apply over create', ['apply', ...from], v.good, newSecond),
      step('apply unchanged', ['apply', ...from], v.good),
      step('apply dry-run', ['apply', ...from, DRY], v.changed),
      step('diff', ['diff', ...from], v.changed),
      step('diff none', ['diff', ...from], v.good),
      step('diff refused', ['diff', ...from], v.bad),
      step('apply refused', ['apply', ...from], v.bad),
      step('apply unknown field', ['apply', ...from], v.unknown),
      step('apply changed', ['apply', ...from], v.changed),
      step('apply changed shown', ['apply', ...from, '-o', 'yaml'], v.good),
      step('apply new dry-run', ['apply', ...from, DRY], meta(v.good, { name: `${name}-b` })),
      step('apply new', ['apply', ...from], meta(v.good, { name: `${name}-b` })),
      step('apply view-last-applied', ['apply', 'view-last-applied', `${v.resource}/${name}-b`]),
      step('apply by viewer', ['apply', ...from], v.changed, { role: 'viewer' }),
      step('applied as stored', ['get', to, '-o', 'yaml', '--show-managed-fields']),
    ] },
    { title: 'server-side apply', steps: [
      step('ssa over apply', ['apply', '--server-side', ...from], v.good, newSecond),
      step('ssa unchanged', ['apply', '--server-side', ...from], v.good),
      step('ssa as stored', ['get', to, '-o', 'yaml', '--show-managed-fields']),
      step('ssa dry-run', ['apply', '--server-side', ...from, DRY], v.changed),
      step('ssa refused', ['apply', '--server-side', ...from], v.bad),
      step('ssa unknown field', ['apply', '--server-side', ...from], v.oneUnknown),
      step('ssa conflict', ['apply', '--server-side', '--field-manager=other', ...from], v.changed),
      step('ssa same value shared', ['apply', '--server-side', '--field-manager=other', ...from], v.good, newSecond),
      step('ssa force', ['apply', '--server-side', '--field-manager=other', '--force-conflicts', ...from], v.changed, newSecond),
      step('ssa forced as stored', ['get', to, '-o', 'yaml', '--show-managed-fields']),
      step('ssa diff', ['diff', '--server-side', ...from], v.good),
      step('ssa new', ['apply', '--server-side', ...from], meta(v.good, { name: `${name}-c` })),
      step('ssa new as stored', ['get', `${v.resource}/${name}-c`, '-o', 'yaml', '--show-managed-fields']),
      step('ssa by viewer', ['apply', '--server-side', ...from], v.changed, { role: 'viewer' }),
    ] },
    { title: 'patch', steps: [
      step('patch merge', ['patch', to, '--type=merge', '-p', JSON.stringify(v.patch)], undefined, newSecond),
      step('patch merge unchanged', ['patch', to, '--type=merge', '-p', JSON.stringify(v.patch)]),
      step('patch merge dry-run', ['patch', to, '--type=merge', DRY, '-p', JSON.stringify({ metadata: { labels: { team: 'two' } } })]),
      step('patch merge refused', ['patch', to, '--type=merge', '-p', JSON.stringify(v.badPatch)]),
      step('patch merge missing', ['patch', v.resource, 'missing', '--type=merge', '-p', '{}']),
      step('patch json', ['patch', to, '--type=json', '-p', '[{"op":"test","path":"/metadata/labels/team","value":"one"},{"op":"add","path":"/metadata/labels/new","value":"x"}]'], undefined, newSecond),
      step('patch json test fails', ['patch', to, '--type=json', '-p', '[{"op":"test","path":"/metadata/labels/team","value":"nine"}]']),
      step('patch json outside', ['patch', to, '--type=json', '-p', '[{"op":"remove","path":"/metadata/labels/nowhere"}]']),
      step('patch json not a patch', ['patch', to, '--type=json', '-p', '{"op":"remove"}']),
      step('patch strategic', ['patch', to, '-p', JSON.stringify(v.patch)]),
      step('patch by viewer', ['patch', to, '--type=merge', '-p', JSON.stringify(v.patch)], undefined, { role: 'viewer' }),
      step('patch name', ['patch', to, '--type=merge', '-p', '{"metadata":{"name":"other"}}']),
      step('patch uid', ['patch', to, '--type=merge', '-p', '{"metadata":{"uid":"11111111-1111-4111-8111-111111111111"}}']),
      step('patch old version', ['patch', to, '--type=merge', '-p', '{"metadata":{"resourceVersion":"1","labels":{"a":"b"}}}']),
      ...(v.status ? [
        step('patch status', ['patch', to, '--subresource=status', '--type=merge', '-p', JSON.stringify({ ...v.status, spec: {} })], undefined, newSecond),
        step('patch status unchanged', ['patch', to, '--subresource=status', '--type=merge', '-p', JSON.stringify(v.status)]),
        step('patch status refused', ['patch', to, '--subresource=status', '--type=merge', '-p', JSON.stringify(v.badStatus)]),
        step('patch status through the object', ['patch', to, '--type=merge', '-p', JSON.stringify({ status: null })]),
        step('get status', ['get', to, '--subresource=status', '-o', 'yaml']),
      ] : []),
      step('patched as stored', ['get', to, '-o', 'yaml', '--show-managed-fields']),
    ] },
    { title: 'label and annotate', steps: [
      step('label', ['label', to, 'tier=front'], undefined, newSecond),
      step('label unchanged', ['label', to, 'tier=front']),
      step('label refused', ['label', to, 'tier=back']),
      step('label overwrite', ['label', to, 'tier=back', '--overwrite']),
      step('label bad', ['label', to, 'tier=not good', '--overwrite']),
      step('label dry-run', ['label', to, 'tier=x', '--overwrite', DRY]),
      step('label remove', ['label', to, 'tier-']),
      step('annotate', ['annotate', to, 'note=hello there'], undefined, newSecond),
      step('annotate unchanged', ['annotate', to, 'note=hello there']),
      step('annotate remove', ['annotate', to, 'note-']),
      step('label missing', ['label', v.resource, 'missing', 'a=b']),
    ] },
    { title: 'replace and edit', steps: [
      step('replace', ['replace', ...from], v.changed, newSecond),
      step('replace unchanged', ['replace', ...from], v.changed),
      step('replace dry-run', ['replace', ...from, DRY], v.good),
      step('replace refused', ['replace', ...from], v.bad),
      step('replace stale', ['replace', ...from], meta(v.good, { resourceVersion: '1' })),
      step('replace other uid', ['replace', ...from], meta(v.good, { uid: '11111111-1111-4111-8111-111111111111' })),
      step('replace missing', ['replace', ...from], meta(v.good, { name: 'missing' })),
      step('edit', ['edit', to], undefined, { ...edit('edit-label.sh'), ...newSecond }),
      step('edit cancelled', ['edit', to], undefined, edit('edit-nothing.sh')),
      step('edit name', ['edit', to], undefined, edit('edit-uid.sh')),
      step('edited as stored', ['get', to, '-o', 'yaml', '--show-managed-fields']),
    ] },
    { title: 'wait', steps: [
      step('wait jsonpath', ['wait', '--for=jsonpath={.metadata.name}=' + name, to, '--timeout=10s']),
      step('wait condition timeout', ['wait', '--for=condition=Never', to, '--timeout=1s']),
      step('wait missing', ['wait', '--for=condition=Ready', `${v.resource}/missing`, '--timeout=1s']),
    ] },
    { title: 'delete', steps: [
      step('delete dry-run', ['delete', to, DRY]),
      step('delete missing', ['delete', v.resource, 'missing']),
      step('delete missing ignored', ['delete', v.resource, 'missing', '--ignore-not-found']),
      step('delete by viewer', ['delete', to], undefined, { role: 'viewer' }),
      step('hold', ['patch', to, '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}']),
      step('delete held', ['delete', to, '--wait=false']),
      step('delete held again', ['delete', to, '--wait=false']),
      step('get deleting', ['get', to, '-o', 'yaml']),
      step('finalizer added while deleting', ['patch', to, '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}']),
      step('release', ['patch', to, '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']),
      step('get gone', ['get', to]),
      step('delete orphan', ['delete', `${v.resource}/${name}-c`, '--cascade=orphan', '--wait=false']),
      step('orphan as stored', ['get', `${v.resource}/${name}-c`, '-o', 'jsonpath={.metadata.finalizers}', '--ignore-not-found']),
      step('release orphan', ['patch', `${v.resource}/${name}-c`, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']),
      step('delete selected', ['delete', v.resource, '-l', 'team=one']),
      step('delete all', ['delete', v.resource, '--all']),
      step('get none', ['get', v.resource]),
    ] },
  ];
}

const rawOf = (kind: ParityKind, plural: string): string => (kind === 'Secret' ? '/api/v1/namespaces/default/secrets' : `/apis/restic-manager.io/v1alpha1/namespaces/default/${plural}`);

const ours = ['hosts', 'repositories', 'sourcegroups', 'schedules', 'resticjobs', 'enrollmentrequests'];

export const serverGroups: Group[] = [
  { title: 'discovery', steps: [
    { id: 'api-resources', args: ['api-resources', '--api-group=restic-manager.io', '-o', 'wide'] },
    { id: 'api-resources by category', args: ['api-resources', '--categories=restic', '-o', 'name'] },
    ...ours.flatMap((plural): Step[] => [
      { id: `explain ${plural}`, args: ['explain', plural] },
      { id: `explain ${plural} recursive`, args: ['explain', plural, '--recursive'] },
      { id: `explain ${plural}.spec`, args: ['explain', `${plural}.spec`] },
      { id: `explain ${plural}.status.conditions`, args: ['explain', `${plural}.status.conditions`] },
    ]),
    { id: 'explain hosts.metadata', args: ['explain', 'hosts.metadata'] },
    { id: 'explain hosts.nothing', args: ['explain', 'hosts.nothing'] },
    { id: 'explain secret', args: ['explain', 'secret'] },
    { id: 'explain secret.data', args: ['explain', 'secret.data'] },
    { id: 'get category', args: ['get', 'restic'] },
    { id: 'get unknown type', args: ['get', 'nothings'] },
    { id: 'get two kinds', args: ['get', 'hosts,repo'] },
    { id: 'get events', args: ['get', 'events', '--field-selector', 'involvedObject.name=none'] },
    { id: 'events', args: ['events', '--for', 'host/none'] },
  ] },
  { title: 'rights', steps: [
    { id: 'whoami', args: ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'] },
    { id: 'whoami viewer', args: ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], role: 'viewer' },
    ...(['admin', 'operator', 'viewer'] as const).flatMap((role) => [['create', 'hosts'], ['delete', 'hosts'], ['get', 'hosts'], ['delete', 'schedules'], ['get', 'secrets'], ['patch', 'repositories'], ['get', 'hosts', '--subresource=status'], ['get', 'nothings']].map((words): Step => ({ id: `can-i ${role} ${words.join(' ')}`, args: ['auth', 'can-i', ...words], role }))),
    { id: 'can-i list', args: ['auth', 'can-i', '--list'], role: 'operator' },
  ] },
  { title: 'input that is not right', steps: [
    { id: 'not yaml', args: ['apply', '-f', '-'], input: 'a: [b' },
    { id: 'empty', args: ['apply', '-f', '-'], input: '' },
    { id: 'no kind', args: ['apply', '-f', '-'], input: 'apiVersion: v1\nmetadata: {name: x}\n' },
    { id: 'unknown kind', args: ['apply', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Nothing\nmetadata: {name: x}\n' },
    { id: 'other version', args: ['apply', '-f', '-'], input: 'apiVersion: restic-manager.io/v1\nkind: Host\nmetadata: {name: x}\nspec: {}\n' },
    { id: 'no spec', args: ['create', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: x}\n' },
    { id: 'no name', args: ['create', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {}\nspec: {}\n' },
    { id: 'twice the same field', args: ['create', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: doubled}\nspec: {suspend: true, suspend: false}\n' },
    { id: 'wrong types', args: ['create', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: labels, labels: {a: 5}}\nspec: {}\n' },
    { id: 'spec is a list', args: ['create', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: x}\nspec: []\n' },
    { id: 'many errors', args: ['create', '-f', '-'], input: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: x}\nspec: {presence: No, bandwidth: {uploadKiBps: 0}, snapshotHost: ""}\n' },
    { id: 'raw path', args: ['get', '--raw', '/apis/restic-manager.io/v1alpha1/nothings'] },
    { id: 'raw body', args: ['create', '--raw', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts', '-f', '-'], input: '{"kind":' },
    { id: 'raw other kind', args: ['create', '--raw', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts', '-f', '-'], input: '{"apiVersion":"restic-manager.io/v1alpha1","kind":"Schedule","metadata":{"name":"x"},"spec":{}}' },
    { id: 'raw continue', args: ['get', '--raw', '/apis/restic-manager.io/v1alpha1/hosts?limit=1&continue=forged'] },
    { id: 'raw version match', args: ['get', '--raw', '/apis/restic-manager.io/v1alpha1/hosts?resourceVersionMatch=Exact'] },
    { id: 'raw version bad', args: ['get', '--raw', '/apis/restic-manager.io/v1alpha1/hosts?resourceVersion=x'] },
  ] },
];
