import { expect } from 'chai';
import fc from 'fast-check';
import { isMalformed, parseFrame } from './wire.js';

describe('frames from agents (Q5)', () => {
  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.record({ type: fc.constantFrom('hello', 'job.log', 'job.finished', 'heartbeat', '__proto__', 'constructor', 'toString'), seq: fc.anything(), payload: fc.anything() }, { requiredKeys: ['type'] }).map((value) => JSON.stringify(value))), (text) => {
      const incoming = parseFrame(text);
      expect(isMalformed(incoming) || 'unknown' in incoming || 'type' in incoming).to.equal(true);
    }), { numRuns: 1000 });
  });
  it('keeps the seq of a spooled frame that is wrong, so that it can be acknowledged', () => {
    expect(parseFrame('{"type":"job.log","seq":7,"payload":{"job":"j"}}')).to.deep.include({ seq: 7, type: 'job.log' });
    expect(parseFrame('{"type":"of.the.future","seq":8}')).to.deep.equal({ unknown: 'of.the.future', seq: 8 });
  });
  it('names what is wrong', () => {
    expect(parseFrame('{"type":"job.finished","payload":{"identity":{},"phase":"Done","reason":"","message":"","completionTime":""}}')).to.have.property('malformed').that.includes('job.finished: /identity');
  });
  it('takes an unknown member and a missing payload for what they are', () => {
    expect(parseFrame('{"type":"heartbeat"}')).to.deep.equal({ type: 'heartbeat', payload: {} });
    expect(parseFrame('{"type":"heartbeat","new":1,"payload":{"more":true}}')).to.include({ type: 'heartbeat' });
  });
});
