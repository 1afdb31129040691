import { expect } from 'chai';
import fc from 'fast-check';
import { decodeManifest, withoutDuplicates } from './decode.js';
import { problemText } from './problem.js';

const API = 'apiVersion: restic-manager.io/v1alpha1';
const host = (name: string, more = ''): string => `${API}\nkind: Host\nmetadata: {name: ${name}${more}}\nspec: {}\n`;
const decoded = (text: string, file = 'f.yaml'): ReturnType<typeof decodeManifest> => decodeManifest(file, Buffer.from(text), 'backup');
const told = (text: string, file?: string): string[] => decoded(text, file).problems.map(problemText);

describe('reading a manifest file', () => {
  it('gives each document its number, place and namespace', () => {
    const { documents, problems } = decoded(`---\n# first\n---\n${host('web1')}---\n${host('web2', ', namespace: other')}...\n`);
    expect(problems).to.deep.equal([]);
    expect(documents.map(({ document, kind, key }) => [document, kind, key])).to.deep.equal([[1, 'Host', { namespace: 'backup', name: 'web1' }], [2, 'Host', { namespace: 'other', name: 'web2' }]]);
  });

  it('reads JSON and lists', () => {
    const one = { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'web1' }, spec: {} };
    expect(decoded(JSON.stringify(one), 'f.json').documents).to.have.length(1);
    expect(decoded(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [one, { ...one, metadata: { name: 'web2' } }] }), 'f.json').documents).to.have.length(2);
  });

  it('knows a configuration again by its hash', () => {
    const hash = (text: string): string | undefined => decoded(text).documents[0]?.hash;
    expect(hash(host('web1'))).to.equal(hash(`# a comment\n${host('web1')}`)).and.not.equal(hash(host('web2')));
  });

  const rows: [what: string, text: string, problem: string, file?: string][] = [
    ['an empty file', '', 'f.yaml: is empty'],
    ['only white space', ' \n\n', 'f.yaml: is empty'],
    ['a file that ends in the middle', `${host('web1')}---\n${API}\nspec: [`, 'f.yaml, document 2: line 7, column '],
    ['JSON that ends in the middle', '{"kind": "Host"', 'f.json, document 1: line 1, column 16: ', 'f.json'],
    ['a key given twice', '{"kind": "Host", "kind": "Host"}', 'f.json: duplicate field "kind"', 'f.json'],
    ['no object', '- a\n- b\n', 'f.yaml, document 1: an object with apiVersion, kind and metadata is expected'],
    ['no apiVersion', 'kind: Host\n', 'f.yaml, document 1: apiVersion: is required'],
    ['no kind', `${API}\n`, 'f.yaml, document 1: kind: is required'],
    ['no name', `${API}\nkind: Host\nmetadata: {}\n`, 'f.yaml, document 1: metadata.name: is required'],
    ['a kind that the server keeps for itself', 'apiVersion: v1\nkind: Event\nmetadata: {name: x}\n', 'f.yaml, document 1: kind: "Event" in version "v1" is not a kind of this server ('],
    ['a field nobody knows', `${host('web1').replace('spec: {}', 'spec: {presense: AlwaysOn}')}`, 'f.yaml, document 1: host.restic-manager.io/web1: spec.presense: Host in version "v1alpha1" cannot be handled as a Host: strict decoding error: unknown field "spec.presense"'],
    ['a __proto__', `${host('web1')}__proto__: {a: 1}\n`, 'f.yaml, document 1: line 1, column 1: key "__proto__" is not accepted'],
  ];
  for (const [what, text, problem, file] of rows) {
    it(`refuses ${what}, saying where`, () => {
      const [first = '', ...more] = told(text, file);
      expect(first.slice(0, problem.length)).to.equal(problem);
      expect(more).to.deep.equal([]);
    });
  }

  it('takes comments alone for nothing on purpose', () => {
    expect(decoded('# nothing here\n')).to.deep.equal({ documents: [], problems: [] });
  });

  it('applies neither of two that declare one object, whatever their order', () => {
    const [a, b, c] = [decoded(host('web1'), 'a.yaml'), decoded(host('web1'), 'b.yaml'), decoded(host('web2'), 'c.yaml')].map(({ documents }) => documents);
    const result = withoutDuplicates([...a ?? [], ...b ?? [], ...c ?? []]);
    expect(result.documents.map(({ key }) => key.name)).to.deep.equal(['web2']);
    expect(result.problems.map(problemText)).to.deep.equal(['b.yaml, document 1: host.restic-manager.io/web1: is declared already in a.yaml, document 1']);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => { decodeManifest('f.yaml', bytes, 'backup'); }));
    fc.assert(fc.property(fc.jsonValue(), (value) => { decodeManifest('f.json', Buffer.from(JSON.stringify(value)), 'backup'); }));
  });

  it('shows no value of a Secret', () => {
    const said = told('apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: 4711, b: [swordfish]}\n').join() + told('kind: Secret\nstringData: {a: *swordfish}\n').join();
    expect(said).to.not.match(/4711|swordfish/);
    expect(said).to.not.equal('');
  });
});
