/** DeleteOptions in protobuf: each field is read, nothing is made up, and what is no DeleteOptions is refused. */
import { expect } from 'chai';
import { deleteOptionsFromProtobuf } from './deleteOptionsProtobuf.js';
import { writeFields, writeUnknown } from './protobuf.js';

const read = (...fields: Parameters<typeof writeFields>): Record<string, unknown> => deleteOptionsFromProtobuf(writeUnknown('v1', 'DeleteOptions', writeFields(...fields)));

describe('DeleteOptions in protobuf', () => {
  it('reads preconditions, policy and dry run', () => {
    expect(read()).to.deep.equal({});
    expect(read([2, writeFields([1, 'u'], [2, '7'])], [4, 'Foreground'], [5, 'All'])).to.deep.equal({ preconditions: { uid: 'u', resourceVersion: '7' }, propagationPolicy: 'Foreground', dryRun: ['All'] });
    expect(read([2, writeFields([1, 'u'])], [3, true])).to.deep.equal({ preconditions: { uid: 'u' }, orphanDependents: true });
  });
  it('refuses other bytes with 400', () => {
    for (const bad of ['{}', 'k8s\0\xff\xff', '']) expect(() => deleteOptionsFromProtobuf(Buffer.from(bad, 'latin1')), bad).to.throw('protobuf').with.property('code', 400);
  });
});
