import { expect } from 'chai';
import type { KubeObject } from '#crds/meta.js';
import { age, humanDuration } from './humanDuration.js';
import { readUnknown, text, writeFields, writeUnknown } from './protobuf.js';
import { servedKind } from './served.js';
import { tableOf, valueAt } from './table.js';

describe('Tables', () => {
  it('shows durations as kubectl does', () => {
    const second = 1000;
    const rows: [number, string][] = [
      [0, '0s'], [119, '119s'], [120, '2m'], [121, '2m1s'], [599, '9m59s'], [600, '10m'], [10799, '179m'], [10800, '3h'], [10860, '3h1m'], [8 * 3600, '8h'], [47 * 3600, '47h'],
      [48 * 3600, '2d'], [49 * 3600, '2d1h'], [8 * 86400, '8d'], [729 * 86400, '729d'], [730 * 86400, '2y'], [800 * 86400, '2y70d'], [3000 * 86400, '8y'], [-1, '0s'], [-5, '<invalid>'],
    ];
    for (const [seconds, shown] of rows) expect(humanDuration(seconds * second), String(seconds)).to.equal(shown);
    expect([age(undefined, 0), age('rubbish', 0), age('1970-01-01T00:00:00Z', 5000)]).to.deep.equal(['<unknown>', '<invalid>', '5s']);
  });

  it('reads simple JSONPaths', () => {
    const object = { spec: { url: 'x' }, status: { conditions: [{ type: 'Ready', status: 'True' }], list: [1, 2] } };
    expect(valueAt(object, '.spec.url')).to.equal('x');
    expect(valueAt(object, '.status.conditions[?(@.type=="Ready")].status')).to.equal('True');
    expect(valueAt(object, '.status.list[1]')).to.equal(2);
    expect([valueAt(object, '.status.none.deep'), valueAt(object, '.constructor')]).to.deep.equal([undefined, undefined]);
  });

  it('has the columns of the CRD, with absent values empty', () => {
    const host = { apiVersion: 'x', kind: 'Host', metadata: { name: 'web1', creationTimestamp: '1970-01-01T00:00:00Z' }, spec: {}, status: { phase: 'Online', lastBackup: { time: '1970-01-01T00:00:30Z' } } } as KubeObject;
    const table = tableOf(servedKind('Host'), [host], {}, 'None', 60_000) as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    expect(table.columnDefinitions.map(({ name }) => name)).to.deep.equal(['Name', 'Status', 'OS', 'Agent', 'Restic', 'Last Backup', 'Result', 'Next', 'Fingerprint', 'Age']);
    expect(table.rows).to.deep.equal([{ cells: ['web1', 'Online', null, null, null, '30s', null, null, null, '60s'] }]);
  });
});

describe('Protocol buffers', () => {
  it('reads back what it writes, long fields too', () => {
    const long = 'ü'.repeat(1000);
    const { apiVersion, kind, raw } = readUnknown(writeUnknown('v1', 'Secret', writeFields([1, 'a'], [20, long], [3, true])));
    expect([apiVersion, kind, text(raw, 1), text(raw, 20), raw.get(3)?.[0]]).to.deep.equal(['v1', 'Secret', 'a', long, 1n]);
  });
  it('refuses what is none', () => {
    expect(() => readUnknown(Buffer.from('{}'))).to.throw('does not begin with');
    expect(() => readUnknown(Buffer.from('k8s\0\x0a\xff\x01', 'latin1'))).to.throw('runs past the end');
    expect(() => readUnknown(Buffer.from('k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff', 'latin1'))).to.throw('bad varint');
    expect(() => readUnknown(Buffer.from('k8s\0\x0b', 'latin1'))).to.throw('wire type 3');
  });
});
