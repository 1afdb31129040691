/**
 * Snapshots on their way to the server: the whole list of one restic host, or what changed since the list this agent reported
 * last. Reports leave the spool in order and are never dropped, so that list is what the server will hold by then; when it
 * does not after all (it was restored, somebody else reported meanwhile), the server asks for everything.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Snapshot, SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { readIfThere, replaceFile } from '../files.js';

const PAGE = 1_000;
const PAGE_CHARACTERS = 400_000;

/** SHA-256 hex of the sorted ids joined by line feeds. */
export function digestOf(ids: Iterable<string>): string {
  return createHash('sha256').update([...ids].sort().join('\n')).digest('hex');
}

export interface ReportHead {
  /** Name of the Repository. */
  repository: string;
  repositoryID: string;
  /** restic's host. */
  hostname: string;
  /** RFC 3339. */
  time: string;
}

/** The whole list, in pages; an empty one is a report too. */
export function wholeReport(head: ReportHead, list: readonly Snapshot[]): SnapshotsReport[] {
  const digest = digestOf(list.map(({ id }) => id));
  return paged(list, []).map(({ snapshots }, index, pages) => ({ ...head, digest, snapshots, more: index < pages.length - 1 }));
}

/** What changed since `before` (ids); the server takes it when its list is that one. Nothing changed is a report too: the list is fresh. */
export function changeReport(head: ReportHead, list: readonly Snapshot[], before: readonly string[]): SnapshotsReport[] {
  const known = new Set(before);
  const now = new Set(list.map(({ id }) => id));
  const digest = digestOf(now);
  const base = digestOf(before);
  return paged(list.filter(({ id }) => !known.has(id)), before.filter((id) => !now.has(id)))
    .map(({ snapshots, removed }, index, pages) => ({ ...head, base, digest, snapshots, ...(removed.length > 0 ? { removed } : {}), more: index < pages.length - 1 }));
}

function paged(added: readonly Snapshot[], removed: readonly string[]): { snapshots: Snapshot[]; removed: string[] }[] {
  const pages: { snapshots: Snapshot[]; removed: string[] }[] = [];
  for (const snapshots of pagesOf(added)) pages.push({ snapshots, removed: [] });
  for (let from = 0; from < removed.length; from += PAGE) {
    const page = pages[from / PAGE] ?? { snapshots: [], removed: [] };
    page.removed = removed.slice(from, from + PAGE);
    pages[from / PAGE] = page;
  }
  return pages;
}

function pagesOf(list: readonly Snapshot[]): Snapshot[][] {
  const pages: Snapshot[][] = [[]];
  let characters = 0;
  for (const snapshot of list) {
    const size = JSON.stringify(snapshot).length;
    if ((pages.at(-1)?.length ?? 0) >= PAGE || (characters + size > PAGE_CHARACTERS && characters > 0)) {
      pages.push([]);
      characters = 0;
    }
    pages.at(-1)?.push(snapshot);
    characters += size;
  }
  return pages;
}

/** The list reported last of this host's own snapshots: one file, for the repository and host of the plan alone. */
export class ReportedList {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'reported-snapshots.json');
  }

  /** Ids, or undefined when nothing of this repository and host was reported, or the file does not say. */
  async read(repositoryID: string, hostname: string): Promise<string[] | undefined> {
    const bytes = await readIfThere(this.#path);
    if (!bytes) return undefined;
    try {
      const kept = JSON.parse(bytes.toString('utf8')) as { repositoryID?: unknown; hostname?: unknown; ids?: unknown };
      if (kept.repositoryID !== repositoryID || kept.hostname !== hostname || !Array.isArray(kept.ids)) return undefined;
      return kept.ids.filter((id): id is string => typeof id === 'string');
    } catch {
      return undefined; // the whole list is reported and this written anew
    }
  }

  /** Durable when it resolves. */
  async write(repositoryID: string, hostname: string, ids: readonly string[]): Promise<void> {
    await replaceFile(this.#path, JSON.stringify({ repositoryID, hostname, ids }));
  }
}
