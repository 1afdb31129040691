/** What the runner says of its repository, and a host of its snapshots. Absent figures are unknown and never blank a known one (E22). */
import { NotFound } from '#crds/objectStore.js';
import type { RepositoryObserved } from '#crds/types/repository.gen.js';
import type { RepoStats, SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import type { Repository } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import { resolveRunner } from '#controller/plan/runner.js';
import { repositoryOf, snapshotHostOf } from '#controller/runtime/indexes.js';
import { InventoryRefused } from '../records/inventoryTypes.js';
import { RefusedReport } from './reports.js';
import type { SessionContext, StoredHost } from './types.js';

function isRunner({ informers: { cache }, namespace }: SessionContext, hostName: string, repository: Stored<Repository>): boolean {
  const runner = resolveRunner(repository, { cache, namespace });
  return runner.ok && runner.host.metadata.name === hostName;
}

/** Figures of a repository this host does not look after are dropped: it may have been the runner a moment ago. */
export async function takeRepoStats(context: SessionContext, hostName: string, { repository: name, time, locks, ...stats }: RepoStats): Promise<void> {
  const { store, records, namespace, log, clock, informers } = context;
  const repository = informers.cache.get('Repository', { namespace, name });
  if (!repository || !isRunner(context, hostName, repository)) { log.info({ host: hostName, repository: name }, 'figures of a repository that is not this host\'s'); return; }
  const { id } = repository.status ?? {};
  if (stats.repositoryID !== undefined && id !== undefined && stats.repositoryID !== id) { log.warn({ host: hostName, repository: name, repositoryID: stats.repositoryID }, 'figures of another repository than the pinned one'); return; }
  const told = Date.parse(time);
  const at = Number.isNaN(told) ? clock.now() : Math.min(told, clock.now());
  const observed: RepositoryObserved = {
    ...stats, time: new Date(at).toISOString(),
    ...(locks === undefined ? {} : { locks: locks.map(({ time: since, ...lock }) => ({ ...lock, ...(since === undefined || Number.isNaN(Date.parse(since)) ? {} : { time: new Date(since).toISOString() }) })) }),
  };
  if (id !== undefined) await records.trend.put(id, at, { ...(stats.sizeBytes === undefined ? {} : { sizeBytes: stats.sizeBytes }), ...(stats.snapshotCount === undefined ? {} : { snapshotCount: stats.snapshotCount }) });
  try {
    await store.patchStatus('Repository', { namespace, name }, { observed }, context.writer(hostName));
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
}

/**
 * A host tells of its own snapshots, the runner of those of any host of its repository.
 * @param askForAll called when the report is a change to a list that is not the one held
 * @throws RefusedReport
 */
export async function takeSnapshots(context: SessionContext, host: StoredHost, report: SnapshotsReport, askForAll: () => void): Promise<void> {
  const { informers: { cache }, namespace, records } = context;
  const current = cache.get('Host', keyOf(host)) ?? host;
  const hostName = host.metadata.name;
  const repository = cache.get('Repository', { namespace, name: report.repository });
  if (!repository || repositoryOf(current) !== report.repository) throw new RefusedReport(`snapshots of repository ${report.repository}: host ${hostName} does not use it`);
  if (repository.status?.id !== report.repositoryID) throw new RefusedReport(`snapshots of repository ${report.repository}: ${report.repositoryID.slice(0, 8)} is not its id`);
  if (report.hostname !== snapshotHostOf(current) && !isRunner(context, hostName, repository)) throw new RefusedReport(`snapshots of ${JSON.stringify(report.hostname)} in repository ${report.repository}: host ${hostName} may only report its own, because it is not the runner`);
  try {
    if (await records.inventory.take(report, hostName) === 'otherBase') askForAll();
  } catch (error) {
    throw error instanceof InventoryRefused ? new RefusedReport(error.message) : error;
  }
}
