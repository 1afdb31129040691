/** The forget that the guard holds, waiting for a person (X6): the same one that the reconciler takes an approval for. */
import type { Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { MaintenanceItem } from '#crds/operator/operator.gen.js';
import { heldPlanOf, lastRunOf, upkeepJobs } from '#controller/kinds/repository/upkeep.js';
import type { Cache } from '#controller/runtime/types.js';

/** Null: nothing waits. */
export function heldPlan(repository: Stored<Repository>, cache: Cache): MaintenanceItem['approval'] {
  const held = heldPlanOf(lastRunOf('forget', repository, upkeepJobs(repository, cache)).job);
  if (!held) return null;
  return { plan_hash: held.hash, reason: held.reasons[0] ?? 'ApprovalRequired', message: held.job.status?.message ?? '', remove: held.remove, of: held.of };
}
