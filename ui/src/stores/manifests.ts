/** The manifest directory as the server last told it: what is declared, what is wrong, what waits for a person. */
import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { ManifestsStatus } from '#crds/operator/operator.gen.js';
import type { LinkState } from '../api/live.js';
import { useLive } from './live.js';

export const useManifests = defineStore('manifests', () => {
  const status = shallowRef<ManifestsStatus>();
  const state = ref<LinkState>('connecting');
  /** Why the server tells this role nothing, or ''. */
  const refusal = ref('');
  useLive().channel().manifests({
    status(next) { status.value = next as ManifestsStatus; },
    state(next) { state.value = next; },
    refused(_code, message) { refusal.value = message; },
  });
  return { status, state, refusal };
});
