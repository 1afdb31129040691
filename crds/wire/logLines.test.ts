import { expect } from 'chai';
import fc from 'fast-check';
import { JobLog } from './agentProtocol.validate.gen.js';
import { lineOf, linesOf, textOf } from './logLines.js';

const log = (text: string): object => ({ job: 'j', runID: 'r', firstSeq: 1, lines: [text] });
const taken = (text: string): boolean => (JobLog as (value: unknown) => boolean)(log(text));

describe('a log line as text', () => {
  it('is the same line again, whatever restic printed, and is one the protocol takes', () => {
    fc.assert(fc.property(fc.date({ noInvalidDate: true }), fc.constantFrom('stdout' as const, 'stderr' as const, 'agent' as const), fc.string({ unit: 'binary' }), (time, stream, said) => {
      const line = { seq: 7, ts: time.toISOString(), stream, payload: said.replaceAll('\n', '') };
      expect(lineOf(textOf(line), 7)).to.deep.equal(line);
      expect(taken(textOf(line))).to.equal(true);
    }));
  });
  it('has its number by its place', () => {
    expect(linesOf({ firstSeq: 41, lines: ['2026-01-01T00:00:00.000Z stdout a', '2026-01-01T00:00:00.000Z agent '] })).to.deep.equal([
      { seq: 41, ts: '2026-01-01T00:00:00.000Z', stream: 'stdout', payload: 'a' }, { seq: 42, ts: '2026-01-01T00:00:00.000Z', stream: 'agent', payload: '' },
    ]);
  });
  for (const text of ['', 'x', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z stdout', '2026-01-01T00:00:00.000Z stdin x', 'yesterday stdout x', ' stdout x', '2026-01-01T00:00:00.000Z stdout one\ntwo', '[] stdout x', `2026-01-01T00:00:00.000Z stdout ${'x'.repeat(65_600)}`]) {
    it(`is refused: ${JSON.stringify(text.slice(0, 50))}`, () => { expect(taken(text)).to.equal(false); });
  }
});
