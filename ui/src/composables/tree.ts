/** One directory of a snapshot at a time, read when it is opened; what was read stays until the dialog closes. */
import { computed, ref, shallowReactive, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import type { TreeItem } from '#crds/operator/operator.gen.js';
import { asFailure, type ApiFailure } from '../api/client.js';
import { operator } from '../api/operator.js';

interface Directory { items: TreeItem[]; next: string | null }

export interface Tree {
  path: Ref<string>;
  items: ComputedRef<TreeItem[]>;
  more: ComputedRef<boolean>;
  loading: Ref<boolean>;
  failure: ShallowRef<ApiFailure | undefined>;
  loadMore(): Promise<void>;
}

export function useTree(host: string, snapshot: string): Tree {
  const path = ref('/');
  const known = shallowReactive(new Map<string, Directory>());
  const loading = ref(false);
  const failure = shallowRef<ApiFailure>();
  const here = computed(() => known.get(path.value));

  async function read(directory: string): Promise<void> {
    const before = known.get(directory);
    loading.value = true;
    failure.value = undefined;
    try {
      const page = await operator.tree(host, snapshot, directory, before?.next ?? undefined);
      known.set(directory, { items: [...(before?.items ?? []), ...page.items], next: page.next });
    } catch (thrown) {
      failure.value = asFailure(thrown);
    } finally {
      loading.value = false;
    }
  }

  watch(path, (directory) => { failure.value = undefined; if (!known.has(directory)) void read(directory); }, { immediate: true });
  return { path, items: computed(() => here.value?.items ?? []), more: computed(() => typeof here.value?.next === 'string'), loading, failure, loadMore: () => read(path.value) };
}
