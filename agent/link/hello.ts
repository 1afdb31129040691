/** The first frame of every connection: who this is and where it stands, signed with the agent's key. Frozen for all versions. */
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import { canonicalJson, HELLO_CONTEXT, protocol } from '#crds/wire/frames.js';
import { version } from '#crds/version.js';
import { signWith, type AgentKey } from '../install/keys.js';
import type { Machine } from '../install/machine.js';

export interface Standing {
  machine: Machine;
  resticVersion: string | undefined;
  capabilities: readonly string[];
  appliedRevision: string | undefined;
  appliedGeneration: number | undefined;
  runningJobs: readonly string[];
  spool: { first: number; last: number; id: string };
  storeEpoch: string | undefined;
}

/** @param now RFC 3339 */
export function signedHello(standing: Standing, key: AgentKey, now: string): Hello {
  const { machine } = standing;
  const unsigned: Omit<Hello, 'signature'> = {
    protocolVersion: protocol.max,
    agentVersion: version,
    os: machine.os,
    arch: machine.arch,
    hostname: machine.hostname,
    timeZone: machine.timeZone,
    clock: now,
    resticVersion: standing.resticVersion,
    capabilities: [...standing.capabilities],
    appliedRevision: standing.appliedRevision,
    appliedGeneration: standing.appliedGeneration,
    runningJobs: standing.runningJobs.slice(0, 256),
    spool: standing.spool,
    storeEpoch: standing.storeEpoch,
    machineId: machine.machineId,
    publicKey: key.publicKey,
  };
  return { ...unsigned, signature: signWith(key, Buffer.from(HELLO_CONTEXT + canonicalJson(unsigned))) };
}
