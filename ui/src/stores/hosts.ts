/** Hosts, live. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import { useObjectStream } from './useObjectStream.js';

export const useHosts = defineStore('hosts', () => {
  const { byUid, state, refusal } = useObjectStream('Host');
  const byName = computed(() => new Map([...byUid.value.values()].map((host) => [host.metadata.name, host])));
  return { byUid, byName, state, refusal };
});
