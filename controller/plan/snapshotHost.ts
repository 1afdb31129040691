/** Who owns a snapshotHost: the oldest host under it in a repository. Two hosts under one name would mix their snapshots. */
import type { Host } from '#crds/kinds.js';
import type { KubeObject, Stored } from '#crds/meta.js';
import { repositoryOf, snapshotHostOf } from '../runtime/indexes.js';
import type { Cache } from '../runtime/types.js';

/** The older host under the same snapshotHost in the same repository, if there is one. */
export function snapshotHostTakenBy(host: Stored<Host>, cache: Cache): string | undefined {
  const rivals = cache.byIndex('Host', 'snapshotHost', `${repositoryOf(host)}/${snapshotHostOf(host)}`);
  return rivals.length < 2 ? undefined : oldest(rivals, host);
}

type Claim = Stored<KubeObject>;

/** Name of the oldest of several objects that claim one thing, unless it is this one. */
export function oldest(claims: readonly Claim[], self: Claim): string | undefined {
  const age = ({ metadata }: Claim): string => `${metadata.creationTimestamp} ${metadata.name}`;
  const first = claims.reduce((a, b) => (age(a) <= age(b) ? a : b));
  return first.metadata.uid === self.metadata.uid ? undefined : first.metadata.name;
}
