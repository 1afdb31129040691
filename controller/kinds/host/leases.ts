/**
 * Wakes the hosts of a gateway when its Lease comes to life or ends. One timer per Lease; renewals in between wake nobody,
 * and no host needs a timer of its own.
 */
import type { Lease } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { gatewayLease, leaseEnd } from './presence.js';
import type { Clock } from '../../ports.js';
import { MAX_DELAY } from '../../runtime/queue.js';
import type { Cache, CacheEvent } from '../../runtime/types.js';

export interface LeaseWatch {
  onChange(event: CacheEvent): void;
  resync(): void;
  stop(): void;
}

export function watchLeases({ cache, clock, wakeGateway }: { cache: Cache; clock: Clock; wakeGateway: (gateway: string) => void }): LeaseWatch {
  const prefix = gatewayLease('');
  const timers = new Map<string, () => void>();

  function disarm(name: string): void {
    timers.get(name)?.();
    timers.delete(name);
  }

  function arm(lease: Stored<Lease>): void {
    const { name } = lease.metadata;
    disarm(name);
    const end = leaseEnd(lease);
    if (end <= clock.now()) return;
    timers.set(name, clock.setTimer(Math.min(end - clock.now(), MAX_DELAY), () => {
      timers.delete(name);
      const present = cache.get('Lease', { namespace: lease.metadata.namespace, name });
      if (present && leaseEnd(present) > clock.now()) arm(present);
      else wakeGateway(name.slice(prefix.length));
    }));
  }

  return {
    onChange(event) {
      if (event.kind !== 'Lease' || !event.object.metadata.name.startsWith(prefix)) return;
      const { name } = event.object.metadata;
      const now = clock.now();
      const lived = event.old !== undefined && leaseEnd(event.old) > now;
      const lives = event.type !== 'DELETED' && leaseEnd(event.object) > now;
      if (lives) arm(event.object); else disarm(name);
      if (lived !== lives) wakeGateway(name.slice(prefix.length));
    },
    resync() {
      for (const lease of cache.list('Lease')) if (lease.metadata.name.startsWith(prefix)) arm(lease);
    },
    stop() {
      for (const name of [...timers.keys()]) disarm(name);
    },
  };
}
