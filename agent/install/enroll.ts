/** Enrolment by token: one call, and this agent is a host. */
import { version } from '#crds/version.js';
import { postJson, ServerRefused, type ServerAddress } from '../link/server.js';
import { parsePin } from '../link/pins.js';
import type { Machine } from './machine.js';
import type { Identity } from './state.js';

/** @throws ServerRefused (410: the token is used, expired or unknown); the socket's error */
export async function enroll(address: ServerAddress, token: string, machine: Machine, resticVersion: string | undefined, identity: Identity): Promise<void> {
  const reply = await postJson(address, '/api/agents/enroll', {
    token, hostname: machine.hostname, os: machine.os, arch: machine.arch, agent_version: version, restic_version: resticVersion ?? '', public_key: identity.key.publicKey,
  });
  const { host_id: hostID, agent_token: bearer, server_public_key: serverPublicKey, cert_pin_sha256: pin } = reply;
  if (typeof hostID !== 'string' || typeof bearer !== 'string' || bearer === '') throw new ServerRefused(0, undefined, 'the server answered the enrolment without a bearer', undefined);
  await accepted(identity, { server: address.base.href, hostID, bearer, serverPublicKey, pin });
}

/** Keeps what makes this agent a host, synced to disk before it is used. */
export async function accepted(identity: Identity, given: { server: string; hostID: string; bearer: string; serverPublicKey?: unknown; pin?: unknown }): Promise<void> {
  const parsed = typeof given.pin === 'string' ? parsePin(given.pin) : undefined;
  const known = identity.credentials;
  await identity.update({
    server: given.server,
    hostID: given.hostID,
    bearer: given.bearer,
    ...(known.serverPublicKey === undefined && typeof given.serverPublicKey === 'string' ? { serverPublicKey: given.serverPublicKey } : {}),
    // a pin is only ever given over a connection that was itself checked by one; trust begun by CA stays with the CA
    ...(parsed !== undefined && known.pins && !known.pins.includes(parsed) ? { pins: [...known.pins, parsed] } : {}),
  });
}
