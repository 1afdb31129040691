/** What the runner says of its repository, and a host of its snapshots. Absent figures are unknown and never blank a known one (E22). */
import { NotFound } from '#crds/objectStore.js';
import type { RepositoryObserved } from '#crds/types/repository.gen.js';
import type { RepoStats, Snapshot, SnapshotsReport } from '#crds/wire/agentProtocol.gen.js';
import { resolveRunner } from '#controller/plan/runner.js';
import type { SessionContext, StoredHost } from './types.js';

/** Snapshots kept per host until the inventory has a home of its own. */
const MAX_SNAPSHOTS = 10_000;

function isRunner({ informers: { cache }, namespace }: SessionContext, hostName: string, name: string): boolean {
  const repository = cache.get('Repository', { namespace, name });
  const runner = repository && resolveRunner(repository, { cache, namespace });
  return runner?.ok === true && runner.host.metadata.name === hostName;
}

/** Figures of a repository this host does not look after are dropped: it may have been the runner a moment ago. */
export async function takeRepoStats(context: SessionContext, hostName: string, { repository, ...stats }: RepoStats): Promise<void> {
  const { store, namespace, log } = context;
  if (!isRunner(context, hostName, repository)) { log.info({ host: hostName, repository }, 'figures of a repository that is not this host\'s'); return; }
  const observed: RepositoryObserved = stats;
  try {
    await store.patchStatus('Repository', { namespace, name: repository }, { observed }, context.writer(hostName));
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
}

/** Pages until the last one, then one durable list per host. */
export async function takeSnapshots({ records }: SessionContext, host: StoredHost, { snapshots, more, time }: SnapshotsReport): Promise<void> {
  const name = `snapshots/${host.metadata.uid}`;
  const stored = records.getFact(name) as { pages?: Snapshot[]; pagesTime?: string; snapshots?: Snapshot[]; time?: string } | undefined;
  const pages = [...(stored?.pagesTime === time ? stored.pages ?? [] : []), ...snapshots].slice(0, MAX_SNAPSHOTS);
  await records.putFact(name, more ? { ...stored, pages, pagesTime: time } : { snapshots: pages, time });
}
