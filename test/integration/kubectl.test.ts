/** Real kubectl against the resource API over HTTPS: each verb a person or a pipeline uses is a step. The steps build on each other. */
import { expect } from 'chai';
import type { ApiUnderTest } from './kubectl/server.js';
import { startApi } from './kubectl/server.js';
import { until } from './kubectl/until.js';

const host = (spec = 'presence: AlwaysOn', labels = '{env: prod}'): string => `apiVersion: restic-manager.io/v1alpha1
kind: Host
metadata: {name: web1, labels: ${labels}}
spec: {${spec}}
`;
const secret = (password: string): string => `apiVersion: v1
kind: Secret
metadata: {name: repo-web1, labels: {restic-manager.io/use: repository}}
stringData: {password: ${password}}
`;

describe('kubectl against standalone (X1)', function () {
  this.timeout(60_000);
  let api: ApiUnderTest;
  let hostFile: string;
  let secretFile: string;
  const json = async (...args: string[]): Promise<Record<string, Record<string, unknown>>> => JSON.parse(await api.kubectl(['get', ...args, '-o', 'json'])) as Record<string, Record<string, unknown>>;

  before(async () => {
    api = await startApi();
    hostFile = await api.file('host.yaml', host());
    secretFile = await api.file('secret.yaml', secret('first'));
  });
  after(async () => { await api.close(); });

  it('lists the kinds with short names, category and verbs (api-resources)', async () => {
    const all = await api.kubectl(['api-resources', '--api-group=restic-manager.io', '-o', 'wide']);
    for (const [plural, kind] of [['hosts', 'Host'], ['repositories', 'Repository'], ['sourcegroups', 'SourceGroup'], ['schedules', 'Schedule'], ['resticjobs', 'ResticJob'], ['enrollmentrequests', 'EnrollmentRequest']]) {
      expect(all).to.match(new RegExp(`${plural} .*restic-manager.io/v1alpha1 .*true .*${kind} .*delete,deletecollection,get,list,patch,create,update,watch.*restic`));
    }
    expect(await api.kubectl(['api-resources', '--api-group='])).to.match(/secrets.*v1.*Secret/).and.to.match(/events.*ev.*v1/).and.to.match(/namespaces.*ns/);
    expect(await api.kubectl(['api-versions'])).to.include('restic-manager.io/v1alpha1');
    expect(await api.kubectl(['version'])).to.match(/Server Version: v1\.\d+/);
  });

  it('explains fields with description, type, enum and required', async () => {
    expect(await api.kubectl(['explain', 'host.spec.presence'])).to.include('Intermittent hosts (laptops) may be away').and.to.match(/enum: *AlwaysOn, Intermittent|ENUM:\s+AlwaysOn\s+Intermittent/);
    expect(await api.kubectl(['explain', 'schedule.spec'])).to.match(/sourceGroupRefs\t<\[\]Object> -required-/);
    expect(await api.kubectl(['explain', 'repo.spec.credentialsSecretRef.name'])).to.include('<string>');
    expect(await api.kubectl(['explain', 'host.status.conditions', '--recursive'])).to.include('lastTransitionTime');
    expect(await api.kubectl(['explain', 'host.metadata.labels'])).to.include('map[string]string');
    expect(await api.kubectl(['explain', 'secret'])).to.include('stringData');
  });

  it('applies: created, unchanged, then configured', async () => {
    expect(await api.kubectl(['apply', '-f', hostFile])).to.equal('host.restic-manager.io/web1 created\n');
    expect(await api.kubectl(['apply', '-f', hostFile])).to.equal('host.restic-manager.io/web1 unchanged\n');
    const before = await json('host', 'web1');
    await api.file('host.yaml', host('presence: Intermittent, displayName: Web one'));
    expect(await api.kubectl(['apply', '-f', hostFile])).to.equal('host.restic-manager.io/web1 configured\n');
    const after = await json('host', 'web1');
    expect(after['spec']).to.deep.equal({ presence: 'Intermittent', maxConcurrentJobs: 1, displayName: 'Web one' });
    expect(after['metadata']?.['generation']).to.equal(Number(before['metadata']?.['generation']) + 1);
    await api.file('host.yaml', host('presence: Intermittent'));
    await api.kubectl(['apply', '-f', hostFile]);
    expect((await json('host', 'web1'))['spec'], 'a field no longer applied is removed').to.deep.equal({ presence: 'Intermittent', maxConcurrentJobs: 1 });
  });

  it('diffs against what is stored and changes nothing by it', async () => {
    expect((await api.run(['diff', '-f', hostFile])).code).to.equal(0);
    const changed = await api.file('changed.yaml', host('presence: AlwaysOn'));
    const version = api.store.resourceVersion();
    const { code, stdout } = await api.run(['diff', '-f', changed]);
    expect(code).to.equal(1);
    expect(stdout).to.match(/^-\s+presence: Intermittent$/m).and.to.match(/^\+\s+presence: AlwaysOn$/m);
    expect(api.store.resourceVersion()).to.equal(version);
  });

  it('patches: merge, json, status subresource', async () => {
    await api.kubectl(['patch', 'host', 'web1', '--type=merge', '-p', '{"spec":{"displayName":"One"}}']);
    await api.kubectl(['patch', 'host', 'web1', '--type=json', '-p', '[{"op":"test","path":"/spec/displayName","value":"One"},{"op":"replace","path":"/spec/displayName","value":"Two"}]']);
    const before = await json('host', 'web1');
    expect(before['spec']?.['displayName']).to.equal('Two');
    await api.kubectl(['patch', 'host', 'web1', '--subresource=status', '--type=merge', '-p', '{"spec":{"displayName":"no"},"status":{"phase":"Online","agent":{"os":"linux"}}}']);
    const after = await json('host', 'web1');
    expect(after['status']).to.deep.equal({ phase: 'Online', agent: { os: 'linux' } });
    expect(after['spec']).to.deep.equal(before['spec']);
    expect(after['metadata']?.['generation']).to.equal(before['metadata']?.['generation']);
    await api.kubectl(['patch', 'host', 'web1', '--type=merge', '-p', '{"status":{"phase":"Offline"}}']);
    expect((await json('host', 'web1'))['status']?.['phase'], 'status is not written through the object').to.equal('Online');
    const strategic = await api.run(['patch', 'host', 'web1', '-p', '{"spec":{}}']);
    expect(strategic.code).to.equal(1);
    expect(strategic.stderr).to.include('application/strategic-merge-patch+json is not supported by restic-manager.io/v1alpha1, Kind=Host');
  });

  it('gets -o wide, yaml, jsonpath and by short name and category', async () => {
    const [head, row] = (await api.kubectl(['get', 'hosts', '-o', 'wide'])).split('\n');
    expect(head).to.match(/NAME +STATUS +OS +AGENT +RESTIC +LAST BACKUP +RESULT +NEXT +FINGERPRINT +AGE/);
    expect(row).to.match(/^web1 +Online +linux .*\d+s$/);
    expect(await api.kubectl(['get', 'host', 'web1', '-o', 'yaml'])).to.match(/^ {2}displayName: Two$/m);
    expect(await api.kubectl(['get', 'host', 'web1', '-o', 'jsonpath={.spec.displayName}'])).to.equal('Two');
    expect(await api.kubectl(['get', 'restic'])).to.include('host.restic-manager.io/web1');
    expect(await api.kubectl(['get', 'repo'])).to.equal('');
  });

  it('shows changes as they come (-w)', async () => {
    const stop = new AbortController();
    let seen = '';
    const watching = api.run(['get', 'hosts', '-w', '-o', 'jsonpath={.spec.displayName}{"\\n"}'], { signal: stop.signal, onStdout: (text) => { seen = text; } });
    const table = new AbortController();
    let rows = '';
    const one = api.run(['get', 'host', 'web1', '-w'], { signal: table.signal, onStdout: (text) => { rows = text; } });
    await until(() => seen.includes('Two') && rows.includes('web1'), 'the first state is shown');
    await api.kubectl(['patch', 'host', 'web1', '--type=merge', '-p', '{"spec":{"displayName":"Three"}}']);
    await api.kubectl(['patch', 'host', 'web1', '--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Asleep"}}']);
    await until(() => seen.includes('Three') && /web1 +Asleep/.test(rows), 'both watches show the change');
    stop.abort();
    table.abort();
    await Promise.all([watching, one]);
  });

  it('describes with the events of the object', async () => {
    const { metadata } = await json('host', 'web1');
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    await api.store.create('Event', {
      apiVersion: 'v1', kind: 'Event', metadata: { name: 'web1.1', namespace: 'default' }, type: 'Warning', reason: 'WrongPassword', message: 'restic refused the repository password',
      involvedObject: { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', namespace: 'default', name: 'web1', uid: String(metadata?.['uid']) }, source: { component: 'restic-manager' }, firstTimestamp: now, lastTimestamp: now, count: 1,
    }, { principal: { name: 'system:controller', role: 'system' }, door: 'controller', fieldManager: 'restic-manager' });
    const text = await api.kubectl(['describe', 'host', 'web1']);
    expect(text).to.match(/Presence: +Intermittent/).and.to.match(/Warning +WrongPassword +\S+ +restic-manager +restic refused the repository password/);
    expect(await api.kubectl(['get', 'events'])).to.match(/Warning +WrongPassword +host\/web1 +restic refused/);
    expect(await api.kubectl(['events', '--for', 'host/web1'])).to.include('WrongPassword');
  });

  it('labels and annotates', async () => {
    expect(await api.kubectl(['label', 'host', 'web1', 'tier=front'])).to.equal('host.restic-manager.io/web1 labeled\n');
    expect(await api.kubectl(['annotate', 'host', 'web1', 'note=hello there'])).to.equal('host.restic-manager.io/web1 annotated\n');
    expect((await json('host', 'web1'))['metadata']?.['labels']).to.deep.equal({ env: 'prod', tier: 'front' });
    expect((await api.run(['label', 'host', 'web1', 'tier=back'])).stderr).to.include("'tier' already has a value (front)");
    await api.kubectl(['label', 'host', 'web1', 'tier-', '--overwrite']);
    expect((await json('host', 'web1'))['metadata']?.['labels']).to.deep.equal({ env: 'prod' });
  });

  it('waits for a condition and for a jsonpath', async () => {
    const condition = api.kubectl(['wait', '--for=condition=Ready', 'host/web1', '--timeout=20s']);
    const path = api.kubectl(['wait', '--for=jsonpath={.status.phase}=Online', 'host/web1', '--timeout=20s']);
    const ready = { type: 'Ready', status: 'True', reason: 'Reconciled', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    await api.kubectl(['patch', 'host', 'web1', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status: { phase: 'Online', conditions: [ready] } })]);
    expect(await condition).to.equal('host.restic-manager.io/web1 condition met\n');
    expect(await path).to.equal('host.restic-manager.io/web1 condition met\n');
    const never = await api.run(['wait', '--for=condition=Synced', 'host/web1', '--timeout=1s']);
    expect(never.stderr).to.include('timed out waiting for the condition on hosts/web1');
  });

  it('creates with --dry-run=server: checked, shown, not stored', async () => {
    const version = api.store.resourceVersion();
    const file = await api.file('dry.yaml', host('suspend: true').replace('web1', 'dry1'));
    expect(await api.kubectl(['create', '-f', file, '--dry-run=server', '-o', 'jsonpath={.spec}'])).to.equal('{"maxConcurrentJobs":1,"presence":"AlwaysOn","suspend":true}');
    expect(api.store.resourceVersion()).to.equal(version);
    expect((await api.run(['get', 'host', 'dry1'])).stderr).to.include('hosts.restic-manager.io "dry1" not found');
    expect(await api.kubectl(['delete', 'host', 'web1', '--dry-run=server'])).to.match(/"web1" deleted.*\(server dry run\)/);
    await api.kubectl(['get', 'host', 'web1']);
  });

  it('creates with a generated name, and replaces', async () => {
    const file = await api.file('generate.yaml', 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {generateName: gen-}\nspec: {}\n');
    expect(await api.kubectl(['create', '-f', file])).to.match(/^host\.restic-manager\.io\/gen-[a-z0-9]{5} created\n$/);
    await api.kubectl(['replace', '-f', await api.file('replace.yaml', host('displayName: Replaced'))]);
    expect((await json('host', 'web1'))['spec']).to.deep.equal({ displayName: 'Replaced', presence: 'AlwaysOn', maxConcurrentJobs: 1 });
  });

  it('gets -l, -A, --field-selector and in chunks of one snapshot', async () => {
    for (const name of ['c1', 'c2', 'c3', 'c4', 'c5']) await api.kubectl(['create', '-f', '-'], { input: host('suspend: true', '{env: lab}').replace('web1', name) });
    const names = async (...args: string[]): Promise<string> => api.kubectl(['get', 'hosts', ...args, '-o', 'jsonpath={.items[*].metadata.name}']);
    expect(await names('-l', 'env=lab')).to.equal('c1 c2 c3 c4 c5');
    expect(await names('-l', 'env in (prod),!old')).to.equal('web1');
    expect(await names('--field-selector', 'metadata.name=c3')).to.equal('c3');
    expect(await names('-A', '-l', 'env=lab', '--chunk-size=2')).to.equal('c1 c2 c3 c4 c5');
    expect((await api.kubectl(['get', 'hosts', '-A', '--chunk-size=2'])).split('\n').length).to.equal(9);
    expect((await api.run(['get', 'hosts', '-l', 'a in (b'])).stderr).to.include('unable to parse requirement');
    expect(await api.kubectl(['delete', 'hosts', '-l', 'env=lab'])).to.match(/"c1" deleted/);
    expect(await names('-l', 'env=lab')).to.equal('');
  });

  it('applies, changes, applies again and edits a Secret', async () => {
    expect(await api.kubectl(['apply', '-f', secretFile])).to.equal('secret/repo-web1 created\n');
    await api.file('secret.yaml', secret('second'));
    expect(await api.kubectl(['apply', '-f', secretFile])).to.equal('secret/repo-web1 configured\n');
    const value = async (key: string): Promise<string> => Buffer.from(await api.kubectl(['get', 'secret', 'repo-web1', '-o', `jsonpath={.data.${key}}`]), 'base64').toString();
    expect(await value('password')).to.equal('second');
    const editor = await api.file('editor.sh', `#!/bin/sh\nsed -i 's/^  password: .*/  password: dGhpcmQ=\\n  username: d2ViMQ==/' "$1"\n`);
    expect(await api.kubectl(['edit', 'secret', 'repo-web1'], { env: { KUBE_EDITOR: `sh ${editor}` } })).to.equal('secret/repo-web1 edited\n');
    expect([await value('password'), await value('username')]).to.deep.equal(['third', 'web1']);
    const text = await api.kubectl(['get', 'secret', 'repo-web1', '-o', 'json']);
    expect(JSON.parse(text)).to.not.have.property('stringData');
    expect(await api.kubectl(['get', 'secrets'])).to.match(/repo-web1 +Opaque +2 +\d+s/);
    expect(await api.kubectl(['describe', 'secret', 'repo-web1'])).to.match(/password: +5 bytes/);
    expect(await api.kubectl(['create', 'secret', 'generic', 'typed', '--from-literal=password=x'])).to.equal('secret/typed created\n');
    expect((await api.run(['patch', 'secret', 'typed', '-p', '{"type":"kubernetes.io/tls"}'])).stderr).to.include('type: Invalid value: "kubernetes.io/tls": field is immutable');
  });

  it('edits one of ours', async () => {
    const editor = await api.file('editor2.sh', `#!/bin/sh\nsed -i 's/displayName: .*/displayName: Edited/' "$1"\n`);
    expect(await api.kubectl(['edit', 'host', 'web1'], { env: { KUBE_EDITOR: `sh ${editor}` } })).to.equal('host.restic-manager.io/web1 edited\n');
    expect((await json('host', 'web1'))['spec']?.['displayName']).to.equal('Edited');
  });

  it('says who I am and what I may (auth whoami, can-i)', async () => {
    expect(await api.kubectl(['auth', 'whoami'])).to.match(/Username +system:admin/);
    expect(await api.kubectl(['auth', 'whoami', '-o', 'json'], { role: 'viewer' })).to.include('"username": "the-viewer"');
    expect(await api.kubectl(['auth', 'can-i', 'create', 'hosts'])).to.equal('yes\n');
    expect((await api.run(['auth', 'can-i', 'create', 'hosts'], { role: 'viewer' })).stdout).to.match(/^no/);
    expect(await api.kubectl(['auth', 'can-i', '--list'], { role: 'viewer' })).to.match(/hosts\.restic-manager\.io .*\[get list watch\]/);
    expect((await api.run(['get', 'secrets'], { role: 'viewer' })).stderr).to.include('Error from server (Forbidden): secrets is forbidden: User "the-viewer" cannot list resource "secrets" in API group "" in the namespace "default"');
    const repository = 'apiVersion: restic-manager.io/v1alpha1\nkind: Repository\nmetadata: {name: web1}\nspec: {url: /srv/repo, credentialsSecretRef: {name: repo-web1}}\n';
    await api.kubectl(['create', '-f', '-'], { input: repository });
    expect((await api.run(['patch', 'repo', 'web1', '--type=merge', '-p', '{"spec":{"url":"/elsewhere"}}'], { role: 'operator' })).stderr).to.include('cannot bind resource "repositories"').and.to.include('spec.url');
    await api.kubectl(['patch', 'repo', 'web1', '--type=merge', '-p', '{"spec":{"displayName":"Mine"}}'], { role: 'operator' });
  });

  it('deletes with a finalizer in two steps, and without at once', async () => {
    await api.kubectl(['patch', 'host', 'web1', '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}']);
    await api.kubectl(['delete', 'host', 'web1', '--wait=false']);
    const marked = await json('host', 'web1');
    expect(marked['metadata']).to.have.property('deletionTimestamp');
    const deleted = api.kubectl(['wait', '--for=delete', 'host/web1', '--timeout=20s']);
    await api.kubectl(['patch', 'host', 'web1', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']);
    await deleted;
    expect((await api.run(['get', 'host', 'web1'])).stderr).to.include('NotFound');
    await api.kubectl(['apply', '-f', hostFile]);
    expect(await api.kubectl(['delete', '-f', hostFile])).to.match(/host\.restic-manager\.io "web1" deleted/);
    expect(await api.kubectl(['delete', '-f', hostFile, '--ignore-not-found'])).to.equal('');
  });

  it('knows the one namespace and refuses others with the reason', async () => {
    expect(await api.kubectl(['get', 'ns'])).to.match(/default +Active/);
    expect((await api.run(['get', 'hosts', '-n', 'other'])).stderr).to.include('namespace "other" is not served: this installation has one namespace, "default"');
    expect((await api.run(['apply', '-f', hostFile, '-n', 'other'])).stderr).to.include('namespace "other" is not served');
  });
});
