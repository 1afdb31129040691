/** The log of one job as it grows: every line once, in order, surviving reload and a lost link. Updates the page in batches. */
import { onScopeDispose, ref, shallowRef, triggerRef, type Ref, type ShallowRef } from 'vue';
import type { LogLine } from '../api/live.js';
import { useLive } from '../stores/live.js';

const BATCH_MS = 50;

export interface JobLog {
  lines: ShallowRef<LogLine[]>;
  /** The server said that every line was sent. */
  ended: Ref<boolean>;
  refusal: Ref<string>;
}

/** @param job uid or name */
export function useJobLog(job: string): JobLog {
  const lines = shallowRef<LogLine[]>([]);
  const ended = ref(false);
  const refusal = ref('');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = useLive().channel().tail(job, {
    lines(fresh) {
      for (const line of fresh) lines.value.push(line);
      timer ??= setTimeout(() => { timer = undefined; triggerRef(lines); }, BATCH_MS);
    },
    end() { ended.value = true; },
    refused(_code, message) { refusal.value = message; },
  });
  onScopeDispose(() => { stop(); clearTimeout(timer); });
  return { lines, ended, refusal };
}
