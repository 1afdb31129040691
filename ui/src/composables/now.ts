/** One clock for the page: every relative time ticks together, once a second, and only while somebody looks. */
import { onScopeDispose, readonly, ref, type Ref } from 'vue';

const now = ref(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow(): Readonly<Ref<number>> {
  users++;
  timer ??= setInterval(() => { if (document.visibilityState === 'visible') now.value = Date.now(); }, 1000);
  onScopeDispose(() => {
    if (--users > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  return readonly(now);
}
