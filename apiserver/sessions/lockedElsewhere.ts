/**
 * Only the runner tells of the locks in its repository. A job of another host that was kept out by one makes it look, so that
 * people see who holds it and can unlock. Missed while the runner is away, it looks when it connects.
 */
import type { CacheEvent } from '#controller/runtime/types.js';
import { resolveRunner } from '#controller/plan/runner.js';
import { repositoryNameOf } from '#controller/runtime/jobs.js';
import type { SessionContext } from './types.js';

/** Name of the host that is to look, when this change is the end of such a job. */
export function runnerToLook(event: Extract<CacheEvent, { kind: 'ResticJob' }>, { informers: { cache }, namespace }: Pick<SessionContext, 'informers' | 'namespace'>): string | undefined {
  const { object, old } = event;
  if (object.status?.phase !== 'Failed' || object.status.reason !== 'RepositoryLocked' || old === undefined || old.status?.phase === 'Failed') return undefined;
  const host = cache.get('Host', { namespace, name: object.spec.hostRef.name });
  const repository = cache.get('Repository', { namespace, name: repositoryNameOf(object, host) ?? '' });
  const runner = repository && resolveRunner(repository, { cache, namespace });
  return runner?.ok && runner.host.metadata.name !== object.spec.hostRef.name ? runner.host.metadata.name : undefined;
}
