/** Keeps an announcement's status, and removes it an hour after it ran out. Approving is a Host with its fingerprint; nothing is approved here. */
import type { ObjectKey } from '#crds/meta.js';
import { NotFound } from '#crds/objectStore.js';
import { assertNever, decide } from '../../runtime/decide.js';
import { requeueAt, timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { summarize } from '../../status/conditions.js';
import { withStatus } from '../../status/patch.js';
import { gatherEnrollmentFacts } from './facts.js';
import { enrollmentRequestMachine, type EnrollmentPhase } from './machine.js';

export async function reconcileEnrollmentRequest(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const request = ctx.cache.get('EnrollmentRequest', key);
  if (!request || request.metadata.deletionTimestamp) return {};
  const { facts, now, fingerprint, host, collision, expires, removed } = gatherEnrollmentFacts(request, ctx);
  if (now >= removed) {
    try {
      await ctx.store.delete('EnrollmentRequest', key, { ...ctx.writer, preconditions: { uid: request.metadata.uid } });
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
    }
    return {};
  }
  const { phase, actions } = decide(enrollmentRequestMachine, request.status?.phase ?? ('Pending' as EnrollmentPhase), facts);

  return withStatus('EnrollmentRequest', request, ctx, (status, tell) => {
    status.phase = phase;
    status.fingerprint = fingerprint;
    status.expiresTime ??= timestamp(expires);
    for (const action of actions) {
      switch (action.type) {
        case 'announceEnrolled':
          if (host !== undefined) status.hostRef = { name: host };
          tell.event(request, 'Normal', 'Enrolled', `became host ${host ?? ''}`);
          break;
        case 'announceDenied':
          tell.event(request, 'Normal', 'Denied', 'turned away');
          break;
        default:
          assertNever(action);
      }
    }
    if (phase === 'Pending') status.hostnameCollision = collision;
    summarize(status, { type: 'ready' }, { generation: request.metadata.generation, now });
    return requeueAt(now, phase === 'Pending' ? expires : undefined, removed);
  });
}
