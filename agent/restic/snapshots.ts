/** Lists snapshots. Takes no lock: a listing beside a running prune is at worst one snapshot behind. */
import type { Snapshot } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from './exitCodes.js';
import { asArray, asObject, count, text, texts } from './json.js';
import type { Restic } from './restic.js';

export interface SnapshotScope {
  host?: string;
  tag?: string;
  /** Only the newest of each set of paths. */
  latest?: true;
}

/** In the order of restic, which is by time. @throws ResticError */
export async function snapshots(restic: Restic, scope: SnapshotScope, signal?: AbortSignal): Promise<Snapshot[]> {
  const listed = await restic.json('snapshots', [
    '--json', '--no-lock',
    ...(scope.host === undefined ? [] : [`--host=${scope.host}`]),
    ...(scope.tag === undefined ? [] : [`--tag=${scope.tag}`]),
    ...(scope.latest ? ['--latest=1'] : []),
  ], { signal });
  return asArray(listed).map(asObject).flatMap((item): Snapshot[] => {
    const id = text(item, 'id');
    const time = text(item, 'time');
    if (id === undefined || time === undefined) return [];
    const summary = asObject(item['summary']);
    return [{
      id,
      time: new Date(time).toISOString(),
      hostname: text(item, 'hostname') ?? '',
      tags: texts(item, 'tags').slice(0, 64),
      paths: texts(item, 'paths').slice(0, 256),
      filesProcessed: count(summary, 'total_files_processed'),
      bytesProcessed: count(summary, 'total_bytes_processed'),
    }];
  });
}

/** Only an id: `latest`, `id:folder` and options mean something to restic, and nothing to the person who asked. @throws ResticError SnapshotNotFound */
export function requireSnapshotID(id: string): void {
  if (!/^[0-9a-f]{8,64}$/.test(id)) throw new ResticError('SnapshotNotFound', `${JSON.stringify(id.slice(0, 80))} is no snapshot id: 8 to 64 digits from 0 to f`);
}

/** Id of the newest one, or undefined. */
export function newest(list: readonly Snapshot[]): string | undefined {
  return list.reduce<Snapshot | undefined>((best, one) => (best && best.time >= one.time ? best : one), undefined)?.id;
}
