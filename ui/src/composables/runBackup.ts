/** "Run now": starts a group or a schedule on a host and goes to the live log once the job is there. */
import { useRouter } from 'vue-router';
import type { RunReply } from '#crds/operator/operator.gen.js';
import { operator } from '../api/operator.js';
import { useJobs } from '../stores/jobs.js';
import { useToasts } from '../stores/toasts.js';
import { useAction, type Action } from './action.js';

export type RunTarget = { host: string; group: string } | { host: string; schedule: string };

export function useRunBackup(): Action<[RunTarget]> {
  const jobs = useJobs();
  const toasts = useToasts();
  const router = useRouter();
  const ids = (reply: RunReply): string[] => reply.job_ids ?? [reply.job_id];
  return useAction<[RunTarget], RunReply>({
    failed: (target) => `No backup was started on ${target.host}`,
    call: (target) => ('group' in target ? operator.runGroup(target.host, target.group) : operator.runSchedule(target.host, target.schedule)),
    shown: (reply) => ids(reply).every((id) => jobs.find(id) !== undefined),
    done: (reply, target) => {
      const started = ids(reply);
      if (started.length > 1) toasts.show('ok', `${started.length} backups started on ${target.host}`, 'One per source group; they run one after the other.', `/hosts/${target.host}`);
      void router.push(`/jobs/${started[0] ?? reply.job_id}`);
    },
  });
}
