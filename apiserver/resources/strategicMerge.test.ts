import { expect } from 'chai';
import { mergePatch } from '../stores/plainJson.js';
import { strategicMerge } from './strategicMerge.js';

describe('Strategic merge patch (core kinds)', () => {
  const secret = Object.freeze({ metadata: { labels: { a: '1', b: '2' }, finalizers: ['x/a', 'x/b'], ownerReferences: [{ uid: '1', name: 'one' }, { uid: '2', name: 'two' }] }, data: { k: 'v', l: 'w' } });
  const merged = (patch: Record<string, unknown>): Record<string, Record<string, unknown>> => strategicMerge(secret, patch) as Record<string, Record<string, unknown>>;

  it('merges maps, and null removes', () => {
    expect(merged({ data: { k: null, m: 'x' }, metadata: { labels: { a: '9' } } })).to.deep.include({ data: { l: 'w', m: 'x' } }).and.to.have.nested.property('metadata.labels.a', '9');
  });
  it('merges owners by uid and deletes one by directive', () => {
    expect(merged({ metadata: { ownerReferences: [{ uid: '2', name: 'zwei' }, { uid: '3', name: 'three' }] } })['metadata']?.['ownerReferences']).to.deep.equal([{ uid: '1', name: 'one' }, { uid: '2', name: 'zwei' }, { uid: '3', name: 'three' }]);
    expect(merged({ metadata: { ownerReferences: [{ uid: '1', $patch: 'delete' }] } })['metadata']?.['ownerReferences']).to.deep.equal([{ uid: '2', name: 'two' }]);
    expect(merged({ metadata: { ownerReferences: [{ $patch: 'replace' }, { uid: '4', name: 'four' }] } })['metadata']?.['ownerReferences']).to.deep.equal([{ uid: '4', name: 'four' }]);
  });
  it('treats finalizers as a set, with deletions and order', () => {
    expect(merged({ metadata: { finalizers: ['x/b', 'x/c'] } })['metadata']?.['finalizers']).to.deep.equal(['x/a', 'x/b', 'x/c']);
    expect(merged({ metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'], '$setElementOrder/finalizers': ['x/c', 'x/b'], finalizers: ['x/c'] } })['metadata']?.['finalizers']).to.deep.equal(['x/c', 'x/b']);
  });
  it('honours replace, delete and retainKeys', () => {
    expect(merged({ data: { $patch: 'replace', z: '1' } })['data']).to.deep.equal({ z: '1' });
    expect(merged({ data: { $patch: 'delete' } })['data']).to.deep.equal({});
    expect(merged({ data: { $retainKeys: ['l'], l: 'n' } })['data']).to.deep.equal({ l: 'n' });
    expect(() => merged({ data: { $patch: 'explode' } })).to.throw('unknown patch directive');
  });
  it('leaves its arguments and Object.prototype alone', () => {
    const before = JSON.stringify(secret);
    strategicMerge(secret, JSON.parse('{"data":{"__proto__":{"polluted":1}},"metadata":{"finalizers":["x/z"]}}') as Record<string, unknown>);
    mergePatch(secret, JSON.parse('{"constructor":{"prototype":{"polluted":1}},"__proto__":{"polluted":1}}'));
    expect(JSON.stringify(secret)).to.equal(before);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });
});

describe('Merge patch (RFC 7386)', () => {
  it('answers the examples of the RFC', () => {
    const examples: [unknown, unknown, unknown][] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}], [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }], [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }], [['a', 'b'], ['c', 'd'], ['c', 'd']],
      [{ a: 'foo' }, 'bar', 'bar'], [{ e: null }, { a: 1 }, { e: null, a: 1 }], [[1, 2], { a: 'b', c: null }, { a: 'b' }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of examples) expect(mergePatch(target, patch)).to.deep.equal(result);
  });
});
