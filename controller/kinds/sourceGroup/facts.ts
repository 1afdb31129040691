/** Reads everything a source group's status depends on. */
import type { SourceGroup } from '#crds/kinds.js';
import { keyText, type Stored } from '#crds/meta.js';
import { hookProblem } from '../../plan/hooks.js';
import { hostsOf } from '../../plan/select.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { conditionOf } from '../../status/conditions.js';
import type { GroupFacts } from './machine.js';
import { alignmentOf, retentionText } from './retention.js';

export interface GatheredGroup {
  facts: GroupFacts;
  now: number;
  matchedHosts: number;
  /** End of the newest backup that was complete, epoch ms. */
  lastBackup?: number;
  retention: string;
  alignment: ReturnType<typeof alignmentOf>;
}

export function gatherGroupFacts(group: Stored<SourceGroup>, ctx: ReconcileContext): GatheredGroup {
  const { cache, namespace, clock, nextFire } = ctx;
  const { name } = group.metadata;
  const now = clock.now();
  const matchedHosts = hostsOf(group, cache, namespace).length;
  let lastBackup = parseTime(group.status?.lastBackupTime);
  for (const job of cache.byIndex('ResticJob', 'sourceGroup', name)) {
    // What skipped files is no backup of the group, and a dry run is none at all.
    if (job.status?.phase !== 'Succeeded' || job.status.reason === 'AlreadyRan' || job.spec.dryRun || conditionOf(job, 'Complete')?.status === 'False') continue;
    const at = parseTime(job.status.completionTime);
    if (at !== undefined && (lastBackup === undefined || at > lastBackup)) lastBackup = at;
  }
  const missing: GroupFacts['problem'] = group.spec.hostRef !== undefined && matchedHosts === 0
    ? { reason: 'HostNotFound', message: `Host ${keyText({ namespace, name: group.spec.hostRef.name })} (spec.hostRef) does not exist` } : undefined;
  return {
    facts: { problem: missing ?? hookProblem(group.spec.hooks, ctx) }, now, matchedHosts, lastBackup,
    retention: retentionText(group), alignment: alignmentOf(group, cache.byIndex('Schedule', 'sourceGroup', name), { now, nextFire }),
  };
}
