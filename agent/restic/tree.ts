/** One directory of a snapshot, sorted by name, a page at a time. Takes no lock. */
import type { TreeEntry, TreeListParams, TreeListResult } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from './exitCodes.js';
import { count, text, type Json } from './json.js';
import { jsonLine } from './lines.js';
import type { Restic } from './restic.js';
import { requireSnapshotID } from './snapshots.js';

const PAGE = 1_000;
/** restic replaces what is not UTF-8 by this, and finds nothing under the name it then has. */
const NOT_TEXT = '\ufffd';

/**
 * At most 1,000 entries, of those after `after`. Names that are not UTF-8 carry notText.
 * @throws ResticError SnapshotNotFound, PathNotFound (no such directory in the snapshot), PathNotText, ...; ResticAborted
 */
export async function listTree(restic: Restic, { snapshot, path, after }: TreeListParams, signal: AbortSignal): Promise<TreeListResult> {
  requireSnapshotID(snapshot);
  const directory = path === '/' ? '/' : path.replace(/\/+$/, '');
  requireText(directory);
  let itself = directory === '/';
  const entries: TreeEntry[] = [];
  await listNodes(restic, snapshot, [directory], signal, (node) => {
    const at = text(node, 'path') ?? '';
    if (at === directory) itself = text(node, 'type') === 'dir';
    else if (parentOf(at) === directory) entries.push(entryOf(node, at));
  });
  if (!itself) throw new ResticError('PathNotFound', `${directory} is no directory of snapshot ${snapshot.slice(0, 8)}`);
  const order = (a: TreeEntry, b: TreeEntry): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const rest = entries.sort(order).filter(({ name }) => after === undefined || name > after);
  return { entries: rest.slice(0, PAGE), more: rest.length > PAGE };
}

/** Passes on every node that `restic ls` names for these paths: each path itself and, of a directory, what is directly in it (all that is below with `recursive`). @throws ResticError SnapshotNotFound */
export async function listNodes(restic: Restic, snapshot: string, paths: readonly string[], signal: AbortSignal, onNode: (node: Json) => void, recursive = false): Promise<void> {
  let found = false;
  await restic.run('ls', ['--json', '--no-lock', ...(recursive ? ['--recursive'] : []), '--', snapshot, ...paths], {
    signal,
    onLine: (stream, line) => {
      const object = stream === 'stdout' ? jsonLine(line) : undefined;
      if (!object) return;
      if (text(object, 'struct_type') === 'node' || text(object, 'message_type') === 'node') onNode(object);
      else if (text(object, 'id') !== undefined) found = true;
    },
  });
  if (!found) throw new ResticError('SnapshotNotFound', `snapshot ${snapshot.slice(0, 8)} is not in the repository at ${restic.address}`); // 0.14 exits 0
}

/** @throws ResticError PathNotText */
export function requireText(path: string): void {
  if (path.includes(NOT_TEXT)) throw new ResticError('PathNotText', `${path}: a name in it is not text (UTF-8), so it cannot be chosen by itself; choose the directory that it is in`);
}

function entryOf(node: Json, path: string): TreeEntry {
  const name = text(node, 'name') ?? path.slice(path.lastIndexOf('/') + 1);
  return { name, path, type: text(node, 'type') ?? 'file', size: count(node, 'size'), mtime: text(node, 'mtime'), mode: count(node, 'mode'), ...(name.includes(NOT_TEXT) ? { notText: true } : {}) };
}

function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}
