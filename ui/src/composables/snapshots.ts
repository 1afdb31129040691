/**
 * Snapshots of a host, by pages from the records (they are no objects). Read again when an object says that they changed: the
 * count of the repository, the host's last backup, the end of a forget.
 */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import type { SnapshotItem, SnapshotList } from '#crds/operator/operator.gen.js';
import { asFailure, type ApiFailure } from '../api/client.js';
import { operator } from '../api/operator.js';

const PAGE = 50;

export interface Snapshots {
  items: ShallowRef<SnapshotItem[]>;
  /** Of the newest page; undefined until it is there. */
  list: ShallowRef<SnapshotList | undefined>;
  failure: ShallowRef<ApiFailure | undefined>;
  loading: Ref<boolean>;
  more: Ref<boolean>;
  loadMore(): Promise<void>;
}

/** `hostname` is restic's host, undefined: this host's own; `path` and `before` as the API takes them. */
export interface SnapshotFilter { hostname?: string; path?: string; before?: string }

/** @param stamp changes when there may be others than those shown */
export function useSnapshots(host: () => string, filter: () => SnapshotFilter, stamp: () => string): Snapshots {
  const items = shallowRef<SnapshotItem[]>([]);
  const list = shallowRef<SnapshotList>();
  const failure = shallowRef<ApiFailure>();
  const loading = ref(false);
  const next = ref<string>();
  let turn = 0;

  async function load(after: string | undefined): Promise<void> {
    const own = ++turn;
    loading.value = true;
    try {
      const page = await operator.snapshots(host(), { limit: PAGE, ...filter(), after });
      if (own !== turn) return;
      failure.value = undefined;
      if (after === undefined) list.value = page;
      items.value = after === undefined ? page.items : [...items.value, ...page.items];
      next.value = page.next ?? undefined;
    } catch (thrown) {
      if (own === turn) failure.value = asFailure(thrown);
    } finally {
      if (own === turn) loading.value = false;
    }
  }

  watch([host, () => JSON.stringify(filter()), stamp], () => load(undefined), { immediate: true });
  onScopeDispose(() => { turn += 1; });
  return { items, list, failure, loading, more: computed(() => next.value !== undefined), loadMore: () => load(next.value) };
}
