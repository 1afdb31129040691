/** Bad input at the resource API: each refused with a message that names the place, and nothing changes. */
import { expect } from 'chai';
import type { ApiUnderTest, Ran } from './kubectl/server.js';
import { startApi } from './kubectl/server.js';

const HOSTS = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
const object = (kind: string, spec: string, name = 'web1'): string => `apiVersion: restic-manager.io/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
const bomb = (): string => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level++) lines.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]`);
  return `${object('Host', 'suspend: true', 'bomb')}${lines.join('\n')}\n`;
};

describe('Bad input at the resource API', function () {
  this.timeout(60_000);
  let api: ApiUnderTest;
  let version: string;

  before(async () => {
    api = await startApi();
    await api.kubectl(['create', '-f', '-'], { input: object('Host', 'displayName: One') });
    version = api.store.resourceVersion();
  });
  after(async () => { await api.close(); });
  afterEach('nothing has changed', async () => {
    expect(api.store.resourceVersion()).to.equal(version);
    expect(JSON.parse((await api.request('GET', HOSTS)).text)).to.have.nested.property('metadata.resourceVersion', version);
  });

  const refusals: { what: string; manifest: string; says: RegExp }[] = [
    { what: 'an unknown field (strict)', manifest: object('Host', 'displayNam: x', 'a'), says: /strict decoding error: unknown field "spec\.displayNam"/ },
    { what: 'an unknown field in metadata (strict)', manifest: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: a, lables: {a: b}}\nspec: {}\n', says: /unknown field "metadata\.lables"/ },
    { what: 'a wrong type', manifest: object('Host', 'suspend: "yes"', 'a'), says: /spec\.suspend: Invalid value: "string": spec\.suspend in body must be of type boolean/ },
    { what: 'a wrong type in metadata', manifest: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: a, labels: {n: 5}}\nspec: {}\n', says: /metadata\.labels\.n: Invalid value: "integer"|cannot convert int64 to string|labels/ },
    { what: 'a bad enum', manifest: object('Host', 'presence: Sometimes', 'a'), says: /spec\.presence: Unsupported value: "Sometimes": supported values: "AlwaysOn", "Intermittent"/ },
    { what: 'a bad cron', manifest: object('Schedule', 'schedule: "61 * * * *", sourceGroupRefs: [{name: etc}]', 'a'), says: /spec\.schedule: Invalid value: "61 \* \* \* \*": is not a cron expression: minute 61 is outside 0-59/ },
    { what: 'a cron of six fields', manifest: object('Schedule', 'schedule: "0 0 1 * * *", sourceGroupRefs: [{name: etc}]', 'a'), says: /spec\.schedule: Invalid value: "0 0 1 \* \* \*": spec\.schedule in body should match/ },
    { what: 'an unknown time zone', manifest: object('Schedule', 'schedule: "@daily", timeZone: Europe/Atlantis, sourceGroupRefs: [{name: etc}]', 'a'), says: /spec\.timeZone: Invalid value: "Europe\/Atlantis": is not an IANA time zone name/ },
    { what: 'both hostRef and hostSelector', manifest: object('SourceGroup', 'hostRef: {name: web1}, hostSelector: {matchLabels: {a: b}}, includes: [/etc]', 'a'), says: /spec: Invalid value.*exactly one of hostRef and hostSelector must be set/ },
    { what: 'a name that is not a DNS label', manifest: object('Host', '', 'web.1'), says: /metadata\.name must be a DNS label/ },
    { what: 'a name that is not even a DNS subdomain', manifest: object('Host', '', 'Web_1'), says: /metadata\.name: Invalid value: "Web_1": a lowercase RFC 1123 subdomain/ },
    { what: 'a missing required field', manifest: object('Repository', 'url: /srv/repo', 'a'), says: /spec\.credentialsSecretRef: Required value/ },
    { what: 'no spec at all', manifest: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: a}\n', says: /spec: Required value/ },
    { what: 'user and password in a repository URL, without repeating them', manifest: object('Repository', 'url: "rest:https://me:geheim@backup/x", credentialsSecretRef: {name: s}', 'a'), says: /spec\.url: Invalid value(?!.*geheim).*put user name and password into the Secret/ },
    { what: 'Secret data that are not base64', manifest: 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: "not base64!"}\n', says: /data\.password|illegal base64/ },
    { what: 'malformed YAML (kubectl itself)', manifest: 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: a\n', says: /error (parsing|converting YAML)/ },
  ];
  for (const { what, manifest, says } of refusals) {
    it(`refuses ${what}`, async () => {
      const { code, stderr } = await api.run(['apply', '-f', '-'], { input: manifest });
      expect(code).to.equal(1);
      expect(stderr.replace(/\n/g, ' ')).to.match(says);
    });
  }

  it('warns of an unknown field with --validate=warn and drops it', async () => {
    const ran: Ran = await api.run(['create', '-f', '-', '--validate=warn', '--dry-run=server', '-o', 'json'], { input: object('Host', 'displayNam: x', 'a') });
    expect(ran.code).to.equal(0);
    expect(ran.stderr).to.include('Warning: unknown field "spec.displayNam"');
    expect(JSON.parse(ran.stdout)).to.have.deep.property('spec', { presence: 'AlwaysOn', maxConcurrentJobs: 1 });
  });

  it('refuses a stale resourceVersion', async () => {
    const stale = { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'web1', resourceVersion: '1' }, spec: { displayName: 'Two' } };
    const { code, stderr } = await api.run(['replace', '-f', '-'], { input: JSON.stringify(stale) });
    expect(code).to.equal(1);
    expect(stderr).to.include('Error from server (Conflict)').and.to.include('Operation cannot be fulfilled on hosts.restic-manager.io "web1": the object has been modified; please apply your changes to the latest version and try again');
    const patch = await api.request('PATCH', `${HOSTS}/web1`, { body: '{"metadata":{"resourceVersion":"1"},"spec":{"displayName":"Two"}}', headers: { 'content-type': 'application/merge-patch+json' } });
    expect(patch.status).to.equal(409);
  });

  const send = (body: string | Buffer, type = 'application/json', method = 'POST', path = HOSTS): ReturnType<ApiUnderTest['request']> => api.request(method, path, { body, headers: { 'content-type': type } });
  const bodies: { what: string; body: () => string | Buffer; type?: string; method?: string; path?: string; status: number; says: RegExp }[] = [
    { what: 'a body over the limit', body: () => JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'big', annotations: { a: 'x'.repeat(3 * 1024 * 1024) } }, spec: {} }), status: 413, says: /Request entity too large: limit is 3145728/ },
    { what: 'malformed JSON', body: () => '{"apiVersion": "restic-manager.io/v1alpha1",\n "kind" "Host"}', status: 400, says: /line 2, column 9: expected ":" after the key, found "\\""/ },
    { what: 'JSON cut short', body: () => '{"kind": "Host"', status: 400, says: /line 1, column 16: expected "," or "}", found the end of the text/ },
    { what: 'malformed YAML', body: () => 'kind: Host\n metadata: {}', type: 'application/yaml', status: 400, says: /line 2, column \d+: / },
    { what: 'a YAML bomb', body: bomb, type: 'application/yaml', status: 400, says: /aliases expand to more than/ },
    { what: 'a deep YAML', body: () => `a: ${'['.repeat(5000)}`, type: 'application/yaml', status: 400, says: /nesting exceeded maxDepth/ },
    { what: 'a deep JSON', body: () => `{"a":${'['.repeat(5000)}`, status: 400, says: /nested deeper than 256 levels/ },
    { what: 'bytes that are no UTF-8', body: () => Buffer.from([0x7b, 0xff, 0x7d]), status: 400, says: /not UTF-8/ },
    { what: 'a __proto__ key', body: () => '{"kind":"Host","__proto__":{"polluted":true}}', status: 400, says: /line 1, column 16: key "__proto__" is not accepted/ },
    { what: 'metadata that is no object', body: () => '{"apiVersion":"restic-manager.io/v1alpha1","kind":"Host","metadata":[],"spec":{}}', status: 400, says: /metadata must be an object/ },
    { what: 'a list instead of an object', body: () => '[]', status: 400, says: /an object is expected/ },
    { what: 'another kind than the path says', body: () => '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}', status: 400, says: /does not match the expected one/ },
    { what: 'an unknown media type', body: () => '<host/>', type: 'text/xml', status: 415, says: /accepted media types include: application\/json, application\/yaml/ },
    { what: 'a server-side apply of no object', body: () => '[]', type: 'application/apply-patch+yaml', method: 'PATCH', path: `${HOSTS}/web1?fieldManager=a`, status: 400, says: /error decoding patch: an object is expected/ },
    { what: 'a server-side apply with a __proto__ key', body: () => '{"apiVersion":"restic-manager.io/v1alpha1","__proto__":{"polluted":true}}', type: 'application/apply-patch+yaml', method: 'PATCH', path: `${HOSTS}/web1?fieldManager=a`, status: 400, says: /error decoding patch: .*key "__proto__" is not accepted/ },
    { what: 'a JSON patch whose test fails', body: () => '[{"op":"test","path":"/spec/displayName","value":"x"}]', type: 'application/json-patch+json', method: 'PATCH', path: `${HOSTS}/web1`, status: 422, says: /operation 0 \(test \/spec\/displayName\)/ },
    { what: 'a JSON patch that points nowhere', body: () => '[{"op":"replace","path":"/spec/none/deep","value":1}]', type: 'application/json-patch+json', method: 'PATCH', path: `${HOSTS}/web1`, status: 422, says: /operation 0 \(replace \/spec\/none\/deep\)/ },
    { what: 'a JSON patch that would reach the prototype', body: () => '[{"op":"add","path":"/constructor/prototype/x","value":1}]', type: 'application/json-patch+json', method: 'PATCH', path: `${HOSTS}/web1`, status: 422, says: /operation 0/ },
    { what: 'a JSON patch into its own source', body: () => '[{"op":"move","from":"/spec","path":"/spec/x"}]', type: 'application/json-patch+json', method: 'PATCH', path: `${HOSTS}/web1`, status: 422, says: /operation 0 \(move \/spec\/x\): the path leads through a value that is not there/ },
    { what: 'a patch that renames', body: () => '{"metadata":{"name":"web2"}}', type: 'application/merge-patch+json', method: 'PATCH', path: `${HOSTS}/web1`, status: 400, says: /the name of the object \(web2\) does not match the name on the URL \(web1\)/ },
    { what: 'an update without resourceVersion', body: () => '{"apiVersion":"restic-manager.io/v1alpha1","kind":"Host","metadata":{"name":"web1"},"spec":{}}', method: 'PUT', path: `${HOSTS}/web1`, status: 422, says: /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/ },
    { what: 'a method the path does not know', body: () => '{}', method: 'POST', path: `${HOSTS}/web1`, status: 405, says: /does not allow this method/ },
    { what: 'a resource that does not exist', body: () => '{}', path: '/apis/restic-manager.io/v1alpha1/namespaces/default/nothings', status: 404, says: /could not find the requested resource/ },
    { what: 'an unknown dryRun', body: () => '{}', path: `${HOSTS}?dryRun=Some`, status: 422, says: /dryRun: Unsupported value/ },
    { what: 'an unknown fieldValidation', body: () => '{}', path: `${HOSTS}?fieldValidation=Some`, status: 422, says: /fieldValidation: Unsupported value/ },
  ];
  for (const { what, body, type, method, path, status, says } of bodies) {
    it(`answers ${status} to ${what}`, async () => {
      const reply = await send(body(), type, method, path);
      expect(reply.status, reply.text).to.equal(status);
      const answer = JSON.parse(reply.text) as { message: string };
      expect(answer.message).to.match(says);
      expect(answer).to.include({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status });
    });
  }

  it('reports duplicate fields: refused under Strict, warned of under Warn', async () => {
    const body = '{"apiVersion":"restic-manager.io/v1alpha1","kind":"Host","metadata":{"name":"dup"},"spec":{"suspend":true,"suspend":false}}';
    const strict = await send(body, undefined, 'POST', `${HOSTS}?fieldValidation=Strict&dryRun=All`);
    expect(strict.status).to.equal(400);
    expect(strict.text).to.include('duplicate field \\"spec.suspend\\"');
    const warned = await send(body, undefined, 'POST', `${HOSTS}?fieldValidation=Warn&dryRun=All`);
    expect(warned.status).to.equal(201);
    expect(warned.headers.get('warning')).to.equal('299 - "duplicate field \\"spec.suspend\\""');
  });

  it('answers 401 without a known token and 406 to a form it has not', async () => {
    expect((await api.request('GET', HOSTS, { role: 'nobody' })).status).to.equal(401);
    expect((await api.request('GET', '/apis', { role: 'nobody' })).status).to.equal(401);
    expect((await api.request('GET', HOSTS, { headers: { accept: 'application/vnd.kubernetes.protobuf' } })).status).to.equal(406);
    expect((await api.request('GET', `${HOSTS}?labelSelector=${encodeURIComponent('a in (')}`)).status).to.equal(400);
    expect((await api.request('GET', `${HOSTS}?fieldSelector=spec.nothing=1`)).text).to.include('field label not supported: spec.nothing');
    expect((await api.request('GET', `${HOSTS}?limit=x`)).status).to.equal(400);
    expect((await api.request('GET', `${HOSTS}?continue=forged.token`)).status).to.equal(400);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('answers 410 as an ERROR event to a watch from too long ago, and ends a watch at timeoutSeconds', async () => {
    const gone = await api.request('GET', `${HOSTS}?watch=1&resourceVersion=999999`);
    expect(gone.status).to.equal(200);
    expect(JSON.parse(gone.text)).to.have.nested.property('object.code', 410);
    const initial = await api.request('GET', `${HOSTS}?watch=1&resourceVersion=0&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`);
    const events = initial.text.trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: { metadata: { name?: string; resourceVersion: string; annotations?: Record<string, string> } } });
    expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'BOOKMARK']);
    expect(events[1]?.object.metadata).to.deep.include({ resourceVersion: version, annotations: { 'k8s.io/initial-events-end': 'true' } });
  });
});
