/** Announcing agents, live. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import { useObjectStream } from './useObjectStream.js';

export const useEnrollmentRequests = defineStore('enrollmentRequests', () => {
  const { byUid, state, refusal } = useObjectStream('EnrollmentRequest');
  /** Those that wait for a decision; oldest first, so that a form does not move while it is filled in. */
  const pending = computed(() => [...byUid.value.values()]
    .filter((request) => (request.status?.phase ?? 'Pending') === 'Pending' && !request.spec.denied)
    .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) || a.metadata.name.localeCompare(b.metadata.name)));
  return { byUid, pending, state, refusal };
});
