/**
 * Which change wakes which reconciles: the one table of who depends on whom. Every line is an index look-up, and fields that
 * change often (a connection, a size) wake only those who read them. Nothing is decided here; waking too often costs time only.
 */
import type { Kind } from '#crds/kinds.js';
import { changedAt } from './plan/effectiveSince.js';
import { groupsOf, hostsOf } from './plan/select.js';
import { ALL, fingerprintOf, isFinished, REPOSITORY_LABEL, repositoryOf, scheduleOf, snapshotHostOf } from './runtime/indexes.js';
import type { Cache, CacheEvent } from './runtime/types.js';
import { conditionOf, isTrue } from './status/conditions.js';
import { addressOf } from './runtime/storageAddress.js';
import { isExclusive, isReading } from './runtime/jobTypes.js';
import { jobsAtWork, repositoryNameOf } from './runtime/jobs.js';

/** The kinds that have a reconcile. */
export type ReconciledKind = 'Host' | 'Repository' | 'SourceGroup' | 'Schedule' | 'ResticJob' | 'EnrollmentRequest';

export interface Wake {
  now(kind: ReconciledKind, name: string): void;
  /** For aggregates that many events touch: at most once in ten seconds. */
  soon(kind: 'SourceGroup' | 'Schedule', name: string): void;
}

type EventOf<K extends Kind> = Extract<CacheEvent, { kind: K }>;

/** True when the object came, went, or one of the values read from it changed. */
function changed<T>(event: { type: string; object: T; old?: T }, ...read: ((object: T) => unknown)[]): boolean {
  const { type, object, old } = event;
  if (type !== 'MODIFIED' || old === undefined) return true;
  return read.some((of) => JSON.stringify(of(object)) !== JSON.stringify(of(old)));
}

/** The values of both sides of a change, without repeats. */
function both<T>(event: { object: T; old?: T }, read: (object: T) => readonly string[]): Set<string> {
  return new Set([...read(event.object), ...(event.old === undefined ? [] : read(event.old))]);
}

export function wakeFor(event: CacheEvent, cache: Cache, namespace: string, wake: Wake): void {
  switch (event.kind) {
    case 'Host': hostChanged(event, cache, namespace, wake); break;
    case 'Repository': repositoryChanged(event, cache, namespace, wake); break;
    case 'SourceGroup': groupChanged(event, cache, namespace, wake); break;
    case 'Schedule': scheduleChanged(event, cache, namespace, wake); break;
    case 'ResticJob': jobChanged(event, cache, namespace, wake); break;
    case 'EnrollmentRequest': requestChanged(event, cache, wake); break;
    case 'Secret': secretChanged(event, cache, namespace, wake); break;
    case 'Event': case 'Lease': break;
  }
}

function hostChanged(event: EventOf<'Host'>, cache: Cache, namespace: string, wake: Wake): void {
  const { object } = event;
  const { name } = object.metadata;
  wake.now('Host', name);

  const specChanged = changed(event, (host) => host.metadata.generation, (host) => host.metadata.labels);
  const onlineChanged = changed(event, (host) => isTrue(host, 'Online'));
  const planChanged = changed(event, (host) => host.status?.desiredRevision, (host) => host.status?.planGeneration, (host) => conditionOf(host, 'Synced')?.reason);
  if (specChanged || onlineChanged || planChanged) for (const job of cache.byIndex('ResticJob', 'active', name)) wake.now('ResticJob', job.metadata.name);
  if (specChanged || onlineChanged || changed(event, (host) => host.status?.agent?.timeZone, (host) => host.status?.agent?.machineId)) for (const repository of both(event, (host) => [repositoryOf(host)])) wake.now('Repository', repository);
  if (onlineChanged) for (const job of cache.byIndex('ResticJob', 'active', name)) wakeQueueOf(job, cache, namespace, wake);
  if (specChanged) for (const repository of cache.byIndex('Repository', 'runner', name)) wake.now('Repository', repository.metadata.name);
  if (changed(event, (host) => host.status?.appliedRevision, (host) => host.status?.desiredRevision, (host) => host.status?.agent?.timeZone)) {
    for (const group of groupsOf(object, cache)) for (const schedule of cache.byIndex('Schedule', 'sourceGroup', group.metadata.name)) wake.soon('Schedule', schedule.metadata.name);
  }
  if (!specChanged) return;

  const groups = new Set([...groupsOf(object, cache), ...(event.old ? groupsOf(event.old, cache) : [])].map((group) => group.metadata.name));
  for (const group of groups) {
    wake.now('SourceGroup', group);
    for (const schedule of cache.byIndex('Schedule', 'sourceGroup', group)) wake.soon('Schedule', schedule.metadata.name);
  }
  // Others whose plan or right to a name depends on this host being there.
  for (const rival of both(event, (host) => [`${repositoryOf(host)}/${snapshotHostOf(host)}`])) for (const host of cache.byIndex('Host', 'snapshotHost', rival)) wake.now('Host', host.metadata.name);
  for (const fingerprint of both(event, (host) => (host.spec.enrollment ? [host.spec.enrollment.fingerprint] : []))) {
    for (const host of cache.byIndex('Host', 'fingerprint', fingerprint)) wake.now('Host', host.metadata.name);
    for (const request of cache.byIndex('EnrollmentRequest', 'fingerprint', fingerprint)) wake.now('EnrollmentRequest', request.metadata.name);
  }
  if (changed(event)) for (const request of cache.byIndex('EnrollmentRequest', 'hostname', name)) wake.now('EnrollmentRequest', request.metadata.name);
  for (const repository of both(event, (host) => [repositoryOf(host)])) {
    if (cache.get('Repository', { namespace, name: repository })?.spec.runner) continue;
    // The only host of a repository is its runner: that ends when a second comes.
    const sharing = cache.byIndex('Host', 'repository', repository);
    if (sharing.length <= 2) for (const host of sharing) wake.now('Host', host.metadata.name);
  }
}

function repositoryChanged(event: EventOf<'Repository'>, cache: Cache, namespace: string, wake: Wake): void {
  const { name } = event.object.metadata;
  wake.now('Repository', name);
  if (!changed(event, (repository) => repository.metadata.generation, (repository) => repository.status?.id, (repository) => repository.status?.phase, (repository) => repository.status?.deletionProtection, (repository) => conditionOf(repository, 'Available'), (repository) => conditionOf(repository, 'Stalled'))) return;
  for (const host of cache.byIndex('Host', 'repository', name)) wake.now('Host', host.metadata.name);
  wakeJobsOf(name, cache, namespace, wake);
  if (!changed(event, (repository) => repository.spec.url, (repository) => repository.metadata.deletionTimestamp)) return;
  for (const storage of both(event, (repository) => [addressOf(repository.spec.url)])) for (const other of cache.byIndex('Repository', 'storage', storage)) wake.now('Repository', other.metadata.name);
}

/** Jobs that wait for a repository which this one may hold. */
function wakeQueueOf(job: EventOf<'ResticJob'>['object'], cache: Cache, namespace: string, wake: Wake): void {
  if (!isExclusive(job) && !isReading(job)) return;
  const repository = repositoryNameOf(job, cache.get('Host', { namespace, name: job.spec.hostRef.name }));
  if (repository === undefined) return;
  for (const other of jobsAtWork(repository, cache)) wake.now('ResticJob', other.metadata.name);
  if (isExclusive(job)) wake.now('Repository', repository);
}

/** Unfinished jobs that work on a repository. */
function wakeJobsOf(repository: string, cache: Cache, namespace: string, wake: Wake): void {
  for (const job of cache.byIndex('ResticJob', 'unfinished', ALL)) {
    if (repositoryNameOf(job, cache.get('Host', { namespace, name: job.spec.hostRef.name })) === repository) wake.now('ResticJob', job.metadata.name);
  }
}

function secretChanged(event: EventOf<'Secret'>, cache: Cache, namespace: string, wake: Wake): void {
  if (!changed(event, (secret) => secret.data, (secret) => secret.metadata.labels)) return;
  const { name } = event.object.metadata;
  for (const repository of [...cache.byIndex('Repository', 'secret', name), ...cache.byIndex('Repository', 'adminSecret', name)]) {
    wake.now('Repository', repository.metadata.name);
    for (const host of cache.byIndex('Host', 'repository', repository.metadata.name)) wake.now('Host', host.metadata.name);
    wakeJobsOf(repository.metadata.name, cache, namespace, wake);
  }
  for (const host of cache.byIndex('Host', 'hookSecret', name)) wake.now('Host', host.metadata.name);
  for (const group of cache.byIndex('SourceGroup', 'hookSecret', name)) {
    wake.now('SourceGroup', group.metadata.name);
    for (const host of hostsOf(group, cache, namespace)) wake.now('Host', host.metadata.name);
  }
}

function groupChanged(event: EventOf<'SourceGroup'>, cache: Cache, namespace: string, wake: Wake): void {
  const { name } = event.object.metadata;
  wake.now('SourceGroup', name);
  if (!changed(event, (group) => group.metadata.generation)) return;
  for (const host of both(event, (group) => hostsOf(group, cache, namespace).map((member) => member.metadata.name))) wake.now('Host', host);
  for (const repository of both(event, (group) => hostsOf(group, cache, namespace).map(repositoryOf))) wake.now('Repository', repository);
  for (const schedule of cache.byIndex('Schedule', 'sourceGroup', name)) wake.now('Schedule', schedule.metadata.name);
  for (const job of cache.byIndex('ResticJob', 'sourceGroup', name)) if (!isFinished(job)) wake.now('ResticJob', job.metadata.name);
}

function scheduleChanged(event: EventOf<'Schedule'>, cache: Cache, namespace: string, wake: Wake): void {
  wake.now('Schedule', event.object.metadata.name);
  if (!changed(event, (schedule) => schedule.metadata.generation, changedAt)) return;
  for (const name of both(event, (schedule) => schedule.spec.sourceGroupRefs.map((ref) => ref.name))) {
    wake.now('SourceGroup', name);
    const group = cache.get('SourceGroup', { namespace, name });
    for (const host of group ? hostsOf(group, cache, namespace) : []) wake.now('Host', host.metadata.name);
  }
}

function jobChanged(event: EventOf<'ResticJob'>, cache: Cache, namespace: string, wake: Wake): void {
  const { object } = event;
  wake.now('ResticJob', object.metadata.name);
  if (!changed(event, (job) => job.status?.phase, (job) => job.status?.observed?.phase, (job) => job.spec.cancel, (job) => job.metadata.labels)) return;
  const host = object.spec.hostRef.name;
  // A job that was over long ago goes without a word: who sums jobs up keeps what it has seen.
  const collected = event.type === 'DELETED' && isFinished(object);
  if (!collected) for (const other of cache.byIndex('ResticJob', 'active', host)) wake.now('ResticJob', other.metadata.name);
  wakeQueueOf(object, cache, namespace, wake);

  if (object.spec.type === 'Init') {
    const repository = repositoryNameOf(object, cache.get('Host', { namespace, name: host }));
    if (repository !== undefined) {
      const { url } = cache.get('Repository', { namespace, name: repository })?.spec ?? {};
      for (const name of new Set([repository, ...(url === undefined ? [] : cache.byIndex('Repository', 'storage', addressOf(url)).map(({ metadata }) => metadata.name))])) {
        wake.now('Repository', name);
        wakeJobsOf(name, cache, namespace, wake);
      }
    }
  }
  const broken = object.metadata.labels?.[REPOSITORY_LABEL];
  if (broken !== undefined) wake.now('Repository', broken);
  if (collected || !isFinished(object) || object.spec.type !== 'Backup') return;
  wake.now('Host', host);
  if (object.spec.sourceGroupRef) wake.soon('SourceGroup', object.spec.sourceGroupRef.name);
  const schedule = scheduleOf(object);
  if (schedule !== undefined) wake.soon('Schedule', schedule);
}

function requestChanged(event: EventOf<'EnrollmentRequest'>, cache: Cache, wake: Wake): void {
  const { object } = event;
  wake.now('EnrollmentRequest', object.metadata.name);
  if (!changed(event, (request) => request.status?.phase)) return;
  for (const other of cache.byIndex('EnrollmentRequest', 'hostname', object.spec.hostname.toLowerCase())) wake.now('EnrollmentRequest', other.metadata.name);
  for (const host of cache.byIndex('Host', 'fingerprint', fingerprintOf(object.spec.publicKey))) wake.now('Host', host.metadata.name);
}
