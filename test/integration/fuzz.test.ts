/**
 * Anything at all, sent to the decoder and to every verb of the resource API: refused or accepted, never a fault of ours,
 * never a change when it was refused, never a stored object that could not be stored again, never a touched prototype.
 * Seeded, so that a failure comes again; RM_FUZZ_SEED and RM_FUZZ_RUNS search elsewhere and longer.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { decode, decodeDocuments, DecodeError, TooLarge } from '#apiserver/admission/decode.js';
import { startPlainApi, type Answer, type PlainApi } from '../builders/plainApi.js';

const settings = (runs: number): { seed: number; numRuns: number } => ({ seed: Number(process.env['RM_FUZZ_SEED'] ?? 20_260_302), numRuns: Math.ceil(runs * Number(process.env['RM_FUZZ_RUNS'] ?? 1)) });
const BASE = '/apis/restic-manager.io/v1alpha1/namespaces/default';
const targets = [`${BASE}/hosts/web1`, `${BASE}/schedules/nightly`, `${BASE}/sourcegroups/docs`, '/api/v1/namespaces/default/secrets/s'] as const;

/** Names that mean something somewhere, so that what is made up meets what is looked at. */
const words = ['metadata', 'spec', 'status', 'name', 'namespace', 'uid', 'labels', 'annotations', 'managedFields', 'manager', 'operation', 'fieldsV1', 'fieldsType', 'apiVersion', 'kind', 'time', 'subresource', 'f:spec', 'f:metadata', 'f:displayName', 'k:{"type":"Ready"}', 'v:1', '.', 'ownerReferences', 'finalizers', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'generateName',
  'displayName', 'presence', 'suspend', 'bandwidth', 'schedule', 'timeZone', 'sourceGroupRefs', 'includes', 'hostRef', 'hostSelector', 'matchLabels', 'tag', 'jitter', 'catchUp', 'data', 'stringData', 'type', 'immutable', 'conditions', 'observed',
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '', '0', '-', '-1', '~0', '~1', '$patch', '$retainKeys', '$setElementOrder/conditions', '$deleteFromPrimitiveList/finalizers'];
const values = ['restic-manager.io/v1alpha1', 'v1', 'Host', 'Schedule', 'Secret', 'web1', 'nightly', 'default', 'FieldsV1', 'Apply', 'Update', 'kubectl', 'AlwaysOn', '@daily', '61 * * * *', 'Europe/Berlin', '/etc', 'delete', 'replace', 'merge', '2026-01-01T00:00:00Z', '1', '99999999999999999999', 'bm90IGJhc2U2NA==', 'not base64!', '\u0000', '\ud800', 'ü', 'x'.repeat(300)];
const key = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...words) }, fc.string({ maxLength: 8 }));
const leaf = fc.oneof(fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e21, 2 ** 53, '', ...values), fc.string({ maxLength: 12 }), fc.double({ noNaN: true, noDefaultInfinity: true }));
const { tree } = fc.letrec((tie) => ({ tree: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, fc.array(tie('tree'), { maxLength: 4 }), fc.array(fc.tuple(key, tie('tree')), { maxLength: 5 }).map((entries) => new Entries(entries as [string, unknown][]))) }));

/** An object as text is: keys in any number, `__proto__` too. */
class Entries {
  readonly entries: [string, unknown][];
  constructor(entries: [string, unknown][]) { this.entries = entries; }
}
function toText(value: unknown): string {
  if (value instanceof Entries) return `{${value.entries.map(([name, inner]) => `${JSON.stringify(name)}:${toText(inner)}`).join(',')}}`;
  if (Array.isArray(value)) return `[${value.map(toText).join(',')}]`;
  return JSON.stringify(value);
}
const object = fc.array(fc.tuple(key, tree), { maxLength: 6 }).map((entries) => new Entries(entries));
/** A patch that gets past the first checks: parts at places where such parts are. */
const patch = fc.record({ metadata: object, spec: object, data: tree, stringData: tree, status: tree }, { requiredKeys: [] }).map((record) => new Entries(Object.entries(record)));

/** For a query; half a surrogate pair becomes the replacement character. */
const encoded = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

function prototypeIsClean(): void {
  expect(Object.keys(Object.prototype)).to.deep.equal([]);
  expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  expect(Object.keys(Array.prototype)).to.deep.equal([]);
}

describe('anything at all', function () {
  this.timeout(60_000);

  describe('in the decoder', () => {
    /** @returns what it is read as; undefined when it was refused */
    function read(work: () => unknown): unknown {
      try {
        return work();
      } catch (error) {
        if (error instanceof DecodeError || error instanceof TooLarge) { expect(error.message).to.match(/^(line \d+, column \d+: .|Request entity too large)/s); return undefined; }
        throw error;
      } finally {
        prototypeIsClean();
      }
    }
    const yamlish = fc.array(fc.oneof(fc.constantFrom('a: ', '- ', '\n', '  ', '? ', ': ', '&a ', '*a ', '<<: ', '!!binary ', '!!js/function ', '!x ', '|\n', '>-\n', '---\n', '...\n', '%YAML 1.2\n', '{', '}', '[', ']', ',', '"', '\'', '#', '\t', '__proto__', '2026-01-01', '0x1F', '.nan', '.inf', '~', '\\x', '\u0000', '\u2028', '\ufeff'), fc.string({ maxLength: 4 })), { maxLength: 30 }).map((parts) => parts.join(''));

    it('is read or refused with a place, as bytes, JSON and YAML', () => {
      fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), yamlish, fc.string({ maxLength: 100, unit: 'binary' }), tree.map(toText)), (text) => {
        for (const format of ['json', 'yaml'] as const) read(() => decode(text, format));
        read(() => decodeDocuments(text));
      }), settings(1500));
    });

    it('reads JSON as JSON.parse does, refusing `__proto__` and what is too deep, and YAML reads it alike', () => {
      fc.assert(fc.property(tree, (value) => {
        const text = toText(value);
        const found = read(() => decode(text, 'json').value);
        if (found === undefined) expect(text).to.include('"__proto__"');
        else expect(found).to.deep.equal(JSON.parse(text));
        const asYaml = read(() => decode(text, 'yaml').value);
        if (asYaml !== undefined && found !== undefined) expect(JSON.parse(JSON.stringify(asYaml)) as unknown).to.deep.equal(JSON.parse(JSON.stringify(found)));
      }), settings(1500));
    });
  });

  describe('at the resource API', () => {
    let api: PlainApi;
    before(async () => {
      api = await startPlainApi();
      const make = async (path: string, body: object): Promise<void> => { expect((await api.ask('POST', path, JSON.stringify(body), 'application/json')).status).to.equal(201); };
      const ours = { apiVersion: 'restic-manager.io/v1alpha1' };
      await make(`${BASE}/hosts`, { ...ours, kind: 'Host', metadata: { name: 'web1', labels: { a: 'b' } }, spec: { displayName: 'One' } });
      await make(`${BASE}/sourcegroups`, { ...ours, kind: 'SourceGroup', metadata: { name: 'docs' }, spec: { hostRef: { name: 'web1' }, includes: ['/etc', '/srv'] } });
      await make(`${BASE}/schedules`, { ...ours, kind: 'Schedule', metadata: { name: 'nightly' }, spec: { schedule: '@daily', sourceGroupRefs: [{ name: 'docs' }] } });
      await make('/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password: 'c2VjcmV0' } });
    });
    after(async () => { await api.close(); });
    afterEach('no fault of ours was logged', () => {
      expect(api.faults).to.deep.equal([]);
      prototypeIsClean();
    });

    /** Sends it and holds the reply against the rules. */
    async function sound(method: string, path: string, body?: string | Buffer, type?: string): Promise<Answer> {
      const before = api.store.resourceVersion();
      const answer = await api.ask(method, path, body, type);
      const about = `${method} ${path} ${String(body).slice(0, 500)} -> ${answer.text.slice(0, 500)} ${api.faults.join('\n')}`;
      expect(answer.status, about).to.be.within(200, 499);
      if (answer.status >= 400) {
        expect(api.store.resourceVersion(), `a refusal changed something: ${about}`).to.equal(before);
        expect(JSON.parse(answer.text), about).to.include({ kind: 'Status', status: 'Failure', code: answer.status });
      }
      return answer;
    }
    /** Whatever was accepted can be stored again as it is. */
    async function storable(path: string): Promise<void> {
      const { text, status } = await api.ask('GET', path);
      if (status === 404) return;
      const again = await api.ask('PUT', `${path}?dryRun=All`, text, 'application/json');
      expect(again.status, `${text} -> ${again.text}`).to.equal(200);
    }
    const target = fc.constantFrom(...targets);

    for (const [what, type, runs] of [['merge patches', 'application/merge-patch+json', 350], ['strategic merge patches', 'application/strategic-merge-patch+json', 200]] as const) {
      it(what, async () => {
        await fc.assert(fc.asyncProperty(target, fc.oneof({ weight: 4, arbitrary: patch }, { weight: 1, arbitrary: tree }), fc.constantFrom('', '?dryRun=All', '?fieldValidation=Strict'), async (path, value, query) => {
          const { status } = await sound('PATCH', path + query, toText(value), type);
          if (status < 300) await storable(path);
        }), settings(runs));
      });
    }

    it('JSON patches: any operation at any pointer', async () => {
      const pointer = fc.array(fc.oneof(key, fc.constantFrom('0', '1', '-', '01', '1e0', '-0', '9999999999')), { maxLength: 4 }).map((parts) => parts.map((part) => `/${part}`).join(''));
      const anyPointer = fc.oneof({ weight: 8, arbitrary: pointer }, fc.constantFrom<unknown>('spec', 'a/b', null, 5));
      const operation = fc.record<Record<string, unknown>>({ op: fc.constantFrom<unknown>('add', 'remove', 'replace', 'move', 'copy', 'test', '_get', 'constructor', null), path: anyPointer, from: anyPointer, value: tree }, { requiredKeys: ['op', 'path'] }).map((record) => new Entries(Object.entries(record)));
      await fc.assert(fc.asyncProperty(target, fc.array(fc.oneof({ weight: 9, arbitrary: operation }, { weight: 1, arbitrary: tree }), { maxLength: 4 }), async (path, operations) => {
        const { status } = await sound('PATCH', path, toText(operations), 'application/json-patch+json');
        if (status < 300) await storable(path);
      }), settings(400));
    });

    it('server-side apply, with managers of any name and managedFields of any shape', async () => {
      const headed = (path: string) => patch.map(({ entries }) => new Entries([['apiVersion', path.startsWith('/api/') ? 'v1' : 'restic-manager.io/v1alpha1'], ['kind', { hosts: 'Host', schedules: 'Schedule', sourcegroups: 'SourceGroup', secrets: 'Secret' }[path.split('/').at(-2) ?? ''] ?? ''], ...entries]));
      const call = target.chain((path) => fc.tuple(fc.constant(path), fc.oneof({ weight: 4, arbitrary: headed(path) }, { weight: 1, arbitrary: tree })));
      await fc.assert(fc.asyncProperty(call, fc.oneof(fc.constantFrom('a', 'kubectl', ''), fc.string({ maxLength: 6 })), fc.boolean(), async ([path, value], manager, force) => {
        const { status } = await sound('PATCH', `${path}?fieldManager=${encoded(manager)}&force=${String(force)}`, toText(value), 'application/apply-patch+yaml');
        if (status < 300) await storable(path);
      }), settings(350));
    });

    it('managedFields of any shape, by every kind of write', async () => {
      const entry = fc.record<Record<string, unknown>>({ manager: leaf, operation: fc.constantFrom<unknown>('Apply', 'Update', 'x', 1), apiVersion: fc.constantFrom<unknown>('restic-manager.io/v1alpha1', 'v9', '', 3), time: fc.constantFrom<unknown>('2026-01-01T00:00:00Z', 'then', null, 5), fieldsType: fc.constantFrom<unknown>('FieldsV1', 'FieldsV0', 7), fieldsV1: tree, subresource: fc.constantFrom<unknown>('', 'status', 'x', 2) }, { requiredKeys: [] }).map((record) => new Entries(Object.entries(record)));
      const fields = fc.oneof(fc.array(entry, { maxLength: 3 }), tree);
      await fc.assert(fc.asyncProperty(target, fields, fc.constantFrom('application/merge-patch+json', 'application/json-patch+json', 'application/apply-patch+yaml'), async (path, value, type) => {
        const text = toText(value);
        const body = type === 'application/json-patch+json' ? `[{"op":"replace","path":"/metadata/managedFields","value":${text}}]` : `{"metadata":{"managedFields":${text}}}`;
        const { status } = await sound('PATCH', `${path}?fieldManager=f`, body, type);
        if (status < 300) await storable(path);
        expect((await sound('PATCH', `${path}?fieldManager=after`, '{"metadata":{"labels":{"after":"1"}}}', 'application/merge-patch+json')).status).to.equal(200);
      }), settings(250));
    });

    it('objects created and replaced, in JSON and YAML', async () => {
      const kindOf: Record<string, string> = { hosts: 'Host', schedules: 'Schedule', sourcegroups: 'SourceGroup', secrets: 'Secret' };
      await fc.assert(fc.asyncProperty(target, patch, fc.boolean(), fc.boolean(), async (path, { entries }, replace, yaml) => {
        const [plural = '', name = ''] = path.split('/').slice(-2);
        const head: [string, unknown][] = [['apiVersion', plural === 'secrets' ? 'v1' : 'restic-manager.io/v1alpha1'], ['kind', kindOf[plural]]];
        const given = entries.map(([part, inner]): [string, unknown] => (part === 'metadata' && inner instanceof Entries ? [part, new Entries([...inner.entries, ['name', replace ? name : 'made-up'], ...(replace ? [['resourceVersion', ''] as [string, unknown]] : [])])] : [part, inner]));
        const { status } = await sound(replace ? 'PUT' : 'POST', replace ? path : `${path.slice(0, path.lastIndexOf('/'))}`, toText(new Entries([...head, ...given])), yaml ? 'application/yaml' : 'application/json');
        if (status === 201) {
          await storable(`${path.slice(0, path.lastIndexOf('/'))}/made-up`);
          await api.ask('DELETE', `${path.slice(0, path.lastIndexOf('/'))}/made-up`, '{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}', 'application/json');
          await api.ask('PATCH', `${path.slice(0, path.lastIndexOf('/'))}/made-up`, '{"metadata":{"finalizers":null}}', 'application/merge-patch+json');
        } else if (status < 300) await storable(path);
      }), settings(350));
    });

    it('DeleteOptions (dry run) and every query parameter of a list or a watch', async () => {
      const token = fc.oneof(fc.constantFrom('', '0', '1', '-1', '999999999', '1e3', 'NaN', 'a', 'a=b', 'a in (b', 'a in (b,c)', '!a', 'a!=b,c', 'a==,', ',', '=', 'metadata.name=web1', 'metadata.name!=x', 'spec.none=1', 'true', 'NotOlderThan', 'Exact', 'All', 'eyJ2IjoxfQ', 'eyJ2IjoxfQ.AAAA', '{}', '..', '%'), fc.string({ maxLength: 10 }), fc.base64String({ maxLength: 40 }));
      const query = fc.array(fc.tuple(fc.constantFrom('labelSelector', 'fieldSelector', 'continue', 'limit', 'resourceVersion', 'resourceVersionMatch', 'sendInitialEvents', 'allowWatchBookmarks', 'includeObject', 'dryRun', 'fieldValidation', 'propagationPolicy', 'pretty'), token), { maxLength: 4 })
        .map((pairs) => pairs.map(([name, value]) => `${name}=${encoded(value)}`).join('&'));
      await fc.assert(fc.asyncProperty(target, query, fc.constantFrom('list', 'watch', 'get'), tree, async (path, search, verb, body) => {
        const collection = path.slice(0, path.lastIndexOf('/'));
        if (verb === 'watch') {
          const res = await api.open(`${collection}?watch=true&timeoutSeconds=1&${search}`);
          expect(res.statusCode, search).to.be.within(200, 499);
          res.destroy();
        } else await sound('GET', `${verb === 'get' ? path : collection}?${search}`);
        await sound('DELETE', `${path}?dryRun=All`, toText(body), 'application/json');
      }), settings(300));
    });

    it('continue tokens of another list, cut, changed and made up', async () => {
      const page = JSON.parse((await api.ask('GET', `${BASE}/hosts?limit=1`)).text) as { metadata: { continue?: string } };
      expect(page.metadata.continue ?? '', 'one host is one page').to.equal('');
      await api.ask('POST', `${BASE}/hosts`, '{"apiVersion":"restic-manager.io/v1alpha1","kind":"Host","metadata":{"name":"web2"},"spec":{}}', 'application/json');
      const { metadata } = JSON.parse((await api.ask('GET', `${BASE}/hosts?limit=1`)).text) as { metadata: { continue: string } };
      expect((await sound('GET', `${BASE}/hosts?limit=1&continue=${encodeURIComponent(metadata.continue)}`)).status).to.equal(200);
      await fc.assert(fc.asyncProperty(fc.nat(metadata.continue.length), fc.constantFrom('', 'A', '.', '=', '%00', '🦊'), fc.boolean(), async (at, insert, cut) => {
        const changed = `${metadata.continue.slice(0, at)}${insert}${cut ? '' : metadata.continue.slice(at + 1)}`;
        if (changed === metadata.continue) return;
        const { status } = await sound('GET', `${BASE}/hosts?continue=${encodeURIComponent(changed)}`);
        if (changed !== '') expect(status, changed).to.be.oneOf([200, 400, 410]);
      }), settings(120));
    });

    it('5 MB, and what is nested deeply, by every verb that takes a body', async () => {
      const big = JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'web1', annotations: { a: 'x'.repeat(5 * 1024 * 1024) } }, spec: {} });
      const deep = (open: string, close: string, times = 100_000): string => open.repeat(times) + close.repeat(times);
      const bodies: [string, string][] = [['big', big], ['deep objects', deep('{"spec":', '}').replace(':}', ':1}')], ['deep lists', `{"spec":${deep('[', ']')}}`], ['deep managedFields', `{"metadata":{"managedFields":[{"manager":"a","operation":"Update","apiVersion":"restic-manager.io/v1alpha1","fieldsType":"FieldsV1","fieldsV1":${'{"f:a":'.repeat(200)}{}${'}'.repeat(200)}}]}}`]];
      for (const [what, body] of bodies) {
        for (const [method, path, type] of [['POST', `${BASE}/hosts`, 'application/json'], ['POST', `${BASE}/hosts`, 'application/yaml'], ['PUT', targets[0], 'application/json'], ['PATCH', targets[0], 'application/merge-patch+json'], ['PATCH', targets[0], 'application/json-patch+json'], ['PATCH', `${targets[0]}?fieldManager=a`, 'application/apply-patch+yaml'], ['PATCH', targets[3], 'application/strategic-merge-patch+json'], ['DELETE', `${targets[0]}?dryRun=All`, 'application/json']] as const) {
          const { status, text } = await sound(method, path, body, type);
          if (what === 'big') expect(status, `${method} ${type} ${text}`).to.equal(413);
          else if (method !== 'DELETE' && what !== 'deep managedFields') expect(status, `${what} ${method} ${type} ${text}`).to.be.within(400, 422);
        }
      }
    });
  });
});
