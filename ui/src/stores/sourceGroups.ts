/** Source groups, live, with the question every page asks: which of them back up this host. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import type { Host, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { matchesSelector } from '#crds/selectors.js';
import { useObjectStream } from './useObjectStream.js';

export const useSourceGroups = defineStore('sourceGroups', () => {
  const { byUid, state, refusal } = useObjectStream('SourceGroup');
  const byName = computed(() => new Map([...byUid.value.values()].map((group) => [group.metadata.name, group])));
  const byHostRef = computed(() => {
    const map = new Map<string, Stored<SourceGroup>[]>();
    for (const group of byUid.value.values()) {
      const name = group.spec.hostRef?.name;
      if (!name) continue;
      const list = map.get(name);
      if (list) list.push(group);
      else map.set(name, [group]);
    }
    return map;
  });
  const selecting = computed(() => [...byUid.value.values()].filter((group) => group.spec.hostSelector));

  /** Groups of one host: those that name it and those whose selector matches its labels; by name. */
  function ofHost(host: Host): Stored<SourceGroup>[] {
    const named = byHostRef.value.get(host.metadata.name) ?? [];
    const selected = selecting.value.filter((group) => group.spec.hostSelector && matchesSelector(group.spec.hostSelector, host.metadata.labels));
    return [...named, ...selected].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  }
  return { byUid, byName, ofHost, state, refusal };
});
