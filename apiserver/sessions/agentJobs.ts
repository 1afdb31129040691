/** Runs an agent began by its own cron, as ResticJob objects: deterministic name from the agent, owned by the Host, never offered to anyone. */
import { AlreadyExists, NotFound } from '#crds/objectStore.js';
import { API_VERSION, labels, newObject, type ResticJob } from '#crds/kinds.js';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { groupMatches } from '#controller/plan/select.js';
import { RefusedReport } from './reports.js';
import type { SessionContext, StoredHost, StoredJob } from './types.js';

/** Server-made jobs are deleted a week after their end; history limits may take them earlier. */
const TTL_SECONDS = 7 * 24 * 3600;

/** From the cache, else from the store: an object made a moment ago may not have come by the watch yet. */
export async function findJob({ informers, store, namespace }: SessionContext, name: string): Promise<StoredJob | undefined> {
  const cached = informers.cache.get('ResticJob', { namespace, name });
  if (cached) return cached;
  try {
    return await store.get('ResticJob', { namespace, name });
  } catch (error) {
    if (error instanceof NotFound) return undefined;
    throw error;
  }
}

/** @throws RefusedReport when this host's plan can never have asked for such a run */
export function checkAgentStarted({ informers: { cache }, namespace }: SessionContext, host: StoredHost, identity: JobIdentity): void {
  const { schedule, sourceGroup, job, runID } = identity;
  if (identity.type !== 'Backup' || schedule === undefined || sourceGroup === undefined) throw new RefusedReport(`run ${job} of ${host.metadata.name}: an agent starts only backups, of a schedule and a group`);
  if (runID !== job) throw new RefusedReport(`run ${job} of ${host.metadata.name}: the run id of an agent-started run is its job name`);
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(job)) throw new RefusedReport(`run ${job} of ${host.metadata.name}: the name is not a DNS label`);
  const group = cache.get('SourceGroup', { namespace, name: sourceGroup });
  if (!group || !groupMatches(group, host) || !cache.get('Schedule', { namespace, name: schedule })?.spec.sourceGroupRefs.some(({ name }) => name === sourceGroup)) {
    throw new RefusedReport(`run ${job} of ${host.metadata.name}: schedule ${schedule} with group ${sourceGroup} is not known for this host`);
  }
}

export function agentStartedJob(host: StoredHost, identity: JobIdentity): ResticJob {
  const { schedule = '', sourceGroup = '', dueTime } = identity;
  const origin = identity.origin ?? 'Schedule';
  const due = dueTime === undefined ? undefined : new Date(dueTime);
  return newObject('ResticJob', {
    name: identity.job,
    namespace: host.metadata.namespace,
    labels: { [labels.host]: host.metadata.name, [labels.sourceGroup]: sourceGroup, [labels.schedule]: schedule, [labels.origin]: origin },
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'Host', name: host.metadata.name, uid: host.metadata.uid }],
  }, {
    spec: {
      hostRef: { name: host.metadata.name },
      type: identity.type,
      sourceGroupRef: { name: sourceGroup },
      startedBy: 'Agent',
      ttlSecondsAfterFinished: TTL_SECONDS,
      origin: { type: origin, name: schedule, ...(due === undefined || Number.isNaN(due.getTime()) ? {} : { dueTime: due.toISOString() }) },
    },
  });
}

/** Creating twice is harmless. @throws RefusedReport when the name belongs to another host's job */
export async function ensureAgentJob(context: SessionContext, host: StoredHost, identity: JobIdentity): Promise<StoredJob> {
  const { store, namespace } = context;
  try {
    return await store.create('ResticJob', agentStartedJob(host, identity), context.writer(host.metadata.name));
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
    const job = await store.get('ResticJob', { namespace, name: identity.job });
    if (job.spec.hostRef.name !== host.metadata.name) throw new RefusedReport(`job ${identity.job} belongs to host ${job.spec.hostRef.name}`);
    return job;
  }
}
