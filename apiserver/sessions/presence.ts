/**
 * Host.status.connection: written once per connect, cleared when the agent stays away, over a session of this gateway only,
 * and cleared for sessions that a restart left behind. Heartbeats are memory only.
 */
import { Conflict, NotFound, type MergePatch } from '#crds/objectStore.js';
import { keyOf, type ObjectKey } from '#crds/meta.js';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import type { Pacer } from './pace.js';
import type { SessionContext, StoredHost } from './types.js';

/** After a start the last known state holds this long, so that hosts that come back cause no change (Presence). */
export const START_GRACE_MS = 120_000;

/** An agent whose socket broke gets this long to come back, its first tries: a proxy that reloads must not make a fleet flap. */
export const RETURN_MS = 5_000;
/** Closed by an agent that stops (1000), or by us after 90 s of silence (1001): nobody is about to come back. */
const FINAL_CODES = new Set([1000, 1001]);

/** How long to wait for the agent of a connection that closed with this code. */
export function returnMs(code: number): number {
  return FINAL_CODES.has(code) ? 0 : RETURN_MS;
}

/**
 * Status as hello tells it. Absent members are set to null, which removes what an earlier agent said.
 * @param epoch the store's, as this agent is told it
 */
export function connectPatch(context: SessionContext, hello: Hello, sessionID: string, { recordKey, epoch }: { recordKey: boolean; epoch: string }): MergePatch {
  const sameEpoch = hello.storeEpoch === epoch;
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
  /** Resolves when nothing is being written any more: with the session over, nothing more is begun. */
  stopped(): Promise<void>;
}

/** One write at a time, later values win, tried again while the session lives: a host must not look offline because a disk was full for a second. */
export function createHostStatusWriter(context: SessionContext, key: ObjectKey, alive: () => boolean): HostStatusWriter {
  const { store, log } = context;
  let wanted: MergePatch = {};
  let running: Promise<void> | undefined;
  let writing: Promise<unknown> = Promise.resolve();
  /** In its turn the session may be over, and must not say that it is there. */
  async function write(patch: MergePatch): Promise<void> {
    if (!alive()) return;
    const write = store.patchStatus('Host', key, patch, context.writer(key.name));
    writing = write.catch(() => undefined);
    await write;
  }
  async function flush(through: Pacer): Promise<void> {
    for (let delay = 250; Object.keys(wanted).length > 0 && alive(); delay = Math.min(delay * 2, 30_000)) {
      const patch = wanted;
      wanted = {};
      try {
        await through(() => write(patch));
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
    async stopped() { await writing; },
  };
}

/** A connection in status that this gateway wrote, in this process or an earlier one, and that no agent holds any more. */
function isStale({ gatewayName }: SessionContext, host: StoredHost, isHeld: (sessionID: string) => boolean): boolean {
  const connection = host.status?.connection;
  return connection?.gateway === gatewayName && !isHeld(connection.sessionID);
}

/** Removes a stale connection; one of another gateway, or that is held again, stays. */
async function clearConnection(context: SessionContext, key: ObjectKey, isHeld: (sessionID: string) => boolean): Promise<void> {
  const { store, clock } = context;
  for (;;) {
    try {
      const host = await store.get('Host', key);
      if (!isStale(context, host, isHeld)) return;
      await store.patchStatus('Host', key, { connection: null, lastSeenTime: new Date(clock.now()).toISOString() }, { ...context.writer(key.name), resourceVersion: host.metadata.resourceVersion });
      return;
    } catch (error) {
      if (error instanceof NotFound) return;
      if (!(error instanceof Conflict)) throw error;
    }
  }
}

/** Tried again until it is written or `wanted` says no: nothing else would clear it while this gateway lives. */
export async function writeDisconnect(context: SessionContext, key: ObjectKey, isHeld: (sessionID: string) => boolean, wanted: () => boolean): Promise<void> {
  for (let delay = 250; wanted(); delay = Math.min(delay * 2, 30_000)) {
    try {
      await context.pace(async () => { if (wanted()) await clearConnection(context, key, isHeld); });
      return;
    } catch (error) {
      context.log.warn({ host: key.name, error: String(error) }, 'cannot write a disconnect now');
      await new Promise<void>((resolve) => { context.clock.setTimer(delay, resolve); });
    }
  }
}

/** Clears what an earlier process of this name left and no agent came back to. Once, START_GRACE_MS after the start. */
export async function sweepStale(context: SessionContext, isHeld: (sessionID: string) => boolean): Promise<void> {
  const { informers, gatewayName, log } = context;
  const stale = informers.cache.byIndex('Host', 'gateway', gatewayName).filter((host) => isStale(context, host, isHeld));
  if (stale.length > 0) log.info({ hosts: stale.length }, 'hosts that were connected before the start and did not come back');
  await Promise.all(stale.map((host) => writeDisconnect(context, keyOf(host), isHeld, () => true)));
}
