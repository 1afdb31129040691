/** Real kubectl apply --server-side against the resource API: what people and pipelines meet, in the words of the API server. */
import { expect } from 'chai';
import type { ManagedFieldsEntry } from '#crds/meta.js';
import type { ApiUnderTest, Ran } from './kubectl/server.js';
import { startApi } from './kubectl/server.js';

interface Shown { metadata: { resourceVersion: string; generation?: number; labels?: Record<string, string>; annotations?: Record<string, string>; managedFields: ManagedFieldsEntry[] }; spec: Record<string, unknown>; status?: Record<string, unknown>; data?: Record<string, string> }

describe('kubectl apply --server-side (X1 X2)', function () {
  this.timeout(60_000);
  let api: ApiUnderTest;
  let serial = 0;

  before(async () => { api = await startApi(); });
  after(async () => { await api.close(); });

  const fresh = (): string => `web${serial += 1}`;
  const host = (name: string, spec = '', labels = ''): string => `apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: ${name}${labels === '' ? '' : `, labels: {${labels}}`}}\nspec: {${spec}}\n`;
  const apply = (input: string, ...args: string[]): Promise<Ran> => api.run(['apply', '--server-side', '-f', '-', ...args], { input });
  const show = async (name: string, kind = 'host'): Promise<Shown> => JSON.parse(await api.kubectl(['get', kind, name, '-o', 'json', '--show-managed-fields'])) as Shown;
  const owners = ({ metadata }: Shown): unknown[] => metadata.managedFields.map(({ manager, operation, subresource, fieldsV1 }) => [manager, operation, ...(subresource === undefined ? [] : [subresource]), fieldsV1]);
  const ok = (ran: Ran): string => {
    expect(ran, ran.stderr).to.include({ code: 0 });
    return ran.stdout;
  };

  it('creates, changes nothing, changes', async () => {
    const name = fresh();
    expect(ok(await apply(host(name, 'displayName: One', 'env: prod')))).to.equal(`host.restic-manager.io/${name} serverside-applied\n`);
    const made = await show(name);
    expect(made.spec).to.deep.include({ displayName: 'One', presence: 'AlwaysOn' });
    expect(owners(made)).to.deep.equal([['kubectl', 'Apply', { 'f:metadata': { 'f:labels': { 'f:env': {} } }, 'f:spec': { 'f:displayName': {} } }]]);
    ok(await apply(host(name, 'displayName: One', 'env: prod')));
    expect(await show(name)).to.deep.equal(made);
    ok(await apply(host(name, 'displayName: Two', 'env: prod')));
    const changed = await show(name);
    expect(changed.spec['displayName']).to.equal('Two');
    expect(changed.metadata.generation).to.equal(2);
  });

  it('says who stands against it, and changes nothing', async () => {
    const name = fresh();
    ok(await apply(host(name, 'displayName: One, suspend: true'), '--field-manager=git'));
    await api.kubectl(['patch', 'host', name, '--type=merge', '-p', '{"spec":{"suspend":false}}', '--field-manager=kubectl-edit']);
    const before = await show(name);
    const one = await apply(host(name, 'displayName: One, suspend: true'), '--field-manager=git');
    expect(one.code).to.equal(1);
    expect(one.stderr).to.match(/^error: Apply failed with 1 conflict: conflict with "kubectl-edit" using restic-manager\.io\/v1alpha1: \.spec\.suspend\nPlease review the fields above--they currently have other managers\./);
    const two = await apply(host(name, 'displayName: Two, suspend: true'), '--field-manager=other');
    expect(two.stderr).to.match(/^error: Apply failed with 2 conflicts: conflicts with "git":\n- \.spec\.displayName\nconflicts with "kubectl-edit" using restic-manager\.io\/v1alpha1:\n- \.spec\.suspend\nPlease review/);
    expect(await show(name)).to.deep.equal(before);
  });

  it('takes contested fields over with --force-conflicts', async () => {
    const name = fresh();
    ok(await apply(host(name, 'displayName: One, suspend: true'), '--field-manager=git'));
    ok(await apply(host(name, 'displayName: Two'), '--field-manager=other', '--force-conflicts'));
    const taken = await show(name);
    expect(taken.spec).to.include({ displayName: 'Two', suspend: true });
    expect(owners(taken)).to.have.deep.members([['git', 'Apply', { 'f:spec': { 'f:suspend': {} } }], ['other', 'Apply', { 'f:spec': { 'f:displayName': {} } }]]);
  });

  it('lets two managers own a field together, which goes with the last of them', async () => {
    const name = fresh();
    ok(await apply(host(name, 'displayName: One, suspend: true', 'env: prod'), '--field-manager=one'));
    ok(await apply(host(name, 'displayName: One', 'env: prod, team: db'), '--field-manager=two'));
    const both = await show(name);
    expect(both.metadata.labels).to.deep.equal({ env: 'prod', team: 'db' });
    ok(await apply(host(name, 'suspend: true'), '--field-manager=one'));
    expect((await show(name)).spec).to.include({ displayName: 'One' });
    ok(await apply(host(name, '', 'team: db'), '--field-manager=two'));
    const left = await show(name);
    expect(left.spec).to.deep.equal({ presence: 'AlwaysOn', maxConcurrentJobs: 1, suspend: true });
    expect(left.metadata.labels).to.deep.equal({ team: 'db' });
  });

  it('merges lists by key and as sets, in the order of who applies', async () => {
    const name = fresh();
    const schedule = (...refs: string[]): string => `apiVersion: restic-manager.io/v1alpha1\nkind: Schedule\nmetadata: {name: ${name}}\nspec:\n  schedule: "@daily"\n  sourceGroupRefs: [${refs.map((ref) => `{name: ${ref}}`).join(', ')}]\n`;
    const refs = async (): Promise<unknown> => ((await show(name, 'schedule')).spec['sourceGroupRefs'] as { name: string }[]).map((ref) => ref.name);
    ok(await apply(schedule('a', 'b'), '--field-manager=one'));
    ok(await apply(schedule('c', 'b'), '--field-manager=two'));
    expect(await refs()).to.deep.equal(['a', 'c', 'b']);
    ok(await apply(schedule('a'), '--field-manager=one'));
    expect(await refs(), 'b is still wanted by two').to.deep.equal(['a', 'c', 'b']);
    ok(await apply(schedule('b'), '--field-manager=two'));
    expect(await refs()).to.deep.equal(['a', 'b']);
  });

  it('upgrades from client-side apply: what was applied belongs to the applier, the rest is not touched', async () => {
    const name = fresh();
    await api.kubectl(['apply', '-f', '-'], { input: host(name, 'displayName: One, suspend: true', 'env: prod') });
    ok(await apply(host(name, 'displayName: Two', 'env: lab')));
    const upgraded = await show(name);
    expect(upgraded.spec, 'suspend is no longer applied').to.deep.equal({ displayName: 'Two', presence: 'AlwaysOn', maxConcurrentJobs: 1 });
    expect(upgraded.metadata.labels).to.deep.equal({ env: 'lab' });
    const managers = upgraded.metadata.managedFields.map(({ manager, operation }) => `${manager ?? ''} ${operation ?? ''}`);
    expect(managers).to.include('kubectl Apply').and.not.to.include('kubectl-client-side-apply Update');
    expect(JSON.parse(upgraded.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '{}'), 'the annotation follows').to.have.nested.property('spec.displayName', 'Two');
    ok(await apply(host(name, '', 'env: lab')));
    expect((await show(name)).spec).to.deep.equal({ presence: 'AlwaysOn', maxConcurrentJobs: 1 });
  });

  it('upgrades where nobody was recorded: all that is there belongs to before-first-apply', async () => {
    const name = fresh();
    await api.kubectl(['create', '-f', '-'], { input: host(name, 'displayName: One') });
    await api.kubectl(['patch', 'host', name, '--type=json', '-p', '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]']);
    expect((await show(name)).metadata.managedFields).to.equal(undefined);
    await api.kubectl(['label', 'host', name, 'a=b']);
    expect((await show(name)).metadata.managedFields, 'still nobody').to.equal(undefined);
    expect((await apply(host(name, 'displayName: Two'))).stderr).to.include('conflict with "before-first-apply" using restic-manager.io/v1alpha1: .spec.displayName');
    ok(await apply(host(name, 'displayName: One')));
    const owned = await show(name);
    expect(owned.metadata.managedFields.map(({ manager }) => manager)).to.deep.equal(['kubectl', 'before-first-apply']);
  });

  it('goes back to client-side apply', async () => {
    const name = fresh();
    ok(await apply(host(name, 'displayName: One, suspend: true')));
    const { stderr } = await api.run(['apply', '-f', '-'], { input: host(name, 'displayName: Two, suspend: true') });
    expect(stderr).to.include('missing the kubectl.kubernetes.io/last-applied-configuration annotation');
    await api.kubectl(['apply', '-f', '-'], { input: host(name, 'displayName: Two') });
    expect((await show(name)).spec).to.deep.equal({ displayName: 'Two', presence: 'AlwaysOn', maxConcurrentJobs: 1 });
    expect((await apply(host(name, 'displayName: Three'), '--field-manager=git')).stderr).to.include('conflict with "kubectl-client-side-apply" using restic-manager.io/v1alpha1: .spec.displayName');
  });

  it('applies Secrets: keys of data have owners of their own, stringData is folded', async () => {
    const name = fresh();
    const secret = (rest: string): string => `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${rest}\n`;
    ok(await apply(secret('data: {a: QQ==, b: Qg==}'), '--field-manager=one'));
    ok(await apply(secret('data: {c: Qw==}'), '--field-manager=two'));
    expect((await apply(secret('data: {a: Wg==}'), '--field-manager=two')).stderr).to.include('Apply failed with 1 conflict: conflict with "one": .data.a');
    ok(await apply(secret('data: {a: QQ==}'), '--field-manager=one'));
    expect((await show(name, 'secret')).data).to.deep.equal({ a: 'QQ==', c: 'Qw==' });
    ok(await apply(secret('stringData: {d: D}'), '--field-manager=three'));
    const folded = await show(name, 'secret');
    expect(folded.data).to.deep.equal({ a: 'QQ==', c: 'Qw==', d: 'RA==' });
    expect(folded).not.to.have.property('stringData');
    ok(await apply(secret('stringData: {d: D}'), '--field-manager=three'));
    expect((await show(name, 'secret')).metadata.resourceVersion).to.equal(folded.metadata.resourceVersion);
  });

  it('applies status through its subresource, and only there', async () => {
    const name = fresh();
    ok(await apply(host(name, 'displayName: One')));
    const status = `apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: ${name}}\nspec: {displayName: ignored}\nstatus: {phase: Online, conditions: [{type: Ready, status: "True", reason: R, message: m, lastTransitionTime: "2026-01-01T00:00:00Z"}]}\n`;
    ok(await apply(status, '--subresource=status', '--field-manager=probe'));
    const shown = await show(name);
    expect(shown.spec['displayName']).to.equal('One');
    expect(shown.status).to.include({ phase: 'Online' });
    expect(shown.metadata.generation).to.equal(1);
    expect(owners(shown)).to.deep.include(['probe', 'Apply', 'status', { 'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:lastTransitionTime': {}, 'f:message': {}, 'f:reason': {}, 'f:status': {}, 'f:type': {} } }, 'f:phase': {} } }]);
    expect((await apply(status.replace('Online', 'Offline'), '--subresource=status', '--field-manager=other')).stderr).to.include('conflict with "probe" with subresource "status": .status.phase');
    ok(await apply(host(name, 'displayName: One').replace('spec:', 'status: {phase: Asleep}\nspec:')));
    expect((await show(name)).status, 'status is not written through the object').to.include({ phase: 'Online' });
    const gone = await apply(status.replaceAll(name, 'nobody'), '--subresource=status');
    expect(gone.stderr).to.include('hosts.restic-manager.io "nobody" not found');
  });

  it('tries without storing: --dry-run=server and diff --server-side', async () => {
    const name = fresh();
    expect(ok(await apply(host(name, 'displayName: One'), '--dry-run=server'))).to.equal(`host.restic-manager.io/${name} serverside-applied (server dry run)\n`);
    expect((await api.run(['get', 'host', name])).stderr).to.include('not found');
    ok(await apply(host(name, 'displayName: One')));
    const before = await show(name);
    const same = await api.run(['diff', '--server-side', '-f', '-'], { input: host(name, 'displayName: One') });
    expect(same, same.stdout + same.stderr).to.include({ code: 0, stdout: '' });
    const { code, stdout } = await api.run(['diff', '--server-side', '-f', '-'], { input: host(name, 'displayName: Two') });
    expect(code).to.equal(1);
    expect(stdout).to.match(/^-\s+displayName: One$/m).and.to.match(/^\+\s+displayName: Two$/m);
    expect(await show(name)).to.deep.equal(before);
  });

  it('refuses what is not of the kind, in the words of the API server', async () => {
    const name = fresh();
    const rows: [string, RegExp][] = [
      [host(name, 'nope: 1'), new RegExp(`^Error from server: failed to create typed patch object \\(default/${name}; restic-manager\\.io/v1alpha1, Kind=Host\\): \\.spec\\.nope: field not declared in schema\n`)],
      [host(name, 'displayName: [a]'), /\.spec\.displayName: expected string, got &value\.valueUnstructured\{Value:\[\]interface \{\}\{"a"\}\}/],
      [host(name, 'presence: Sometimes'), /spec\.presence: Unsupported value: "Sometimes": supported values: "AlwaysOn", "Intermittent"/],
    ];
    for (const [input, says] of rows) {
      const { code, stderr } = await apply(input, '--validate=false');
      expect(code).to.equal(1);
      expect(stderr).to.match(says);
    }
    expect((await api.run(['get', 'host', name])).stderr).to.include('not found');
  });

  it('makes no object for who may not create one', async () => {
    const name = fresh();
    const repository = (url: string): string => `apiVersion: restic-manager.io/v1alpha1\nkind: Repository\nmetadata: {name: ${name}, labels: {a: b}}\n${url}`;
    const { code, stderr } = await api.run(['apply', '--server-side', '-f', '-', '--field-manager=x'], { input: repository('spec: {url: "rest:http://h/", credentialsSecretRef: {name: s}}'), role: 'operator' });
    expect(code).to.equal(1);
    expect(stderr).to.match(/Forbidden.*cannot create resource "repositories"/s);
    ok(await apply(repository('spec: {url: "rest:http://h/", credentialsSecretRef: {name: s}}'), '--field-manager=y'));
    const labelled = await api.run(['apply', '--server-side', '-f', '-', '--field-manager=x'], { input: repository(''), role: 'operator' });
    expect(labelled.code, labelled.stderr).to.equal(0);
  });

  describe('over HTTP', () => {
    const HOSTS = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
    const config = (name: string, metadata: object = {}, rest: object = { spec: {} }): string => JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name, ...metadata }, ...rest });
    const patch = async (name: string, body: string, query = 'fieldManager=x', type = 'application/apply-patch+yaml'): Promise<{ status: number; body: Record<string, unknown> }> => {
      const { status, text } = await api.request('PATCH', `${HOSTS}/${name}?${query}`, { body, headers: { 'content-type': type } });
      return { status, body: JSON.parse(text) as Record<string, unknown> };
    };

    it('answers 201 when it makes the object, 200 after', async () => {
      const name = fresh();
      expect(await patch(name, config(name))).to.include({ status: 201 });
      expect(await patch(name, config(name))).to.include({ status: 200 });
    });

    it('gives a conflict as 409 with one cause a field', async () => {
      const name = fresh();
      await patch(name, config(name, { labels: { a: '1' } }), 'fieldManager=one');
      const { status, body } = await patch(name, config(name, { labels: { a: '2' } }), 'fieldManager=two');
      expect(status).to.equal(409);
      expect(body).to.deep.include({ reason: 'Conflict', message: 'Apply failed with 1 conflict: conflict with "one": .metadata.labels.a' });
      expect((body['details'] as { causes: unknown }).causes).to.deep.equal([{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.metadata.labels.a' }]);
    });

    it('refuses bad requests in the words of the API server', async () => {
      const name = fresh();
      await patch(name, config(name));
      const uid = '00000000-0000-4000-8000-000000000000';
      const rows: [string, string, string, number, string | RegExp][] = [
        [name, config(name), '', 422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'],
        [name, config('other'), 'fieldManager=x', 400, `the name of the object (other) does not match the name on the URL (${name})`],
        [name, config(name, { namespace: 'other' }), 'fieldManager=x', 400, 'the namespace of the provided object does not match the namespace sent on the request'],
        [name, config(name, { managedFields: [] }), 'fieldManager=x', 400, 'metadata.managedFields must be nil'],
        [name, config(name, { uid }), 'fieldManager=x', 422, `Host.restic-manager.io "${name}" is invalid: metadata.uid: Invalid value: "${uid}": field is immutable`],
        ['absent', config('absent', { uid }), 'fieldManager=x', 409, `Operation cannot be fulfilled on hosts.restic-manager.io "absent": uid mismatch: the provided object specified uid ${uid}, and no existing object was found`],
        [name, config(name, { resourceVersion: '1' }), 'fieldManager=x', 409, /the object has been modified; please apply your changes to the latest version and try again/],
        [name, config(name).replace('"Host"', '"Schedule"'), 'fieldManager=x', 400, 'invalid object type: restic-manager.io/v1alpha1, Kind=Schedule'],
        [name, '{', 'fieldManager=x', 400, /^error decoding patch: /],
        [name, config(name, {}, { spec: [] }), 'fieldManager=x', 400, /: \.spec: expected map, got &\{\[\]\}$/],
      ];
      for (const [target, body, query, status, message] of rows) {
        const reply = await patch(target, body, query);
        expect(reply.status, String(message)).to.equal(status);
        if (typeof message === 'string') expect(reply.body['message']).to.equal(message);
        else expect(reply.body['message']).to.match(message);
      }
      expect((await patch(name, '{}', 'force=true', 'application/merge-patch+json')).body['message']).to.equal('PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch');
      expect((await patch(name, config(name), 'fieldManager=x', 'application/apply-patch+json')).status).to.equal(415);
    });
  });
});
