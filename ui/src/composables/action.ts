/**
 * A button's life: pending from the click until the *object* shows the change, not until the HTTP reply. The server's
 * message lands in `failure` (for the place that caused it) and in a toast.
 */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { asFailure, type ApiFailure } from '../api/client.js';
import { useToasts } from '../stores/toasts.js';

/** How long an accepted change may take to show; afterwards the button is given back and says so. */
const SHOW_WITHIN_MS = 15_000;

export interface Action<Args extends unknown[]> {
  pending: Ref<boolean>;
  failure: ShallowRef<ApiFailure | undefined>;
  run(...args: Args): Promise<void>;
  /** The message for one request field, or ''. */
  fieldMessage(field: string): string;
}

export interface ActionSteps<Args extends unknown[], Reply> {
  /** What a failure's toast is titled, e.g. "web1 was not accepted". */
  failed: (...args: Args) => string;
  call: (...args: Args) => Promise<Reply>;
  /** True once the live objects show the change; read reactively. */
  shown?: (reply: Reply, ...args: Args) => boolean;
  done?: (reply: Reply, ...args: Args) => void;
}

export function useAction<Args extends unknown[], Reply>(steps: ActionSteps<Args, Reply>): Action<Args> {
  const toasts = useToasts();
  const pending = ref(false);
  const failure = shallowRef<ApiFailure>();
  const endings = new Set<() => void>();
  let left = false;
  /** The notice of the last failure; a new try makes it history. */
  let told: number | undefined;
  onScopeDispose(() => { left = true; for (const end of endings) end(); });

  async function run(...args: Args): Promise<void> {
    if (pending.value) return;
    pending.value = true;
    failure.value = undefined;
    if (told !== undefined) toasts.dismiss(told);
    told = undefined;
    try {
      const reply = await steps.call(...args);
      if (await appears(() => steps.shown?.(reply, ...args) ?? true)) steps.done?.(reply, ...args);
      else if (!left) toasts.show('info', 'Accepted, not visible yet', 'The server accepted this, but the change has not shown up. It will appear here by itself.');
    } catch (thrown) {
      failure.value = asFailure(thrown);
      told = toasts.show('bad', steps.failed(...args), failure.value.message);
    } finally {
      pending.value = false;
    }
  }

  function appears(shown: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (seen: boolean): void => { stop(); clearTimeout(timer); endings.delete(abandon); resolve(seen); };
      const abandon = (): void => { end(false); };
      const timer = setTimeout(abandon, SHOW_WITHIN_MS);
      let stop = (): void => undefined;
      endings.add(abandon);
      stop = watch(shown, (seen) => { if (seen) queueMicrotask(() => { end(true); }); }, { immediate: true });
    });
  }

  return { pending, failure, run, fieldMessage: (field) => failure.value?.fields[field] ?? '' };
}
