/** The tab's one live channel, and its state for the header. */
import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import { createLive, type LinkState, type LiveClient, type LiveSocket } from '../api/live.js';
import { useSession } from './session.js';

export const useLive = defineStore('live', () => {
  const state = ref<LinkState>('connecting');
  const since = ref(Date.now());
  const client = shallowRef<LiveClient>();

  /** The client, created at first use: only pages that show live data open the socket. */
  function channel(): LiveClient {
    if (client.value) return client.value;
    const session = useSession();
    const made = createLive({
      open: () => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live`) as unknown as LiveSocket,
      sessionGood: () => session.stillGood(),
      onSessionLost: () => { session.lost(); },
      onState: (next) => { state.value = next; since.value = Date.now(); },
    });
    client.value = made;
    addEventListener('online', () => { made.wake(); });
    document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') made.wake(); });
    return made;
  }

  return { state, since, channel };
});
