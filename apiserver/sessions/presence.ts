/**
 * Host.status.connection: written once per connect, cleared at disconnect over one's own sessionID only, and cleared for
 * sessions that a restart left behind. Heartbeats are memory only.
 */
import { Conflict, NotFound, type MergePatch } from '#crds/objectStore.js';
import { keyOf, type ObjectKey } from '#crds/meta.js';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import type { Pacer } from './pace.js';
import type { SessionContext, StoredHost } from './types.js';

/** After a start the last known state holds this long, so that hosts that come back cause no change (Presence). */
export const START_GRACE_MS = 120_000;

/** Status as hello tells it. Absent members are set to null, which removes what an earlier agent said. */
export function connectPatch(context: SessionContext, hello: Hello, sessionID: string, recordKey: boolean): MergePatch {
  const sameEpoch = hello.storeEpoch === context.epoch;
  return {
    connection: { gateway: context.gatewayName, sessionID, since: new Date(context.clock.now()).toISOString() },
    agent: {
      version: hello.agentVersion, protocolVersion: hello.protocolVersion, os: hello.os, arch: hello.arch, hostname: hello.hostname,
      timeZone: hello.timeZone, resticVersion: hello.resticVersion ?? null, capabilities: hello.capabilities, machineId: hello.machineId ?? null,
      ...(recordKey ? { publicKey: hello.publicKey } : {}),
    },
    appliedRevision: hello.appliedRevision ?? null,
    // Generations of another store epoch say nothing about this one's.
    appliedGeneration: sameEpoch ? hello.appliedGeneration ?? null : null,
  };
}

export interface HostStatusWriter {
  /** Merges into what is still to be written. `through` spreads the write (pacing). */
  patch(patch: MergePatch, through?: Pacer): void;
}

/** One write at a time, later values win, tried again while the session lives: a host must not look offline because a disk was full for a second. */
export function createHostStatusWriter(context: SessionContext, key: ObjectKey, alive: () => boolean): HostStatusWriter {
  const { store, log } = context;
  let wanted: MergePatch = {};
  let running: Promise<void> | undefined;
  async function flush(through: Pacer): Promise<void> {
    for (let delay = 250; Object.keys(wanted).length > 0 && alive(); delay = Math.min(delay * 2, 30_000)) {
      const patch = wanted;
      wanted = {};
      try {
        await through(() => store.patchStatus('Host', key, patch, context.writer(key.name)));
        delay = 125;
      } catch (error) {
        if (error instanceof NotFound) return;
        log.warn({ host: key.name, error: String(error) }, 'cannot write the status of a host now');
        wanted = { ...patch, ...wanted };
        await new Promise<void>((resolve) => { context.clock.setTimer(delay, resolve); });
      }
    }
  }
  return {
    patch(patch, through = (work) => work()) {
      wanted = { ...wanted, ...patch };
      running ??= flush(through).finally(() => { running = undefined; });
    },
  };
}

/** Removes the connection if it is still the one `holds` speaks of. Ends when it is gone or another's. */
export async function clearConnection(context: SessionContext, key: ObjectKey, holds: (host: StoredHost) => boolean): Promise<void> {
  const { store, clock } = context;
  for (;;) {
    let host: StoredHost;
    try {
      host = await store.get('Host', key);
      if (!holds(host)) return;
      await store.patchStatus('Host', key, { connection: null, lastSeenTime: new Date(clock.now()).toISOString() }, { ...context.writer(key.name), resourceVersion: host.metadata.resourceVersion });
      return;
    } catch (error) {
      if (error instanceof NotFound) return;
      if (!(error instanceof Conflict)) throw error;
    }
  }
}

/** Tried again until it is written or `wanted` says no: nothing else would clear it while this gateway lives. */
export async function writeDisconnect(context: SessionContext, key: ObjectKey, sessionID: string, wanted: () => boolean): Promise<void> {
  for (let delay = 250; wanted(); delay = Math.min(delay * 2, 30_000)) {
    try {
      await clearConnection(context, key, (host) => host.status?.connection?.sessionID === sessionID);
      return;
    } catch (error) {
      context.log.warn({ host: key.name, error: String(error) }, 'cannot write a disconnect now');
      await new Promise<void>((resolve) => { context.clock.setTimer(delay, resolve); });
    }
  }
}

/** Clears what an earlier process of this name left and no agent came back to. Once, START_GRACE_MS after the start. */
export async function sweepStale(context: SessionContext, isHeld: (sessionID: string) => boolean): Promise<void> {
  const { informers, gatewayName, pace, log } = context;
  const stale = (host: StoredHost): boolean => {
    const connection = host.status?.connection;
    return connection?.gateway === gatewayName && !isHeld(connection.sessionID);
  };
  for (const host of informers.cache.byIndex('Host', 'gateway', gatewayName).filter(stale)) {
    await pace(() => clearConnection(context, keyOf(host), stale)).catch((error: unknown) => {
      log.warn({ host: host.metadata.name, error: String(error) }, 'cannot clear a connection of an earlier start');
    });
  }
}
