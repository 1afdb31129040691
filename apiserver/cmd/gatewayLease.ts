/**
 * This process's sign of life: a Lease renewed every 10 s, good for 40 s. Hosts connected here are online while it lives.
 * Found by the gateway's name, which is what Host.status.connection.gateway holds.
 */
import { newObject } from '#crds/kinds.js';
import { NotFound, type ObjectStore, type Writer } from '#crds/objectStore.js';
import { gatewayLease } from '#controller/kinds/host/presence.js';
import type { Clock, Log } from '#controller/ports.js';

const RENEW_MS = 10_000;
/** After a failure: the Lease must not run out because a disk was full for a moment. */
const RETRY_MS = 1_000;
const DURATION_SECONDS = 40;
const writer: Writer = { principal: { name: 'system:gateway', role: 'system' }, door: 'system', fieldManager: 'restic-manager-gateway' };

export interface GatewayLease { stop(): void }

/** Resolves after the first renewal is durable. A failed renewal is tried again a second later. */
export async function keepGatewayLease({ store, namespace, gatewayName, clock, log }: { store: ObjectStore; namespace: string; gatewayName: string; clock: Clock; log: Log }): Promise<GatewayLease> {
  const key = { namespace, name: gatewayLease(gatewayName) };
  const acquireTime = microTime(clock.now());
  let cancel: (() => void) | undefined;
  let stopped = false;

  async function renew(): Promise<void> {
    const spec = { holderIdentity: gatewayName, leaseDurationSeconds: DURATION_SECONDS, acquireTime, renewTime: microTime(clock.now()) };
    try {
      const { metadata } = await store.get('Lease', key);
      await store.update('Lease', newObject('Lease', { name: metadata.name, namespace: metadata.namespace }, { spec }), writer);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      await store.create('Lease', newObject('Lease', { ...key }, { spec }), writer);
    }
  }

  function later(ms: number): void {
    if (stopped) return;
    cancel = clock.setTimer(ms, () => {
      renew().then(() => { later(RENEW_MS); }, (error: unknown) => {
        log.warn({ error: String(error) }, 'the gateway lease could not be renewed');
        later(RETRY_MS);
      });
    });
  }

  await renew();
  later(RENEW_MS);
  return { stop() { stopped = true; cancel?.(); } };
}

/** metav1.MicroTime. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
