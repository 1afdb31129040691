/** Reads everything a source group's status depends on. */
import type { SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { hostsOf } from '../../plan/select.js';
import { isFinished } from '../../runtime/indexes.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import type { GroupFacts } from './machine.js';

export interface GatheredGroup {
  facts: GroupFacts;
  now: number;
  matchedHosts: number;
  /** End of the newest backup that succeeded, epoch ms. */
  lastBackup?: number;
}

export function gatherGroupFacts(group: Stored<SourceGroup>, ctx: ReconcileContext): GatheredGroup {
  const matchedHosts = hostsOf(group, ctx.cache, ctx.namespace).length;
  let lastBackup = parseTime(group.status?.lastBackupTime);
  for (const job of ctx.cache.byIndex('ResticJob', 'sourceGroup', group.metadata.name)) {
    if (!isFinished(job) || job.status?.phase !== 'Succeeded' || job.status.reason === 'AlreadyRan') continue;
    const at = parseTime(job.status.completionTime);
    if (at !== undefined && (lastBackup === undefined || at > lastBackup)) lastBackup = at;
  }
  return { facts: { resolved: group.spec.hostRef === undefined || matchedHosts > 0 }, now: ctx.clock.now(), matchedHosts, lastBackup };
}
