/** `restic diff`: what changed between two snapshots; the lines go to the job's log, the counts to its summary. */
import { ResticError } from './exitCodes.js';
import { asObject, count, text } from './json.js';
import { jsonLine } from './lines.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';
import { requireSnapshotID } from './snapshots.js';

/**
 * `a` and `b` are ids of snapshots, at least 8 digits; a snapshot against itself is refused (E25). Succeeded/Completed with
 * summary filesAdded, filesRemoved, filesChanged, bytesAdded, bytesRemoved.
 * @throws ResticError SnapshotNotFound, ...; ResticAborted
 */
export async function diff(restic: Restic, { a, b }: { a: string; b: string }, { onLine, signal }: CommandIo): Promise<CommandOutcome> {
  requireSnapshotID(a);
  requireSnapshotID(b);
  if (a === b || a.startsWith(b) || b.startsWith(a)) throw new ResticError('SnapshotNotFound', `${a.slice(0, 8)} is compared with itself; name two snapshots`);
  let statistics = asObject(undefined);
  const { code } = await restic.run('diff', ['--json', a, b], {
    signal,
    onLine: (stream, line) => {
      const object = jsonLine(line);
      if (object && text(object, 'message_type') === 'statistics') statistics = object;
      if (line !== '') onLine(stream, line);
    },
  });
  const [added, removed] = [asObject(statistics['added']), asObject(statistics['removed'])];
  const summary = { filesAdded: count(added, 'files'), filesRemoved: count(removed, 'files'), filesChanged: count(statistics, 'changed_files'), bytesAdded: count(added, 'bytes'), bytesRemoved: count(removed, 'bytes') };
  return { phase: 'Succeeded', reason: 'Completed', message: `${summary.filesAdded ?? 0} files came, ${summary.filesRemoved ?? 0} went, ${summary.filesChanged ?? 0} changed from ${a.slice(0, 8)} to ${b.slice(0, 8)}`, exitCode: code, summary };
}
