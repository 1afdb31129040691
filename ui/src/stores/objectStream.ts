/**
 * What every kind's store is made of: a live Map by uid, fed by one watch, and how fresh it is. Changes that arrive close
 * together become one update of the page, so that a restart storm of ten thousand hosts does not sort the table ten thousand times.
 */
import { ref, shallowRef, triggerRef, type Ref, type ShallowRef } from 'vue';
import type { KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { LinkState, WatchHandler } from '../api/live.js';

export type StreamState = LinkState;
/** One frame at 60 Hz looks immediate; a fleet of ten thousand is redrawn twice a second, so that reading it stays possible. */
const batchMs = (objects: number): number => Math.min(500, Math.max(16, objects / 20));

export interface ObjectStream<T> {
  byUid: ShallowRef<Map<string, T>>;
  state: Ref<StreamState>;
  /** Why the server refuses this watch (a role that may not see the kind), or ''. */
  refusal: Ref<string>;
}

export interface Watcher {
  watch(kind: string, handler: WatchHandler): () => void;
}

/** The objects of one kind, live and resumable. `state` is connecting until the first full list, stale while the link is down. */
export function objectStream<K extends keyof KindMap>(kind: K, watcher: Watcher, later: (run: () => void, ms: number) => void = (run, ms) => { setTimeout(run, ms); }): ObjectStream<Stored<KindMap[K]>> {
  type T = Stored<KindMap[K]>;
  const byUid = shallowRef(new Map<string, T>());
  const state = ref<StreamState>('connecting');
  const refusal = ref('');
  let scheduled = false;
  const changed = (): void => {
    if (scheduled) return;
    scheduled = true;
    later(() => { scheduled = false; triggerRef(byUid); }, batchMs(byUid.value.size));
  };
  watcher.watch(kind, {
    replace(items) {
      byUid.value = new Map((items as unknown as T[]).map((item) => [item.metadata.uid, item]));
    },
    event(type, object) {
      if (type === 'DELETED') byUid.value.delete(object.metadata.uid);
      else byUid.value.set(object.metadata.uid, object as unknown as T);
      changed();
    },
    state(next) { state.value = next; },
    refused(_code, message) { refusal.value = message; },
  });
  return { byUid, state, refusal };
}
