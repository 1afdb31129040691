/** May this hello in? Pure: the version range, and the key that belongs to the host. */
import type { Hello, Refused } from '#crds/wire/agentProtocol.gen.js';
import { protocol } from '#crds/wire/frames.js';
import { fingerprintOf } from '#controller/runtime/indexes.js';
import { verifyHello } from './signing.js';
import type { StoredHost } from './types.js';

export type HelloVerdict = { ok: true; /** The key proved itself and is not on record yet. */ recordKey: boolean } | { ok: false; refusal: Refused };

function refuse(reason: Refused['reason'], message: string): HelloVerdict {
  return { ok: false, refusal: { reason, message, minProtocol: protocol.min, maxProtocol: protocol.max } };
}

/**
 * An unsigned hello (empty signature) is good only while the host has no key on record; a wrong signature never is.
 * The key on record is status.agent.publicKey, or the fingerprint the host was declared with.
 */
export function judgeHello(hello: Hello, host: StoredHost): HelloVerdict {
  if (hello.protocolVersion < protocol.min) return refuse('protocol_too_old', `this agent speaks protocol ${String(hello.protocolVersion)}, the server needs at least ${String(protocol.min)}: update the agent`);
  if (hello.protocolVersion > protocol.max) return refuse('protocol_too_new', `this agent speaks protocol ${String(hello.protocolVersion)}, the server knows up to ${String(protocol.max)}: update the server`);
  const recorded = host.status?.agent?.publicKey;
  const fingerprint = host.spec.enrollment?.fingerprint;
  const signed = hello.signature !== '';
  if (signed && !verifyHello(hello)) return refuse('unauthorised', 'the signature of hello is wrong');
  if (recorded === undefined && fingerprint === undefined) return { ok: true, recordKey: signed };
  if (!signed) return refuse('unauthorised', 'this host has a key on record: hello must be signed');
  if (recorded !== undefined && recorded !== hello.publicKey && fingerprintOf(hello.publicKey) !== fingerprint) return refuse('unauthorised', `hello is signed with another key than the one on record for host ${host.metadata.name}`);
  if (fingerprint !== undefined && fingerprintOf(hello.publicKey) !== fingerprint) return refuse('unauthorised', `the key of this agent is not the one that spec.enrollment.fingerprint of host ${host.metadata.name} names`);
  return { ok: true, recordKey: recorded !== hello.publicKey };
}
