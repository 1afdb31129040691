/** Inventory, trend and known snapshots of the records port: what agents report of repositories (R1, R6, E22, E33). */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { openRecords, type Records } from '#apiserver/records/index.js';
import { MOST_SNAPSHOTS } from '#apiserver/records/inventoryReport.js';
import { openEnvironment } from '#apiserver/stores/environment.js';
import type { Snapshot, SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { refusal } from './contractTools.js';

const DAY = 86_400_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const REPOSITORY = sha256('repository');
const digestOf = (ids: Iterable<string>): string => sha256([...ids].sort().join('\n'));
const ids = new Map<number, string>();
function id(number: number): string {
  const known = ids.get(number) ?? sha256(`snapshot ${number}`);
  ids.set(number, known);
  return known;
}
const snapshot = (number: number, changes: Partial<Snapshot> = {}): Snapshot => ({ id: id(number), time: new Date(START + number * 60_000).toISOString(), hostname: 'web1', tags: [number % 2 === 0 ? 'home' : 'etc'], paths: ['/srv'], ...changes });
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const report = (numbers: readonly number[], changes: Partial<SnapshotsReport> = {}): SnapshotsReport =>
  ({ repository: 'web1', repositoryID: REPOSITORY, hostname: 'web1', digest: digestOf(numbers.map(id)), snapshots: numbers.map((number) => snapshot(number)), more: false, time: '2026-01-01T00:00:00.000Z', ...changes });

describe('the inventory in records', function () {
  this.timeout(60_000);
  let dir: string;
  let time = START;
  let records: Records;
  const reopen = async (): Promise<void> => { await records.close(); records = await openRecords({ dir, now: () => time }); };
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rm-inventory-'));
    time = START;
    records = await openRecords({ dir, now: () => time });
  });
  afterEach(async () => {
    await records.close();
    rmSync(dir, { recursive: true });
  });
  const numbers = (hostname = 'web1', filter = {}): string[] => records.inventory.page(REPOSITORY, hostname, { limit: 1000, ...filter })?.snapshots.map((each) => each.id) ?? [];
  /** Pages as an agent cuts them. */
  async function takePages(pages: SnapshotsReport[], reporter = 'web1'): Promise<string> {
    let effect = '';
    for (const [index, page] of pages.entries()) effect = await records.inventory.take({ ...page, more: index < pages.length - 1 }, reporter);
    return effect;
  }
  const whole = (all: readonly number[], size = 1000, head = report([], { digest: digestOf(all.map(id)) })): SnapshotsReport[] =>
    range(0, Math.max(0, Math.ceil(all.length / size) - 1)).map((page) => ({ ...head, snapshots: all.slice(page * size, (page + 1) * size).map((number) => snapshot(number)) }));

  it('shows a list newest first, in pages, with what is in it and when it was asked for (R1, E15)', async () => {
    expect(records.inventory.page(REPOSITORY, 'web1'), 'never reported is not empty').to.equal(undefined);
    time += DAY;
    expect(await records.inventory.take(report(range(1, 25), { time: '2026-01-01T10:00:00Z' }), 'web1')).to.equal('taken');
    await reopen();
    const first = records.inventory.page(REPOSITORY, 'web1', { limit: 10 });
    expect(first?.snapshots.map((each) => each.id)).to.deep.equal(range(16, 25).reverse().map(id));
    expect(first).to.include({ count: 25, matching: 25, refreshedTime: '2026-01-01T10:00:00.000Z', reportedBy: 'web1', hostname: 'web1' });
    const rest: string[] = [];
    for (let after = first?.next; after !== undefined;) {
      const page = records.inventory.page(REPOSITORY, 'web1', { limit: 10, after });
      rest.push(...page?.snapshots.map((each) => each.id) ?? []);
      after = page?.next;
    }
    expect(rest).to.deep.equal(range(1, 15).reverse().map(id));
    expect(first?.snapshots[0]).to.deep.equal({ id: id(25), time: '2026-01-01T00:25:00.000Z', tags: ['etc'], paths: ['/srv'] });
  });

  it('never says a list was asked for later than now, whatever the clock of its host says', async () => {
    await records.inventory.take(report([1], { time: '2199-01-01T00:00:00Z' }), 'web1');
    expect(records.inventory.list(REPOSITORY, 'web1')?.refreshedTime).to.equal('2026-01-01T00:00:00.000Z');
    await records.inventory.take(report([1, 2], { time: 'yesterday' }), 'web1');
    expect(records.inventory.list(REPOSITORY, 'web1')?.refreshedTime).to.equal('2026-01-01T00:00:00.000Z');
  });

  it('filters by tag, by only tag and by what belongs to no group, and counts what matches (R1, R6)', async () => {
    const both = snapshot(5, { tags: ['home', 'etc'] });
    const none = snapshot(6, { tags: [] });
    const foreign = snapshot(7, { tags: ['by-hand'] });
    await records.inventory.take({ ...report(range(1, 7)), snapshots: [...range(1, 4).map((number) => snapshot(number)), both, none, foreign] }, 'web1');
    expect(numbers('web1', { tag: 'home' })).to.deep.equal([5, 4, 2].map(id));
    expect(numbers('web1', { onlyTag: 'home' })).to.deep.equal([4, 2].map(id));
    expect(numbers('web1', { unmanagedBy: ['home', 'etc'] })).to.deep.equal([7, 6, 5].map(id));
    expect(records.inventory.page(REPOSITORY, 'web1', { tag: 'home', limit: 2 })).to.include({ matching: 3, count: 7 });
    const page = records.inventory.page(REPOSITORY, 'web1', { tag: 'home', limit: 2 });
    expect(records.inventory.page(REPOSITORY, 'web1', { tag: 'home', limit: 2, after: page?.next ?? '' })?.snapshots.map((each) => each.id)).to.deep.equal([id(2)]);
    expect(records.inventory.tagCounts(REPOSITORY, 'web1')).to.deep.equal({ 'home': 3, 'etc': 3, 'by-hand': 1 });
  });

  it('filters by time and by path, beside tags, and counts what matches (R1)', async () => {
    const of = (number: number, paths: string[], left = 0): ReturnType<typeof snapshot> => ({ ...snapshot(number), paths, ...(left > 0 ? { pathsLeftOut: left } : {}) });
    await records.inventory.take({ ...report(range(1, 5)), snapshots: [of(1, ['/srv']), of(2, ['/srv/www', '/etc']), of(3, ['/srv2']), of(4, ['/home/me']), of(5, ['/'])] }, 'web1');
    const at = (minute: number): string => `2026-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`;
    expect(numbers('web1', { since: at(2), before: at(4) })).to.deep.equal([3, 2].map(id));
    expect(numbers('web1', { path: '/srv/www' })).to.deep.equal([5, 2, 1].map(id));
    expect(numbers('web1', { path: '/srv' }), 'not what lies below it only').to.deep.equal([5, 1].map(id));
    expect(numbers('web1', { path: '/srv/www/a', since: at(2), tag: snapshot(2).tags?.[0] })).to.include(id(2)).and.not.include(id(1));
    const page = records.inventory.page(REPOSITORY, 'web1', { path: '/srv/www', limit: 2 });
    expect(page).to.include({ matching: 3, count: 5 });
    expect(records.inventory.page(REPOSITORY, 'web1', { path: '/srv/www', limit: 2, after: page?.next ?? '' })?.snapshots.map((each) => each.id)).to.deep.equal([id(1)]);
  });

  it('takes a change to the list it holds, and asks for everything when it holds another one', async () => {
    await records.inventory.take(report([1, 2, 3]), 'web1');
    const change = { ...report([2, 3, 4]), snapshots: [snapshot(4)], removed: [id(1)], base: digestOf([1, 2, 3].map(id)) };
    expect(await records.inventory.take({ ...change, base: digestOf([1].map(id)) }, 'web1')).to.equal('otherBase');
    expect(numbers(), 'nothing changed').to.deep.equal([3, 2, 1].map(id));
    expect(await records.inventory.take(change, 'web1')).to.equal('taken');
    expect(numbers()).to.deep.equal([4, 3, 2].map(id));
    expect(await records.inventory.take(change, 'web1'), 'told again after a crash').to.equal('taken');
    expect(numbers()).to.deep.equal([4, 3, 2].map(id));
    const lies = { ...report([2]), snapshots: [], removed: [id(3)], base: digestOf([2, 3, 4].map(id)) };
    expect(await records.inventory.take(lies, 'web1'), 'its digest is not what it leads to').to.equal('otherBase');
    expect(numbers()).to.deep.equal([4, 3, 2].map(id));
    await records.inventory.take(report([]), 'web1');
    expect(records.inventory.page(REPOSITORY, 'web1')).to.include({ count: 0 });
  });

  it('shows nothing of a report before its last page, and takes each page twice without harm (E33)', async () => {
    await records.inventory.take(report([9000]), 'web1');
    const pages = whole(range(1, 2500));
    for (const page of pages.slice(0, 2)) for (const _ of [1, 2]) expect(await records.inventory.take({ ...page, more: true }, 'web1')).to.equal('more');
    await reopen();
    expect(numbers(), 'the old list').to.deep.equal([id(9000)]);
    const last = pages[2] as SnapshotsReport;
    expect(await records.inventory.take(last, 'web1')).to.equal('taken');
    expect(records.inventory.list(REPOSITORY, 'web1')?.count).to.equal(2500);
    expect(await records.inventory.take(last, 'web1'), 'the last page again, its acknowledgement was lost').to.equal('taken');
    expect(records.inventory.list(REPOSITORY, 'web1')?.count).to.equal(2500);
  });

  it('holds the list whole and by changes alike, whatever order snapshots and pages come in (property)', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ list: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 25 }), asChange: fc.boolean(), size: fc.integer({ min: 1, max: 9 }), by: fc.constantFrom('web1', 'runner') }), { minLength: 1, maxLength: 8 }), async (steps) => {
      await records.inventory.forget(REPOSITORY);
      let held: number[] | undefined;
      for (const { list, asChange, size, by } of steps) {
        time += 1000;
        const stamp = new Date(time).toISOString();
        const before = held;
        const added = before && asChange ? list.filter((number) => !before.includes(number)) : list;
        const removed = before && asChange ? before.filter((number) => !list.includes(number)) : [];
        const count = Math.max(1, Math.ceil(added.length / size), Math.ceil(removed.length / size));
        const pages = range(0, count - 1).map((page): SnapshotsReport => ({
          ...report(list, { time: stamp }), snapshots: added.slice(page * size, (page + 1) * size).map((number) => snapshot(number)),
          ...(before && asChange ? { base: digestOf(before.map(id)), removed: removed.slice(page * size, (page + 1) * size).map(id) } : {}),
        }));
        expect(await takePages(pages, by)).to.equal('taken');
        held = list;
        expect(numbers()).to.deep.equal([...list].sort((a, b) => b - a).map(id));
        const page = records.inventory.page(REPOSITORY, 'web1', { tag: 'home' });
        expect(page?.matching).to.equal(list.filter((number) => number % 2 === 0).length);
        expect(records.inventory.ids(REPOSITORY, 'web1')).to.deep.equal(list.map(id).sort());
      }
    }), { numRuns: 40 });
  });

  it('takes one snapshot more, and shows a page, of a list of 10,000 without slowing (R1)', async () => {
    const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
    async function timed(hostname: string, length: number): Promise<{ change: number; page: number }> {
      const of = (numbers: readonly number[]): SnapshotsReport[] => whole(numbers).map((page) => ({ ...page, hostname, snapshots: page.snapshots.map((each) => ({ ...each, hostname })) }));
      expect(await takePages(of(range(1, length)))).to.equal('taken');
      const changes: number[] = [];
      const pages: number[] = [];
      for (const number of range(length + 1, length + 7)) {
        const one = { ...report([], { hostname }), digest: digestOf(range(1, number).map(id)), base: digestOf(range(1, number - 1).map(id)), snapshots: [snapshot(number, { hostname })] };
        const before = performance.now();
        expect(await records.inventory.take(one, 'web1')).to.equal('taken');
        const between = performance.now();
        expect(records.inventory.page(REPOSITORY, hostname, { limit: 100 })?.snapshots[0]?.id).to.equal(id(number));
        changes.push(between - before);
        pages.push(performance.now() - between);
      }
      return { change: median(changes), page: median(pages) };
    }
    const small = await timed('small', 100);
    const large = await timed('large', 10_000);
    expect(large.page, 'a page does not know how long the list is').to.be.below(small.page * 4 + 5);
    expect(large.change, `a change of 10,000: ${String(large.change)} ms, of 100: ${String(small.change)} ms`).to.be.below(small.change * 8 + 100);
  });

  it('is cut off by a crash between steps and mends with the next report', async () => {
    await takePages(whole(range(1, 2000)));
    await records.close();
    const environment = openEnvironment(dir, 'records');
    const [key] = [...environment.keys(`i/${REPOSITORY}/`)];
    const { digest, ...undecided } = JSON.parse(environment.get(key ?? '') ?? '{}') as Record<string, unknown>;
    expect(digest).to.be.a('string');
    await environment.commit([{ key: key ?? '', value: JSON.stringify(undecided) }]);
    await environment.close();
    records = await openRecords({ dir, now: () => time });
    expect(numbers('web1', { limit: 1 }), 'still shown').to.have.length(1);
    expect(await records.inventory.take({ ...report([1]), base: digest as string }, 'web1')).to.equal('otherBase');
    expect(await takePages(whole(range(1, 2001)))).to.equal('taken');
    expect(records.inventory.list(REPOSITORY, 'web1')?.count).to.equal(2001);
  });

  it('keeps hosts, repositories and reporters apart, whatever they are called', async () => {
    const names = ['web1', 'web1/', '..', 'größe\n', 'x'.repeat(253), `i/${REPOSITORY}`];
    for (const [index, hostname] of names.entries()) await records.inventory.take({ ...report([index]), hostname, snapshots: [snapshot(index, { hostname })] }, 'runner');
    await records.inventory.take(report([77], { repositoryID: sha256('other') }), 'runner');
    expect(records.inventory.lists(REPOSITORY).map(({ hostname }) => hostname)).to.have.members(names);
    for (const [index, hostname] of names.entries()) expect(numbers(hostname)).to.deep.equal([id(index)]);
    expect(records.inventory.repositories()).to.have.members([REPOSITORY, sha256('other')]);
    expect(await records.inventory.forget(REPOSITORY)).to.equal(names.length * 3);
    expect(records.inventory.lists(REPOSITORY)).to.deep.equal([]);
    expect(records.inventory.lists(sha256('other'))).to.have.length(1);
    // Pages of one report do not mix with another reporter's.
    const [first, second] = whole(range(1, 4), 2);
    await records.inventory.take({ ...first as SnapshotsReport, more: true }, 'web1');
    expect((await refusal(records.inventory.take(second as SnapshotsReport, 'runner'))).message).to.contain('digest');
    expect(await records.inventory.take(second as SnapshotsReport, 'web1')).to.equal('taken');
  });

  it('finds a snapshot by its whole or its short id, of whatever host, and says when that is ambiguous (R2, E25)', async () => {
    await records.inventory.take(report([1, 2]), 'web1');
    await records.inventory.take({ ...report([3]), hostname: 'db1', snapshots: [snapshot(3, { hostname: 'db1' })] }, 'runner');
    expect(records.inventory.find(REPOSITORY, id(3).slice(0, 8))).to.deep.equal([{ ...snapshot(3), time: snapshot(3).time, hostname: 'db1' }]);
    expect(records.inventory.find(REPOSITORY, id(1))).to.have.length(1);
    expect(records.inventory.find(REPOSITORY, id(1).slice(0, 7)), 'too short').to.deep.equal([]);
    expect(records.inventory.find(REPOSITORY, id(9))).to.deep.equal([]);
    const twin = id(1).slice(0, 60) + 'abcd';
    await records.inventory.take({ ...report([1, 2]), digest: digestOf([id(1), id(2), twin]), base: digestOf([id(1), id(2)]), snapshots: [{ ...snapshot(1), id: twin }] }, 'web1');
    expect(records.inventory.find(REPOSITORY, id(1).slice(0, 8))).to.have.length(2);
    expect(records.inventory.find(REPOSITORY, '../../x')).to.deep.equal([]);
  });

  describe('refuses by name, and changes nothing (E33)', () => {
    const rows: [what: string, bad: Partial<SnapshotsReport>, says: string][] = [
      ['an id of a repository that is none', { repositoryID: '../etc' }, 'repositoryID'],
      ['a digest that is none', { digest: 'x' }, 'digest is not 64 hex digits'],
      ['a base that is none', { base: 'nothing' }, 'base is not 64 hex digits'],
      ['a snapshot id that is none', { snapshots: [snapshot(1, { id: 'abc/../def' })] }, 'is no snapshot id'],
      ['a short snapshot id', { snapshots: [snapshot(1, { id: id(1).slice(0, 8) })] }, 'is no snapshot id'],
      ['a snapshot of another host', { snapshots: [snapshot(1, { hostname: 'db1' })] }, 'is of "db1"'],
      ['a time that is none', { snapshots: [snapshot(1, { time: 'noon' })] }, 'is no time'],
      ['removals from a whole list', { removed: [id(5)] }, 'removed needs base'],
      ['a removal of what is no id', { base: digestOf([]), removed: ['*'] }, 'is no snapshot id'],
      ['no name of a host', { hostname: '' }, 'hostname is empty'],
      ['a whole list whose digest is another', { digest: digestOf([id(4)]) }, 'digest is not that of the 3 snapshots'],
    ];
    for (const [what, bad, says] of rows) {
      it(what, async () => {
        await records.inventory.take(report([8]), 'web1');
        const error = await refusal(records.inventory.take(report([1, 2, 3], bad), 'web1'));
        expect(error.name).to.equal('InventoryRefused');
        expect(error.message).to.contain(says);
        expect(numbers()).to.deep.equal([id(8)]);
        expect(records.inventory.list(REPOSITORY, 'web1')?.count).to.equal(1);
      });
    }

    it('a list without an end: bounded, and gone from the disk', async () => {
      await records.inventory.take(report([8]), 'web1');
      const page = range(1, 1000).map((number) => snapshot(number, { paths: ['x'.repeat(4000)] }));
      let refused: Error | undefined;
      let pages = 0;
      for (; refused === undefined && pages < 1001; pages += 1) {
        const fresh = page.map((each, index) => ({ ...each, id: (pages * 1000 + index).toString(16).padStart(64, '0') }));
        await records.inventory.take({ ...report([1]), snapshots: fresh, more: true }, 'web1').catch((error: unknown) => { refused = error as Error; });
      }
      expect(refused?.message).to.contain(`more than ${MOST_SNAPSHOTS} snapshots of one host are not kept`);
      expect(pages).to.be.below(20);
      expect(numbers()).to.deep.equal([id(8)]);
      await records.close();
      const environment = openEnvironment(dir, 'records');
      expect([...environment.keys('w/')]).to.deep.equal([]);
      await environment.close();
      records = await openRecords({ dir, now: () => time });
    });
  });

  it('keeps what fits of very many paths and says how many it left out', async () => {
    const paths = range(1, 256).map((number) => `/srv/${String(number).padStart(4, '0')}/${'x'.repeat(200)}`);
    await records.inventory.take({ ...report([1]), snapshots: [snapshot(1, { paths })] }, 'web1');
    const [kept] = records.inventory.page(REPOSITORY, 'web1')?.snapshots ?? [];
    expect((kept?.paths?.length ?? 0) + (kept?.pathsLeftOut ?? 0)).to.equal(256);
    expect(kept?.paths?.[0]).to.equal(paths[0]);
    expect(JSON.stringify(kept).length).to.be.below(5000);
  });

  it('sweeps pages whose last one never came after a week, not before', async () => {
    await records.inventory.take({ ...report([1, 2]), snapshots: [snapshot(1)], more: true }, 'web1');
    time += 6 * DAY;
    expect(await records.sweep(time)).to.equal(0);
    time += 2 * DAY;
    expect(await records.sweep(time)).to.equal(2);
  });

  describe('trend', () => {
    it('has one point a day; what a report does not say leaves what is known (E22)', async () => {
      await records.trend.put(REPOSITORY, time, { sizeBytes: 100, snapshotCount: 3 });
      await records.trend.put(REPOSITORY, time + 3_600_000, { snapshotCount: 4 });
      await records.trend.put(REPOSITORY, time + 7_200_000, {});
      await records.trend.put(REPOSITORY, time + DAY, { snapshotCount: 5 });
      await records.trend.put(REPOSITORY, time + 4 * DAY, { sizeBytes: 0, snapshotCount: 0 });
      time += 4 * DAY;
      await reopen();
      expect(records.trend.read(REPOSITORY, 30)).to.deep.equal([
        { day: '2026-01-01', sizeBytes: 100, snapshotCount: 4 }, { day: '2026-01-02', snapshotCount: 5 }, { day: '2026-01-05', sizeBytes: 0, snapshotCount: 0 },
      ]);
      expect(records.trend.read(REPOSITORY, 1).map(({ day }) => day)).to.deep.equal(['2026-01-05']);
      expect(records.trend.read(sha256('other'), 30)).to.deep.equal([]);
      time += 26 * DAY;
      expect(records.trend.read(REPOSITORY, 30).map(({ day }) => day)).to.deep.equal(['2026-01-02', '2026-01-05']);
      expect(records.trend.read(REPOSITORY, 90)).to.have.length(3);
    });
    it('goes with its repository, and after 400 days', async () => {
      await records.trend.put(REPOSITORY, time, { sizeBytes: 1 });
      await records.trend.put(sha256('other'), time, { sizeBytes: 1 });
      await records.inventory.forget(sha256('other'));
      expect(records.inventory.repositories()).to.deep.equal([REPOSITORY]);
      time += 402 * DAY;
      expect(await records.sweep(time)).to.equal(1);
      expect(records.inventory.repositories()).to.deep.equal([]);
    });
  });

  describe('known snapshots', () => {
    const job = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
    const outcome = (uid: string) => ({ uid, observed: { runID: uid, phase: 'Succeeded' as const }, recordedTime: new Date(time).toISOString() });
    it('come with the outcome that tells of them, once, the newest first, and go with it', async () => {
      for (const number of range(1, 5)) { time += 1000; await records.putOutcome(job(`j${number}`), outcome('u'), { repositoryID: REPOSITORY, snapshotID: id(number), hostname: 'web1' }); }
      await records.putOutcome(job('j5'), outcome('u2'), { repositoryID: REPOSITORY, snapshotID: id(99), hostname: 'web1' });
      await records.putOutcome(job('other'), outcome('u'), { repositoryID: sha256('other'), snapshotID: id(7), hostname: 'web1' });
      expect(records.knownSnapshots(REPOSITORY, 3)).to.deep.equal([5, 4, 3].map((number) => id(number).slice(0, 16)));
      expect(records.knownSnapshots(REPOSITORY, 100)).to.have.length(5);
      await records.inventory.forget(REPOSITORY);
      expect(records.knownSnapshots(REPOSITORY, 100), 'a repository declared anew is guarded by what is known').to.have.length(5);
      time += 401 * DAY;
      await records.sweep(time);
      expect(records.knownSnapshots(REPOSITORY, 100)).to.deep.equal([]);
    });
    it('are found by the eight digits restic 0.14 says, when only one of that host begins so', async () => {
      const short = id(1).slice(0, 8);
      await records.putOutcome(job('old'), outcome('u'), { repositoryID: REPOSITORY, snapshotID: short, hostname: 'web1' });
      expect(records.knownSnapshots(REPOSITORY, 100), 'not listed yet').to.deep.equal([]);
      await records.inventory.take({ ...report([1]), hostname: 'db1', snapshots: [snapshot(1, { hostname: 'db1' })] }, 'runner');
      expect(records.knownSnapshots(REPOSITORY, 100), 'that one is another host\'s').to.deep.equal([]);
      await records.inventory.take(report([1, 2]), 'web1');
      expect(records.knownSnapshots(REPOSITORY, 100)).to.deep.equal([id(1).slice(0, 16)]);
      const twin = short + 'f'.repeat(56);
      await records.inventory.take({ ...report([1, 2]), digest: digestOf([id(1), id(2), twin]), base: digestOf([id(1), id(2)]), snapshots: [{ ...snapshot(1), id: twin }] }, 'web1');
      expect(records.knownSnapshots(REPOSITORY, 100), 'forged beside it').to.deep.equal([]);
    });
    it('are not taken from what is no id', async () => {
      await records.putOutcome(job('a'), outcome('u'), { repositoryID: REPOSITORY, snapshotID: '../x', hostname: 'web1' });
      await records.putOutcome(job('b'), outcome('u'), { repositoryID: '..', snapshotID: id(1), hostname: 'web1' });
      expect(records.knownSnapshots(REPOSITORY, 100)).to.deep.equal([]);
      expect(records.findOutcome(job('a'))?.uid).to.equal('u');
    });
  });

  it('is made from records of format 1: the old fact goes, snapshots that outcomes tell of are known, nothing else changes (E26)', async () => {
    await records.close();
    const environment = openEnvironment(dir, 'records');
    const stored = (number: number, changes: object = {}): string => JSON.stringify({ uid: 'u', recordedTime: '2026-01-01T00:00:00Z', observed: { runID: 'u', phase: 'Succeeded', repositoryID: REPOSITORY, snapshotID: id(number), completionTime: '2026-01-01T00:00:00Z', ...changes } });
    const names = range(1, 1500).map((number) => `o/default/j${number}`);
    await environment.commit([
      { key: 'm/format', value: '1' }, { key: 'f/snapshots/uid-1', value: '{"snapshots":[]}' }, { key: 'f/spool/uid-1/a', value: '7' },
      ...names.map((key, index) => ({ key, value: stored(index + 1) })), { key: 'o/default/j1-b', value: stored(2000) }, { key: 'o/default/j1.c', value: stored(2001) },
      { key: 'o/default/future', value: stored(3000, { completionTime: '2026-01-01T01:00:01Z' }) }, { key: 'o/default/none', value: JSON.stringify({ uid: 'u', recordedTime: '2026-01-01T00:00:00Z', observed: { runID: 'u', phase: 'Failed' } }) },
    ]);
    await environment.close();
    for (const _ of [1, 2]) {
      records = await openRecords({ dir, now: () => time });
      expect(records.knownSnapshots(REPOSITORY, 10_000)).to.have.members([...range(1, 1500), 2000, 2001].map((number) => id(number).slice(0, 16)));
      expect(records.factNames('')).to.deep.equal(['spool/uid-1/a']);
      expect(records.findOutcome({ namespace: 'default', name: 'j1' })?.observed.snapshotID).to.equal(id(1));
      if (_ === 1) await records.close();
    }
  });
});
