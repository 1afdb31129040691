/** Repositories, live. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import { useObjectStream } from './useObjectStream.js';

export const useRepositories = defineStore('repositories', () => {
  const { byUid, state, refusal } = useObjectStream('Repository');
  const byName = computed(() => new Map([...byUid.value.values()].map((repository) => [repository.metadata.name, repository])));
  return { byUid, byName, state, refusal };
});
