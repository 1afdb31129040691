/** The snapshot that a backup says it made, when it may count as known: of the repository its host uses, at a time that can be true. */
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { repositoryOf, snapshotHostOf } from '#controller/runtime/indexes.js';
import { CLOCK_TOLERANCE_MS } from '../records/knownSnapshots.js';
import type { KnownSnapshot } from '../records/records.js';
import type { SessionContext } from './types.js';

export function madeSnapshot({ informers: { cache }, namespace, clock }: SessionContext, hostName: string, type: JobIdentity['type'], observed: ResticJobObserved): KnownSnapshot | undefined {
  const { snapshotID, repositoryID, completionTime } = observed;
  if (type !== 'Backup' || snapshotID === undefined || repositoryID === undefined) return undefined;
  const host = cache.get('Host', { namespace, name: hostName });
  if (!host || cache.get('Repository', { namespace, name: repositoryOf(host) })?.status?.id !== repositoryID) return undefined;
  if (completionTime !== undefined && Date.parse(completionTime) > clock.now() + CLOCK_TOLERANCE_MS) return undefined;
  return { repositoryID, snapshotID, hostname: snapshotHostOf(host) };
}
