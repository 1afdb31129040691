/**
 * Sends the host its plan: only when this process's own compilation has exactly the revision the host reconciler wrote,
 * so that a lagging cache never pushes an old plan, and only when it differs from what the agent has.
 */
import { compilePlan } from '#controller/plan/compile.js';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import { MAX_FRAME_BYTES } from '#crds/wire/frames.js';
import type { Link } from './link.js';
import type { SessionContext, StoredHost } from './types.js';

export interface PlanPush {
  /** Level-triggered: looks at the caches as they are now. */
  evaluate(host: StoredHost): void;
  /** True while the caches did not yet give the wanted revision: try again when plan objects change. */
  waiting(): boolean;
}

/** @param epoch the store's, as this agent is told it */
export function createPlanPush(context: SessionContext, link: Link, hello: Hello, epoch: string): PlanPush {
  const { informers: { cache }, planKey, namespace, log } = context;
  const sameEpoch = hello.storeEpoch === epoch;
  // The generation counts only within one store epoch, so after a change of epoch the plan goes out even if it is the same.
  let last = sameEpoch && hello.appliedRevision !== undefined ? { revision: hello.appliedRevision, generation: hello.appliedGeneration ?? -1 } : undefined;
  let waiting = false;
  return {
    evaluate(host) {
      const { desiredRevision: revision, planGeneration: generation = 0 } = host.status ?? {};
      waiting = false;
      if (revision === undefined || (last?.revision === revision && last.generation === generation)) return;
      const compiled = compilePlan(host.metadata.name, { cache, planKey, namespace });
      if (!compiled.ok || compiled.revision !== revision) { waiting = true; return; }
      const payload = { revision, generation, plan: compiled.plan };
      if (Buffer.byteLength(JSON.stringify(payload)) > MAX_FRAME_BYTES - 1024) { log.error({ host: host.metadata.name, revision }, 'plan is over 1 MiB and cannot be sent'); return; }
      last = { revision, generation };
      link.send('plan.set', payload);
      log.debug({ host: host.metadata.name, revision, generation }, 'plan sent');
    },
    waiting: () => waiting,
  };
}
