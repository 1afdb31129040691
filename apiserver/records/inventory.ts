/**
 * The inventory on the records' environment. One key per snapshot, so that a change costs what it changes and a page what
 * it shows; ids stand together in 256 bundles, because reading 10,000 keys for a digest takes ten times as long. Pages of a
 * report wait under keys of their own and take effect together, checked by digest, with the last one.
 *
 *   i/<repo>/<host hash>                         the list: name, count, digest
 *   n/<repo>/<host hash>/<newest first>-<id>     a snapshot
 *   j/<repo>/<host hash>/<first 2 digits>        ids that begin so, each with the time part of its key
 *   w/<repo>/<host hash>/<reporter>/head|<page>  a report that is still coming
 */
import type { SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { createTurns } from '../operator/turns.js';
import type { Environment } from '../stores/environment.js';
import type { WriteQueue } from '../stores/writeQueue.js';
import { asksBeyondTags, checkedPage, digestOf, filterMatches, MOST_SNAPSHOTS, tagsMatch, type ReportPage } from './inventoryReport.js';
import { InventoryRefused, type Inventory, type ReportEffect, type SnapshotFilter, type SnapshotList, type SnapshotQuery, type StoredSnapshot } from './inventoryTypes.js';
import { DAY, endOf, nameHash, newestFirst } from './keys.js';

/** Snapshots written or removed in one transaction, so that other writers wait for none of them long. */
const STEP = 1000;
/** Characters of a report that may wait for its last page. */
const MOST_WAITING = 64 * 1024 * 1024;
const MOST_PAGES = 1000;
const WAITING_DAYS = 7;
const TOO_MANY = `more than ${MOST_SNAPSHOTS} snapshots of one host are not kept; forget some`;
/** Lists whose tags are remembered. */
const MOST_TAG_SETS = 1000;

interface Waiting {
  digest: string;
  base?: string;
  time: string;
  pages: number;
  characters: number;
  /** When its first page came, epoch milliseconds. */
  since: number;
}

interface Options {
  environment: Environment;
  queue: WriteQueue<unknown>;
  now: () => number;
}

export function createInventory({ environment, queue, now }: Options): Inventory {
  // Ranges show what is durable only: changes of one list wait for each other.
  const turns = createTurns();
  const tagSets = new Map<string, { digest: string; counts: Map<string, number> }>();

  const listKey = (repositoryID: string, hostname: string): string => `${repositoryID}/${nameHash(hostname)}`;
  const find = (key: string): SnapshotList | undefined => queue.durable(`i/${key}`) as SnapshotList | undefined;

  async function write(puts: Iterable<[string, unknown]>, removes: Iterable<string> = []): Promise<void> {
    await queue.run((transaction) => {
      for (const key of removes) transaction.remove(key);
      for (const [key, value] of puts) transaction.put(key, value, JSON.stringify(value));
    });
  }

  async function take(report: SnapshotsReport, reporter: string): Promise<ReportEffect> {
    const page = checkedPage(report);
    const key = listKey(report.repositoryID, report.hostname);
    return turns.take(key, async () => {
      const list = find(key);
      const waitingKey = `w/${key}/${nameHash(reporter)}/`;
      const next: SnapshotList = { hostname: report.hostname, count: 0, refreshedTime: refreshed(report.time), reportedBy: reporter, digest: report.digest };
      // Known already: told again, or by another host. Its content cannot differ, because ids are hashes of it.
      if (list?.digest === report.digest) {
        if (!report.more) await write([[`i/${key}`, { ...next, count: list.count, refreshedTime: later(list.refreshedTime, next.refreshedTime) }]], waitingKeys(waitingKey));
        return report.more ? 'more' : 'taken';
      }
      if (report.base !== undefined && list?.digest !== report.base) {
        await write([], waitingKeys(waitingKey));
        return 'otherBase';
      }
      const waiting = waitingOf(waitingKey, report);
      if (report.more) {
        await keep(waitingKey, waiting, page);
        return 'more';
      }
      return finish(key, waitingKey, report, next, waiting.pages, page);
    });
  }

  /** What waits of this report; nothing yet when its page is the first. */
  function waitingOf(waitingKey: string, { digest, base, time }: SnapshotsReport): Waiting {
    const stored = queue.durable(`${waitingKey}head`) as Waiting | undefined;
    if (stored !== undefined && stored.digest === digest && stored.base === base && stored.time === time) return stored;
    return { digest, ...(base === undefined ? {} : { base }), time, pages: 0, characters: 0, since: now() };
  }
  /** @throws InventoryRefused when more waits than is ever taken */
  async function keep(waitingKey: string, waiting: Waiting, page: ReportPage): Promise<void> {
    const characters = waiting.characters + JSON.stringify(page).length;
    const pages = waiting.pages + 1;
    if (characters > MOST_WAITING || pages > MOST_PAGES) {
      await write([], waitingKeys(waitingKey));
      throw new InventoryRefused(`snapshots report: it has more than ${MOST_PAGES} pages or ${MOST_WAITING / 1024 / 1024} MiB; ${TOO_MANY}`);
    }
    await write([[`${waitingKey}head`, { ...waiting, pages, characters }], [waitingKey + String(pages).padStart(6, '0'), page]], waiting.pages === 0 ? waitingKeys(waitingKey) : []);
  }
  const waitingKeys = (waitingKey: string): string[] => [...environment.keys(waitingKey)];

  const idsOf = (key: string): string[] => [...environment.range(`j/${key}/`, endOf(`j/${key}/`))].flatMap(({ value }) => [...unpack(JSON.parse(value) as string).keys()]);

  /** The last page has come: everything is checked before anything changes. */
  async function finish(key: string, waitingKey: string, report: SnapshotsReport, next: SnapshotList, pages: number, last: ReportPage): Promise<ReportEffect> {
    const added = new Map<string, StoredSnapshot>();
    const removed = new Set<string>();
    for (let number = 1; number <= pages + 1; number += 1) {
      const page = number > pages ? last : queue.durable(waitingKey + String(number).padStart(6, '0')) as ReportPage | undefined;
      for (const snapshot of page?.snapshots ?? []) added.set(snapshot.id, snapshot);
      for (const id of page?.removed ?? []) removed.add(id);
    }
    const held = idsOf(key);
    const gone = held.filter((id) => (report.base === undefined ? !added.has(id) : removed.has(id) && !added.has(id)));
    const goneSet = new Set(gone);
    const ids = [...new Set([...held.filter((id) => !goneSet.has(id)), ...added.keys()])];
    const problem = ids.length > MOST_SNAPSHOTS ? TOO_MANY
      : digestOf(ids) !== report.digest ? `its digest is not that of the ${ids.length} snapshots it leads to` : undefined;
    if (problem !== undefined) {
      await write([], waitingKeys(waitingKey));
      if (report.base !== undefined && ids.length <= MOST_SNAPSHOTS) return 'otherBase';
      throw new InventoryRefused(`snapshots report of ${JSON.stringify(report.hostname)}: ${problem}`);
    }
    await change(key, [...added.values()], gone, { ...next, count: ids.length }, waitingKeys(waitingKey));
    return 'taken';
  }

  /** In steps when it is much. Cut off between two of them, the list has no digest: no change fits it and the whole is asked for. */
  async function change(key: string, added: readonly StoredSnapshot[], gone: readonly string[], next: SnapshotList, waiting: readonly string[]): Promise<void> {
    const bundles = new Map<string, { added: StoredSnapshot[]; gone: string[] }>();
    const bundleOf = (id: string): { added: StoredSnapshot[]; gone: string[] } => {
      const bundle = bundles.get(id.slice(0, 2)) ?? { added: [], gone: [] };
      bundles.set(id.slice(0, 2), bundle);
      return bundle;
    };
    for (const snapshot of added) bundleOf(snapshot.id).added.push(snapshot);
    for (const id of gone) bundleOf(id).gone.push(id);
    let puts: [string, unknown][] = [];
    let removes: string[] = [];
    for (const [start, bundle] of bundles) {
      if (puts.length + removes.length >= STEP) {
        const { digest, ...undecided } = next;
        await write([...puts, [`i/${key}`, undecided]], removes);
        puts = [];
        removes = [];
      }
      const bundleKey = `j/${key}/${start}`;
      const places = unpack(queue.durable(bundleKey) as string | undefined);
      const packed = pack(places);
      for (const snapshot of bundle.added) {
        const place = newestFirst(Date.parse(snapshot.time));
        const old = places.get(snapshot.id);
        if (old !== undefined && old !== place) removes.push(`n/${key}/${old}-${snapshot.id}`);
        if (old !== place || environment.get(`n/${key}/${place}-${snapshot.id}`) !== JSON.stringify(snapshot)) puts.push([`n/${key}/${place}-${snapshot.id}`, snapshot]);
        places.set(snapshot.id, place);
      }
      for (const id of bundle.gone) {
        removes.push(`n/${key}/${places.get(id) ?? ''}-${id}`);
        places.delete(id);
      }
      if (places.size === 0) removes.push(bundleKey);
      else if (pack(places) !== packed) puts.push([bundleKey, pack(places)]);
    }
    await write([...puts, [`i/${key}`, next]], [...removes, ...waiting]);
  }

  const refreshed = (time: string): string => {
    const told = Date.parse(time);
    return new Date(Number.isNaN(told) ? now() : Math.min(told, now())).toISOString();
  };
  const later = (a: string, b: string): string => (a > b ? a : b);

  /** How many snapshots carry which tags, by the JSON of the sorted tags. */
  function tagSetsOf(key: string): Map<string, number> {
    const digest = find(key)?.digest;
    const known = tagSets.get(key);
    if (known !== undefined && known.digest === digest) return known.counts;
    const counts = new Map<string, number>();
    for (const { value } of environment.range(`n/${key}/`, endOf(`n/${key}/`))) {
      const tags = JSON.stringify([...new Set((JSON.parse(value) as StoredSnapshot).tags ?? [])].sort());
      counts.set(tags, (counts.get(tags) ?? 0) + 1);
    }
    if (digest === undefined) return counts;
    if (tagSets.size >= MOST_TAG_SETS) tagSets.clear();
    tagSets.set(key, { digest, counts });
    return counts;
  }

  function page(repositoryID: string, hostname: string, query: SnapshotQuery = {}): ReturnType<Inventory['page']> {
    const { limit = 100, after, ...filter } = query;
    const key = listKey(repositoryID, hostname);
    const list = find(key);
    if (list === undefined) return undefined;
    const prefix = `n/${key}/`;
    const wanted = Math.min(Math.max(limit, 1), 1000);
    const filtered = Object.values(filter as SnapshotFilter).some((value) => value !== undefined);
    const snapshots: StoredSnapshot[] = [];
    let last = '';
    let next: string | undefined;
    // Ids have one length: nothing lies between a key and the same with one more character.
    for (const entry of environment.range(after === undefined ? prefix : `${prefix}${after}0`, endOf(prefix))) {
      const snapshot = JSON.parse(entry.value) as StoredSnapshot;
      if (filtered && !filterMatches(filter, snapshot)) continue;
      if (snapshots.length === wanted) { next = last; break; }
      snapshots.push(snapshot);
      last = entry.key.slice(prefix.length);
    }
    let matching = list.count;
    if (asksBeyondTags(filter)) {
      matching = 0;
      for (const { value } of environment.range(prefix, endOf(prefix))) if (filterMatches(filter, JSON.parse(value) as StoredSnapshot)) matching += 1;
    } else if (filtered) {
      matching = 0;
      for (const [tags, count] of tagSetsOf(key)) if (tagsMatch(filter, JSON.parse(tags) as string[])) matching += count;
    }
    return { ...list, snapshots, matching, ...(next === undefined ? {} : { next }) };
  }

  /** Distinct second parts of the keys of a table, by jumping from one to the next. */
  function* repositoriesIn(table: string): Iterable<string> {
    for (let start = `${table}/`; ;) {
      const [first] = [...environment.range(start, endOf(`${table}/`), 1)];
      const id = first?.key.split('/')[1];
      if (id === undefined) return;
      yield id;
      start = endOf(`${table}/${id}/`);
    }
  }

  function lists(repositoryID: string): SnapshotList[] {
    const prefix = `i/${repositoryID}/`;
    return [...environment.range(prefix, endOf(prefix))].map(({ value }) => JSON.parse(value) as SnapshotList).sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
  }

  async function removeAll(prefix: string): Promise<number> {
    for (let removed = 0; ;) {
      const keys: string[] = [];
      for (const { key } of environment.range(prefix, endOf(prefix), 2 * STEP)) keys.push(key);
      if (keys.length === 0) return removed;
      await write([], keys);
      removed += keys.length;
    }
  }

  return {
    take,
    page,
    lists,
    list: (repositoryID, hostname) => find(listKey(repositoryID, hostname)),
    repositories: () => [...new Set(['i', 'n', 'j', 'w', 't'].flatMap((table) => [...repositoriesIn(table)]))],
    ids: (repositoryID, hostname) => idsOf(listKey(repositoryID, hostname)),
    tagCounts(repositoryID, hostname) {
      const counts: Record<string, number> = {};
      for (const [tags, count] of tagSetsOf(listKey(repositoryID, hostname))) for (const tag of JSON.parse(tags) as string[]) counts[tag] = (counts[tag] ?? 0) + count;
      return counts;
    },
    find(repositoryID, idPrefix) {
      if (!/^[0-9a-f]{8,64}$/.test(idPrefix)) return [];
      const found: (StoredSnapshot & { hostname: string })[] = [];
      for (const { hostname } of lists(repositoryID)) {
        const key = listKey(repositoryID, hostname);
        for (const [id, place] of unpack(queue.durable(`j/${key}/${idPrefix.slice(0, 2)}`) as string | undefined)) {
          const text = id.startsWith(idPrefix) ? environment.get(`n/${key}/${place}-${id}`) : undefined;
          if (text !== undefined && !found.some((each) => each.id === id)) found.push({ ...JSON.parse(text) as StoredSnapshot, hostname });
        }
      }
      return found.slice(0, 2);
    },
    async forget(repositoryID) {
      let removed = 0;
      // The lists first: what has no list is shown by nobody.
      for (const table of ['i', 'n', 'j', 'w', 't']) removed += await removeAll(`${table}/${repositoryID}/`);
      return removed;
    },
    async sweep(time) {
      const old: string[] = [];
      for (const { key, value } of environment.range('w/', endOf('w/'))) {
        if (key.endsWith('/head') && (JSON.parse(value) as Waiting).since < time - WAITING_DAYS * DAY) old.push(key.slice(0, -'head'.length));
      }
      let removed = 0;
      for (const prefix of old) removed += await removeAll(prefix);
      return removed;
    },
  };
}

const ID_LENGTH = 64;
const ENTRY_LENGTH = ID_LENGTH + 13;

/** A bundle: ids in order, each followed by its time part, nothing between. */
function unpack(packed = ''): Map<string, string> {
  const places = new Map<string, string>();
  for (let at = 0; at < packed.length; at += ENTRY_LENGTH) places.set(packed.slice(at, at + ID_LENGTH), packed.slice(at + ID_LENGTH, at + ENTRY_LENGTH));
  return places;
}
function pack(places: ReadonlyMap<string, string>): string {
  return [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, place]) => id + place).join('');
}
