/** How agents come in: with a token at once, or by announcing themselves and waiting for a person. */
import { createHash } from 'node:crypto';
import { newObject, type EnrollmentRequest, type Host } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Writer } from '#crds/objectStore.js';
import type { AnnounceInput, EnrollInput, EnrollReply } from '#crds/operator/operator.gen.js';
import { fingerprintOf } from '#controller/runtime/indexes.js';
import type { EnrollmentGrant } from '../auth/identity.js';
import { limitKey } from '../auth/clientAddress.js';
import { adopt, checkAdoption, nameFor, type Adoption } from './adopt.js';
import { PENDING_IN_ALL, PENDING_PER_IP } from './limits.js';
import { hostNameOf, uniqueName } from './names.js';
import { createObjects, withSpec, type Objects } from './objects.js';
import { Problem } from './problem.js';
import { route, type Call, type RouteTable } from './route.js';
import type { Services } from './services.js';
import * as shapes from './shapes.js';

const writer: Writer = { principal: { name: 'system:announce', role: 'system' }, door: 'operator', fieldManager: 'restic-manager-announce' };

export const agents: RouteTable = {
  'POST /api/agents/enroll': route({ may: 'public', body: shapes.EnrollInput, reply: shapes.EnrollReply }, enroll),
  'POST /api/agents/announce': route({ may: 'public', body: shapes.AnnounceInput, reply: shapes.AnnounceReply, status: 202 }, async ({ body, services, sourceIP }) => {
    const wait = services.limits.announce.take(limitKey(sourceIP));
    if (wait !== undefined) throw new Problem(429, 'too_many_requests', 'too many announcements from this address', { retryAfterSeconds: wait });
    nameFor(body.hostname);
    if (Buffer.from(body.public_key, 'base64').length !== 32) throw new Problem(422, 'invalid', 'public_key: must be 32 bytes in base64');
    const fingerprint = fingerprintOf(body.public_key);
    const request = await pendingOf(fingerprint, services) ?? await announce(body, fingerprint, sourceIP, services);
    return { pending_id: request.metadata.uid, fingerprint, hostname_collision: collides(request, services) };
  }),
};

async function enroll({ body, services, sourceIP, ownTls }: Call<EnrollInput>): Promise<EnrollReply> {
  const { identity, limits, log } = services;
  const wait = limits.enroll.take(limitKey(sourceIP));
  if (wait !== undefined) throw new Problem(429, 'too_many_requests', 'too many attempts from this address', { retryAfterSeconds: wait });
  const refuse = (why: string): never => {
    log.warn({ source: sourceIP, hostname: body.hostname, why }, `enrolment refused: the token is ${why}`);
    throw new Problem(410, 'token_expired', 'this enrolment token is expired, used or unknown: make a new one');
  };
  const seen = await identity.peekEnrollmentToken(body.token);
  if (typeof seen === 'string') return refuse(seen);
  const objects = createObjects(services, seen.mintedBy, sourceIP);
  const fingerprint = body.public_key === undefined ? undefined : fingerprintOf(body.public_key);
  const adoption: Adoption = { ...seen, ...(fingerprint === undefined ? {} : { fingerprint }) };
  // What would be refused anyway is refused before the token is used up.
  if (seen.replacesHostUid === undefined) await checkAdoption(adoption, objects);
  const grant = await identity.redeemEnrollmentToken(body.token);
  if (typeof grant === 'string') return refuse(grant);
  limits.enroll.refund(limitKey(sourceIP));
  const host = grant.replacesHostUid === undefined ? await adopt(adoption, objects) : await takeOver(grant, fingerprint, objects, services);
  const bearer = await identity.issueBearer(host);
  log.info({ host: host.metadata.name, source: sourceIP, by: grant.mintedBy.name }, 'agent enrolled with a token');
  return { host_id: host.metadata.uid, agent_token: bearer, server_public_key: identity.signingKey.publicKeyBase64, ...(ownTls && services.certPin !== undefined ? { cert_pin_sha256: services.certPin } : {}) };
}

/** The Host stays, its agent is another one: the key on record goes, so that the new agent's first hello sets it. */
async function takeOver({ hostname, replacesHostUid }: EnrollmentGrant, fingerprint: string | undefined, objects: Objects, { store, namespace }: Services): Promise<Stored<Host>> {
  const host = await objects.find('Host', nameFor(hostname));
  if (host?.metadata.uid !== replacesHostUid || !host) throw new Problem(409, 'hostname_collision', 'the host this token was made for is gone');
  const spec = { ...host.spec };
  if (fingerprint === undefined) delete spec.enrollment;
  else spec.enrollment = { fingerprint };
  await store.patchStatus('Host', { namespace, name: host.metadata.name }, { agent: { publicKey: null } }, writer);
  return objects.update('Host', withSpec(host, spec));
}

/** The announcement of this key that waits, or was turned away and is not forgotten yet (E4). */
async function pendingOf(fingerprint: string, { store, namespace, clock }: Services): Promise<Stored<EnrollmentRequest> | undefined> {
  const { items } = await store.list('EnrollmentRequest', { namespace });
  return items.find((request) => fingerprintOf(request.spec.publicKey) === fingerprint && (request.spec.denied === true || isWaiting(request, clock.now())));
}

function isWaiting({ spec, status }: Stored<EnrollmentRequest>, now: number): boolean {
  if (spec.denied === true || (status?.phase !== undefined && status.phase !== 'Pending')) return false;
  return status?.expiresTime === undefined || Date.parse(status.expiresTime) > now;
}

/** Named after its key, so that two that announce one key at once make one request. */
async function announce(body: AnnounceInput, fingerprint: string, sourceIP: string, { store, namespace, clock }: Services): Promise<Stored<EnrollmentRequest>> {
  const { items } = await store.list('EnrollmentRequest', { namespace });
  const waiting = items.filter((request) => isWaiting(request, clock.now()));
  const full = (message: string): Problem => new Problem(429, 'too_many_pending', message, { retryAfterSeconds: 300 });
  if (waiting.length >= PENDING_IN_ALL) throw full('too many agents are waiting for approval');
  if (waiting.filter((request) => limitKey(request.status?.sourceIP ?? '') === limitKey(sourceIP)).length >= PENDING_PER_IP) throw full('too many agents of this address are waiting for approval');
  const hash = createHash('sha256').update(fingerprint).digest('hex').slice(0, 10);
  const name = uniqueName(hostNameOf(body.hostname), hash);
  const old = items.find((request) => request.metadata.name === name);
  // Over and done with, but not collected yet.
  if (old) await store.delete('EnrollmentRequest', { namespace, name }, { ...writer, preconditions: { uid: old.metadata.uid } });
  await store.create('EnrollmentRequest', newObject('EnrollmentRequest', { name, namespace }, {
    spec: { hostname: body.hostname, os: body.os, arch: body.arch, agentVersion: body.agent_version, resticVersion: body.restic_version, publicKey: body.public_key },
  }), writer);
  return store.patchStatus('EnrollmentRequest', { namespace, name }, { sourceIP }, { ...writer });
}

/** Another host, or another waiting agent, has this hostname. A restarted agent is not another one. */
function collides(request: Stored<EnrollmentRequest>, { informers: { cache }, namespace }: Services): boolean {
  const fingerprint = fingerprintOf(request.spec.publicKey);
  const host = cache.get('Host', { namespace, name: hostNameOf(request.spec.hostname) });
  if (host && host.spec.enrollment?.fingerprint !== fingerprint) return true;
  return cache.byIndex('EnrollmentRequest', 'hostname', request.spec.hostname.toLowerCase()).some((other) => other.metadata.uid !== request.metadata.uid && (other.status?.phase ?? 'Pending') === 'Pending');
}
