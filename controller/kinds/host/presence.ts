/** Whether a host's agent is there: its connection is set and the gateway that holds it renews its Lease. */
import type { Host, Lease } from '#crds/kinds.js';
import { parseTime } from '../../runtime/time.js';
import type { Cache } from '../../runtime/types.js';

/** After a start the last known state holds this long. */
export const GRACE_MS = 120_000;
/** Lease time when the Lease does not say. */
const LEASE_SECONDS = 40;

export function gatewayLease(gateway: string): string {
  return `gateway-${gateway}`;
}

/** When a Lease ends unless renewed, epoch ms; 0 for one that was given up. */
export function leaseEnd(lease: Pick<Lease, 'spec'>): number {
  if (lease.spec.holderIdentity === '') return 0;
  return (parseTime(lease.spec.renewTime) ?? 0) + (lease.spec.leaseDurationSeconds ?? LEASE_SECONDS) * 1000;
}

export function isConnected(host: Pick<Host, 'status'>, { cache, namespace, now }: { cache: Cache; namespace: string; now: number }): boolean {
  const gateway = host.status?.connection?.gateway;
  if (gateway === undefined) return false;
  const lease = cache.get('Lease', { namespace, name: gatewayLease(gateway) });
  return lease !== undefined && leaseEnd(lease) > now;
}
