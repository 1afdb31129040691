import { expect } from 'chai';
import fc from 'fast-check';
import { parseStored } from './parseStored.js';

const withEntries = (fields: unknown[], more: object = {}): string => JSON.stringify({ kind: 'Host', ...more, metadata: { name: 'a', managedFields: fields.map((fieldsV1, index) => ({ manager: `m${String(index)}`, fieldsType: 'FieldsV1', ...(fieldsV1 === undefined ? {} : { fieldsV1 }) })) }, status: { ok: true } });

describe('Reading the text of a stored object', () => {
  it('gives what JSON.parse gives, whatever the text holds', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('f:spec', 'k:{"type":"Ready"}', 'fieldsV1', 'v:"a}{\\"', '"fieldsV1":'));
    const { tree } = fc.letrec((tie) => ({ tree: fc.dictionary(key.filter((name) => name !== '__proto__'), fc.oneof({ depthSize: 'small' }, fc.constant({}), tie('tree')), { maxKeys: 4 }) }));
    fc.assert(fc.property(fc.array(fc.option(tree, { nil: undefined }), { maxLength: 4 }), tree, key, (fields, other, text) => {
      const stored = withEntries(fields, { spec: { other, text } });
      expect(parseStored(stored)).to.deep.equal(JSON.parse(stored));
    }));
    fc.assert(fc.property(fc.json(), (stored) => { expect(parseStored(stored)).to.deep.equal(JSON.parse(stored)); }));
  });

  it('shares equal field sets and freezes everything', () => {
    const [a, b] = [1, 2].map((n) => parseStored(withEntries([{ 'f:spec': { 'f:x': {} } }, { 'f:y': {} }], { n })) as { metadata: { managedFields: { fieldsV1: { 'f:spec'?: object } }[] } });
    expect(a?.metadata.managedFields[0]?.fieldsV1).to.equal(b?.metadata.managedFields[0]?.fieldsV1);
    expect(Object.isFrozen(a?.metadata.managedFields[0]?.fieldsV1['f:spec'])).to.equal(true);
    expect(Object.isFrozen(a?.metadata)).to.equal(true);
  });

  it('holds once what an object says twice', () => {
    const summary = { filesNew: 1, bytesAdded: 123_456_789 };
    const stored = JSON.stringify({ metadata: { name: 'a' }, status: { observed: { summary, exitCode: 0, message: 'a' }, summary, exitCode: 0, message: 'b' } });
    const read = parseStored(stored) as { status: { summary: object; observed: { summary: object } } };
    expect(read.status.summary).to.equal(read.status.observed.summary);
    expect(read).to.deep.equal(JSON.parse(stored));
  });

  it('holds once what many objects say: references, label values, messages', () => {
    const stored = (n: number): string => JSON.stringify({ metadata: { name: `a${String(n)}`, labels: { host: 'a-long-host-name' } }, spec: { hostRef: { name: 'a-long-host-name' }, other: { name: 'x', more: 1 } }, status: { conditions: [{ type: 'Ready', message: 'the run succeeded' }] } });
    const [a, b] = [1, 2].map((n) => parseStored(stored(n)) as { spec: { hostRef: object; other: object } });
    expect(a?.spec.hostRef).to.equal(b?.spec.hostRef);
    expect(a?.spec.other).not.to.equal(b?.spec.other);
    expect(b).to.deep.equal(JSON.parse(stored(2)));
  });

  it('is not misled by a member of that name elsewhere', () => {
    for (const more of [{ spec: { fieldsV1: { a: 1 } } }, { spec: { fieldsV1: 0 } }, { spec: { x: '"fieldsV1":{' } }]) {
      const stored = withEntries([{ 'f:a': {} }], more);
      expect(parseStored(stored)).to.deep.equal(JSON.parse(stored));
    }
  });

  it('refuses text that is cut off', () => {
    const stored = withEntries([{ 'f:a': { 'f:b': {} } }]);
    for (let length = 0; length < stored.length; length += 7) expect(() => parseStored(stored.slice(0, length))).to.throw(SyntaxError);
  });
});
