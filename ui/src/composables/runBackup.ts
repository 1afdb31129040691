/** "Run now": starts a group or a schedule on a host. */
import { operator } from '../api/operator.js';
import type { Action } from './action.js';
import { useStartJob } from './startJob.js';

export type RunTarget = { host: string; group: string } | { host: string; schedule: string };

export function useRunBackup(): Action<[RunTarget]> {
  return useStartJob<[RunTarget]>({
    failed: (target) => `No backup was started on ${target.host}`,
    call: (target) => ('group' in target ? operator.runGroup(target.host, target.group) : operator.runSchedule(target.host, target.schedule)),
    host: (target) => target.host,
  });
}
