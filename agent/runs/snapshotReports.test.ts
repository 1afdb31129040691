import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Snapshot, SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { Scratch } from '../../test/builders/agentParts.js';
import { changeReport, digestOf, ReportedList, wholeReport } from './snapshotReports.js';

describe('snapshots on their way to the server', () => {
  const head = { repository: 'web1', repositoryID: 'r'.repeat(64), hostname: 'web1', time: '2026-01-01T00:00:00Z' };
  const snapshot = (number: number, paths: string[] = ['/srv']): Snapshot => ({ id: number.toString(16).padStart(64, '0'), time: '2026-01-01T00:00:00Z', hostname: 'web1', tags: ['docs'], paths });
  const list = (from: number, to: number, paths?: string[]): Snapshot[] => Array.from({ length: to - from }, (_, index) => snapshot(from + index, paths));
  const ids = (snapshots: readonly Snapshot[]): string[] => snapshots.map(({ id }) => id);
  /** What a server makes of reports that follow its list. */
  const applied = (before: readonly string[], reports: readonly SnapshotsReport[]): string[] => {
    const held = new Set(reports[0]?.base === undefined ? [] : before);
    for (const { snapshots, removed = [] } of reports) {
      for (const id of removed) held.delete(id);
      for (const { id } of snapshots) held.add(id);
    }
    return [...held].sort();
  };

  it('goes whole in pages of a thousand; an empty list is a report too', () => {
    const reports = wholeReport(head, list(0, 2_500));
    expect(reports.map(({ snapshots, more }) => [snapshots.length, more])).to.deep.equal([[1_000, true], [1_000, true], [500, false]]);
    expect(new Set(reports.map(({ digest }) => digest))).to.deep.equal(new Set([digestOf(ids(list(0, 2_500)))]));
    expect(wholeReport(head, [])).to.deep.equal([{ ...head, digest: digestOf([]), snapshots: [], more: false }]);
  });

  it('goes as a change on the list it is a change of, in pages too', () => {
    const before = ids(list(0, 10_000));
    const now = list(2_500, 10_001);
    const reports = changeReport(head, now, before);
    expect(reports.map(({ snapshots, removed = [], more }) => [snapshots.length, removed.length, more])).to.deep.equal([[1, 1_000, true], [0, 1_000, true], [0, 500, false]]);
    for (const report of reports) expect(report).to.deep.include({ base: digestOf(before), digest: digestOf(ids(now)), time: head.time });
    expect(applied(before, reports)).to.deep.equal(ids(now).sort());
  });

  it('is a report also when nothing changed: the list is fresh (E15)', () => {
    const [report, ...more] = changeReport(head, list(0, 3), ids(list(0, 3)));
    expect(report).to.deep.equal({ ...head, base: digestOf(ids(list(0, 3))), digest: digestOf(ids(list(0, 3))), snapshots: [], more: false });
    expect(more).to.deep.equal([]);
  });

  it('keeps a page under a frame, however long the paths are', () => {
    for (const report of wholeReport(head, list(0, 300, Array.from({ length: 20 }, (_, index) => `/${'p'.repeat(1_000)}${index}`)))) expect(JSON.stringify(report).length).to.be.lessThan(500_000);
  });

  describe('the list reported last', () => {
    const scratch = new Scratch();
    afterEach(async () => scratch.clean());

    it('counts for its repository and host alone, and a torn file for nothing', async () => {
      const dir = await scratch.dir('reported');
      const reported = new ReportedList(dir);
      expect(await reported.read('r', 'h')).to.equal(undefined);
      await reported.write('r', 'h', ['a', 'b']);
      expect(await new ReportedList(dir).read('r', 'h')).to.deep.equal(['a', 'b']);
      expect(await reported.read('other', 'h')).to.equal(undefined);
      expect(await reported.read('r', 'other')).to.equal(undefined);
      await writeFile(join(dir, 'reported-snapshots.json'), '{"repositoryID":"r"');
      expect(await reported.read('r', 'h')).to.equal(undefined);
    });
  });
});
