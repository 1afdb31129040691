/** Size of the whole repository. Reads every index and tree: the runner asks once a week. restic 0.14 knows no uncompressed size. */
import { asObject, count } from './json.js';
import type { Restic } from './restic.js';

export interface RepositorySize {
  /** Bytes stored. */
  sizeBytes: number | undefined;
  uncompressedSizeBytes: number | undefined;
  snapshotCount: number | undefined;
}

/** @throws ResticError */
export async function stats(restic: Restic, signal?: AbortSignal): Promise<RepositorySize> {
  const reply = asObject(await restic.json('stats', ['--mode=raw-data', '--json', '--no-lock'], { signal }));
  return { sizeBytes: count(reply, 'total_size'), uncompressedSizeBytes: count(reply, 'total_uncompressed_size'), snapshotCount: count(reply, 'snapshots_count') };
}
