/** The snapshots of a host as people are shown them: its list in the repository it uses, and how fresh that is. */
import type { Host } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { repositoryOf, snapshotHostOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import type { SnapshotPage, SnapshotQuery } from './inventoryTypes.js';
import type { Records } from './records.js';

export interface HostSnapshots extends Omit<SnapshotPage, 'refreshedTime' | 'reportedBy' | 'digest'> {
  /** Name of the Repository. */
  repository: string;
  /** Absent: it was never opened. */
  repositoryID?: string;
  /** Absent: the list was never reported; `count` 0 then means unknown. */
  refreshedTime?: string;
  /** The host is away: what it did since is not in the list (E15). */
  stale: boolean;
}

export function hostSnapshots({ records, cache }: { records: Pick<Records, 'inventory'>; cache: Cache }, host: Stored<Host>, query: SnapshotQuery = {}): HostSnapshots {
  const repository = repositoryOf(host);
  const hostname = snapshotHostOf(host);
  const repositoryID = cache.get('Repository', { namespace: host.metadata.namespace, name: repository })?.status?.id;
  const page = repositoryID === undefined ? undefined : records.inventory.page(repositoryID, hostname, query);
  const stale = host.status?.conditions?.find(({ type }) => type === 'Online')?.status !== 'True';
  const { digest, reportedBy, ...shown } = page ?? { hostname, count: 0, matching: 0, snapshots: [] };
  return { ...shown, repository, ...(repositoryID === undefined ? {} : { repositoryID }), stale };
}
