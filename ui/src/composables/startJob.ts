/** A button that starts work on a host: pending until the job is there, then on to its live log. */
import { useRouter } from 'vue-router';
import type { RunReply } from '#crds/operator/operator.gen.js';
import { useJobs } from '../stores/jobs.js';
import { useToasts } from '../stores/toasts.js';
import { useAction, type Action } from './action.js';

export interface StartSteps<Args extends unknown[]> {
  /** What a failure's toast is titled. */
  failed: (...args: Args) => string;
  call: (...args: Args) => Promise<RunReply>;
  /** The host it runs on, for several jobs at once. */
  host?: (...args: Args) => string;
}

export function useStartJob<Args extends unknown[]>({ failed, call, host }: StartSteps<Args>): Action<Args> {
  const jobs = useJobs();
  const toasts = useToasts();
  const router = useRouter();
  const ids = (reply: RunReply): string[] => reply.job_ids ?? [reply.job_id];
  return useAction<Args, RunReply>({
    failed, call,
    shown: (reply, ..._args: Args) => ids(reply).every((id) => jobs.find(id) !== undefined),
    done: (reply, ...args) => {
      const started = ids(reply);
      const where = host?.(...args);
      if (started.length > 1 && where !== undefined) toasts.show('ok', `${started.length} backups started on ${where}`, 'One per source group; they run one after the other.', `/hosts/${where}`);
      void router.push(`/jobs/${started[0] ?? reply.job_id}`);
    },
  });
}
