import { expect } from 'chai';
import fc from 'fast-check';
import { BODY_LIMIT, DecodeError, TooLarge, decode, decodeDocuments } from './decode.js';

const place = (text: string, format: 'json' | 'yaml'): { line: number; column: number; message: string } => {
  try {
    decode(text, format);
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error('was accepted');
};

describe('Decoding text', () => {
  it('reads JSON as JSON.parse does', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      fc.pre(!JSON.stringify(value).includes('"__proto__"'));
      const text = JSON.stringify(value, null, 1);
      expect(decode(text, 'json').value).to.deep.equal(JSON.parse(text));
    }));
  });

  it('agrees with JSON.parse on what is JSON at all', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:01-.eE+ tfn\\u"ab\n') , maxLength: 12 }), (text) => {
      const accepts = (read: () => unknown): boolean => { try { read(); return true; } catch { return false; } };
      expect(accepts(() => decode(text, 'json'))).to.equal(accepts(() => JSON.parse(text) as unknown));
    }), { numRuns: 2000 });
  });

  it('names line and column of malformed JSON', () => {
    expect(place('{\n  "a": 1,\n  "b" 2\n}', 'json')).to.include({ line: 3, column: 7 });
    expect(place('{"a": "x', 'json').message).to.equal('line 1, column 9: the string does not end');
    expect(place('{"a": 01}', 'json').message).to.equal('line 1, column 8: expected "," or "}", found "1"');
    expect(place('', 'json').message).to.equal('line 1, column 1: expected a value, found the end of the text');
  });

  it('reports duplicate keys by path, the last one winning', () => {
    expect(decode('{"a":1,"b":[{"c":1,"c":2}],"a":3}', 'json')).to.deep.equal({ value: { a: 3, b: [{ c: 2 }] }, duplicates: ['b[0].c', 'a'] });
    expect(place('a: 1\na: 2', 'yaml').message).to.include('duplicated mapping key');
  });

  it('names the line of malformed YAML', () => {
    expect(place('a: 1\n b: 2', 'yaml').line).to.equal(2);
    expect(place('a: [1', 'yaml').line).to.be.greaterThan(0);
    expect(place('a: !!js/function "x"', 'yaml').message).to.be.a('string');
  });

  it('reads YAML 1.2 core: no dates, no yes and no, no octal surprises', () => {
    expect(decode('a: 2026-01-01\nb: yes\nc: 010\nd: ~\ne: 1e3\nf: 0x10', 'yaml').value).to.deep.equal({ a: '2026-01-01', b: 'yes', c: 10, d: null, e: 1000, f: 16 });
  });

  it('resolves aliases and merge keys into one plain tree', () => {
    expect(decode('base: &b {x: 1}\none: *b\ntwo: {<<: *b, y: 2}', 'yaml').value).to.deep.equal({ base: { x: 1 }, one: { x: 1 }, two: { x: 1, y: 2 } });
  });

  it('bounds what aliases expand to, in values and in characters', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level++) lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
    expect(place(lines.join('\n'), 'yaml').message).to.include('aliases expand to more than');
    expect(place(`a: &a ${'x'.repeat(100_000)}\nb: [${Array.from({ length: 200 }, () => '*a').join(', ')}]`, 'yaml').message).to.include('characters');
    expect(place(`a: &a x\nb: [${Array.from({ length: 2000 }, () => '*a').join(', ')}]`, 'yaml').message).to.include('maxAliases');
  });

  it('bounds depth and size', () => {
    expect(place('['.repeat(100_000), 'json').message).to.include('nested deeper than');
    expect(place(`${'[ '.repeat(100_000)}`, 'yaml').message).to.include('maxDepth');
    expect(() => decode(`"${'x'.repeat(BODY_LIMIT)}"`, 'json')).to.throw(TooLarge, 'limit is 3145728');
  });

  it('refuses __proto__ and takes constructor as a plain key', () => {
    expect(place('{"a":{"__proto__":{}}}', 'json').message).to.include('"__proto__" is not accepted');
    expect(place('__proto__: {a: 1}', 'yaml').message).to.include('"__proto__" is not accepted');
    const value = decode('{"constructor":1,"toString":2}', 'json').value as Record<string, unknown>;
    expect(Object.entries(value)).to.deep.equal([['constructor', 1], ['toString', 2]]);
  });

  it('finds a key given twice whatever else the text holds, and nothing where none is', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('a', 'b', '":', '\\" :', 'a":1,"a')).filter((name) => name !== '__proto__');
    fc.assert(fc.property(fc.array(fc.tuple(key, fc.oneof(fc.string(), fc.constantFrom('":', '{"a":1,"a":2}'), fc.integer())), { maxLength: 6 }), fc.constantFrom('', ' ', '\n\t'), (members, space) => {
      const text = `{${members.map(([name, value]) => `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(value)}`).join(',')}}`;
      const names = members.map(([name]) => name);
      const { value, duplicates } = decode(text, 'json');
      expect(value).to.deep.equal(JSON.parse(text));
      expect(duplicates).to.have.members([...new Set(names.filter((name, index) => names.indexOf(name) < index))]);
    }));
  });

  it('reads every document of a manifest file and leaves empty ones out', () => {
    expect(decodeDocuments('---\na: 1\n---\n# nothing\n---\nb: 2\n')).to.deep.equal([{ a: 1 }, { b: 2 }]);
    expect(() => decodeDocuments('a: 1\n---\nb: [')).to.throw(DecodeError, /line \d+/);
  });
});
