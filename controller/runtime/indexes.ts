/**
 * The indexes of the informer caches: every question a reconcile asks is a look-up here, never a walk over a kind.
 * An index maps an object to the values it is found under. Values are plain names, because an installation has one namespace.
 */
import { createHash } from 'node:crypto';
import { labels, SECRET_USE_LABEL, type EnrollmentRequest, type Host, type Kind, type KindMap, type ResticJob, type Schedule, type SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { isExclusive, isReading, isUpkeep } from './jobTypes.js';
import { addressOf } from './storageAddress.js';

type IndexFunction<K extends Kind> = (object: Stored<KindMap[K]>) => readonly string[];
type Indexes = { [K in Kind]?: Record<string, IndexFunction<K>> };

/** The value of indexes that only ask "which of all". */
export const ALL = '*';

const some = (...values: (string | undefined)[]): string[] => values.filter((value): value is string => value !== undefined && value !== '');

export function isFinished(job: Pick<ResticJob, 'status'>): boolean {
  const phase = job.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';
}

/** The Repository a host uses: the one it names, else the one of its own name. */
export function repositoryOf(host: Pick<Host, 'spec' | 'metadata'>): string {
  return host.spec.repositoryRef?.name ?? host.metadata.name;
}

/** restic's --host of a host. */
export function snapshotHostOf(host: Pick<Host, 'spec' | 'metadata'>): string {
  return host.spec.snapshotHost ?? host.metadata.name;
}

/** Names of the Secrets that a hooks block reads. */
export function hookSecretsOf(hooks: Host['spec']['hooks']): string[] {
  return [...new Set([hooks?.pre, hooks?.post].flatMap((hook) => (hook ? [hook.secretKeyRef.name] : [])))];
}

/** `SHA256:` and the unpadded base64 of the SHA-256 of a raw Ed25519 public key given in base64. */
export function fingerprintOf(publicKey: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('base64').replace(/=+$/, '')}`;
}

/** The Schedule that caused a job: its label, else its origin. */
export function scheduleOf(job: Pick<ResticJob, 'spec' | 'metadata'>): string | undefined {
  const origin = job.spec.origin;
  return job.metadata.labels?.[labels.schedule] ?? (origin?.type === 'Schedule' || origin?.type === 'CatchUp' ? origin.name : undefined);
}

/** Bucket of the history limits: per schedule, group and host. Undefined for jobs no schedule caused. */
export function historyBucket(job: Pick<ResticJob, 'spec' | 'metadata' | 'status'>): string | undefined {
  const schedule = scheduleOf(job);
  if (schedule === undefined || !isFinished(job)) return undefined;
  return `${schedule}/${job.spec.sourceGroupRef?.name ?? ''}/${job.spec.hostRef.name}`;
}

/** Set on a job that found its repository gone or replaced: which repository that was. The host may use another one by now. */
export const REPOSITORY_LABEL = 'restic-manager.io/repository';
const brokenReasons = new Set<string | undefined>(['NoRepository', 'RepositoryReplaced']);

/** What a job says about the repository it works on: itself, or only through its host. */
function placeOf(job: Pick<ResticJob, 'spec' | 'metadata'>): string {
  const named = job.spec.restore?.repositoryRef?.name ?? job.spec.repositoryRef?.name ?? job.metadata.labels?.[REPOSITORY_LABEL];
  return named === undefined ? place.host(job.spec.hostRef.name) : place.repository(named);
}

/** Values of the indexes that go by repository: jobs that name one, and those of a host that work on the host's. */
export const place = {
  repository: (name: string): string => `repository/${name}`,
  host: (name: string): string => `host/${name}`,
};

/** A maintenance job that tells how its repository is: it ran to an end, or maintenance wanted it to. A person's that never started tells nothing. */
export function tellsOfUpkeep(job: Pick<ResticJob, 'spec' | 'status'>): boolean {
  const { reason, observed } = job.status ?? {};
  if (!isUpkeep(job) || !isFinished(job) || reason === 'AlreadyRan' || reason === 'CancelledBeforeStart') return false;
  return observed !== undefined || job.spec.origin?.type === 'Maintenance';
}

/** Bucket of those of one repository and type: the newest stays beyond its ttl. */
export function upkeepBucket(job: Pick<ResticJob, 'spec' | 'metadata' | 'status'>): string | undefined {
  return tellsOfUpkeep(job) ? `${job.spec.type}/${placeOf(job)}` : undefined;
}

/** True when the run found no repository, or another one, where the pinned one should be. */
export function foundRepositoryBroken(job: Pick<ResticJob, 'status'>): boolean {
  return job.status?.observed?.phase === 'Failed' && brokenReasons.has(job.status.observed.reason);
}

const host: Record<string, IndexFunction<'Host'>> = {
  repository: (object) => [repositoryOf(object)],
  snapshotHost: (object) => [`${repositoryOf(object)}/${snapshotHostOf(object)}`],
  fingerprint: (object) => some(object.spec.enrollment?.fingerprint),
  hostname: (object) => [...new Set(some(object.metadata.name, object.status?.agent?.hostname?.toLowerCase()))],
  gateway: (object) => some(object.status?.connection?.gateway),
  hookSecret: (object) => hookSecretsOf(object.spec.hooks),
};

const sourceGroup: Record<string, IndexFunction<'SourceGroup'>> = {
  host: (object: Pick<SourceGroup, 'spec'>) => some(object.spec.hostRef?.name),
  selector: (object: Pick<SourceGroup, 'spec'>) => (object.spec.hostSelector ? [ALL] : []),
  hookSecret: (object: Pick<SourceGroup, 'spec'>) => hookSecretsOf(object.spec.hooks),
};

const schedule: Record<string, IndexFunction<'Schedule'>> = {
  sourceGroup: (object: Pick<Schedule, 'spec'>) => object.spec.sourceGroupRefs.map((ref) => ref.name),
};

const resticJob: Record<string, IndexFunction<'ResticJob'>> = {
  host: (object) => [object.spec.hostRef.name],
  repository: (object) => some(object.spec.repositoryRef?.name),
  sourceGroup: (object) => some(object.spec.sourceGroupRef?.name),
  schedule: (object) => some(scheduleOf(object)),
  /** Unfinished jobs of a host. */
  active: (object) => (isFinished(object) ? [] : [object.spec.hostRef.name]),
  /** Every unfinished job. */
  unfinished: (object) => (isFinished(object) ? [] : [ALL]),
  unfinishedInit: (object) => (object.spec.type === 'Init' && !isFinished(object) ? [ALL] : []),
  /** Init jobs by the repository they name. */
  init: (object) => (object.spec.type === 'Init' ? some(object.spec.repositoryRef?.name) : []),
  brokenRepository: (object) => (foundRepositoryBroken(object) ? some(object.metadata.labels?.[REPOSITORY_LABEL] ?? object.spec.repositoryRef?.name) : []),
  history: (object) => some(historyBucket(object)),
  /** Unfinished jobs that need a repository for themselves, or beside nobody who deletes. */
  atWork: (object) => ((isExclusive(object) || isReading(object)) && !isFinished(object) ? [placeOf(object)] : []),
  /** Jobs that look after a repository, finished or not. */
  upkeep: (object) => (isUpkeep(object) ? [placeOf(object)] : []),
  upkeepOver: (object) => some(upkeepBucket(object)),
};

const enrollmentRequest: Record<string, IndexFunction<'EnrollmentRequest'>> = {
  fingerprint: (object: Pick<EnrollmentRequest, 'spec'>) => [fingerprintOf(object.spec.publicKey)],
  hostname: (object: Pick<EnrollmentRequest, 'spec'>) => [object.spec.hostname.toLowerCase()],
};

const indexes: Indexes = {
  Host: host,
  SourceGroup: sourceGroup,
  Schedule: schedule,
  ResticJob: resticJob,
  EnrollmentRequest: enrollmentRequest,
  Repository: {
    secret: (object) => [object.spec.credentialsSecretRef.name],
    adminSecret: (object) => some(object.spec.adminCredentialsSecretRef?.name),
    runner: (object) => some(object.spec.runner?.hostRef.name),
    storage: (object) => [addressOf(object.spec.url)],
  },
  Secret: { use: (object) => some(object.metadata.labels?.[SECRET_USE_LABEL]) },
  Event: { involved: (object) => some(object.involvedObject.uid) },
};

/** Every kind also has `owner`: objects by the uid of each of their owners; and `blocks`: of those whose foreground deletion waits for them. */
export function indexesOf<K extends Kind>(kind: K): Record<string, IndexFunction<K>> {
  const own = (indexes[kind] ?? {}) as Record<string, IndexFunction<K>>;
  return { ...own, owner: (object) => (object.metadata.ownerReferences ?? []).map((reference) => reference.uid), blocks: (object) => (object.metadata.ownerReferences ?? []).filter((reference) => reference.blockOwnerDeletion === true).map((reference) => reference.uid) };
}
