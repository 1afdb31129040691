/** The forget that the guard holds, waiting for a person (X6). */
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { MaintenanceItem } from '#crds/operator/operator.gen.js';
import type { Cache } from '#controller/runtime/types.js';
import { conditionOf } from '#controller/status/conditions.js';

/** Of the newest Forget that held something; null while the condition ApprovalRequired does not say that one waits. */
export function heldPlan(repository: Stored<Repository>, cache: Cache): MaintenanceItem['approval'] {
  const condition = conditionOf(repository, 'ApprovalRequired');
  if (condition?.status !== 'True') return null;
  const [newest] = cache.byIndex('Host', 'repository', repository.metadata.name).flatMap((host) => cache.byIndex('ResticJob', 'host', host.metadata.name))
    .filter((job) => job.spec.type === 'Forget' && job.status?.forgetPlan?.hash !== undefined)
    .sort((a, b) => ((a.status?.completionTime ?? '') < (b.status?.completionTime ?? '') ? 1 : -1));
  const plan = newest?.status?.forgetPlan;
  return plan?.hash === undefined ? null : { plan_hash: plan.hash, reason: condition.reason, message: condition.message, remove: plan.remove ?? null, of: plan.of ?? null };
}
