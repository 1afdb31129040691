/** Agents that announced themselves: see, accept, reject. Accepting is making a Host with the agent's fingerprint, with the approver's own rights. */
import type { EnrollmentRequest } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { PendingHost } from '#crds/operator/operator.gen.js';
import { fingerprintOf } from '#controller/runtime/indexes.js';
import { adopt, repositoryInput } from './adopt.js';
import { withSpec } from './objects.js';
import { Problem } from './problem.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

const HOUR_MS = 3_600_000;

export const pendingHosts: RouteTable = {
  'GET /api/pending-hosts': route({ may: 'list enrollmentrequests', reply: shapes.items(shapes.PendingHost) }, ({ objects, services }) => ({
    items: objects.cache.list('EnrollmentRequest').filter((request) => !isDecided(request, services.clock.now())).map(toItem),
  })),
  // A Host is made: the right to make one is what counts, whatever the repository fields need on top.
  'POST /api/pending-hosts/:pending/accept': route({ may: 'create hosts', body: shapes.AcceptInput, form: '/' }, async ({ pending, body, objects, services, principal }) => {
    const fingerprint = fingerprintOf(pending.spec.publicKey);
    const [accepted] = objects.cache.byIndex('Host', 'fingerprint', fingerprint);
    if (accepted) return { host_id: accepted.metadata.uid };
    refuseDecided(pending, services.clock.now());
    const repository = repositoryInput(body, objects);
    const host = await adopt({ hostname: pending.spec.hostname, tags: [], initialPaths: [], fingerprint, ...(repository ? { repository } : {}) }, objects);
    services.log.info({ host: host.metadata.name, fingerprint, by: principal.name }, 'announced agent accepted');
    return { host_id: host.metadata.uid };
  }),
  'POST /api/pending-hosts/:pending/reject': route({ may: 'update enrollmentrequests', form: '/' }, async ({ pending, objects, services, principal }) => {
    if (pending.spec.denied === true) return {};
    refuseDecided(pending, services.clock.now());
    await objects.update('EnrollmentRequest', withSpec(pending, { ...pending.spec, denied: true }));
    services.log.info({ hostname: pending.spec.hostname, by: principal.name }, 'announced agent rejected');
    return {};
  }),
};

function refuseDecided(pending: Stored<EnrollmentRequest>, now: number): void {
  if (isDecided(pending, now)) throw new Problem(409, 'already_decided', `this announcement is over: ${(pending.status?.phase ?? 'Expired').toLowerCase()}`);
}

function isDecided({ spec, status }: Stored<EnrollmentRequest>, now: number): boolean {
  if (spec.denied === true || (status?.phase !== undefined && status.phase !== 'Pending')) return true;
  return status?.expiresTime !== undefined && Date.parse(status.expiresTime) <= now;
}

function toItem({ metadata, spec, status }: Stored<EnrollmentRequest>): PendingHost {
  return {
    id: metadata.uid, hostname: spec.hostname, os: spec.os, arch: spec.arch, fingerprint: status?.fingerprint ?? fingerprintOf(spec.publicKey),
    ...(spec.agentVersion === undefined ? {} : { agent_version: spec.agentVersion }), ...(spec.resticVersion === undefined ? {} : { restic_version: spec.resticVersion }),
    ...(status?.sourceIP === undefined ? {} : { source_ip: status.sourceIP }), hostname_collision: status?.hostnameCollision ?? false,
    announced_at: metadata.creationTimestamp, expires_at: status?.expiresTime ?? new Date(Date.parse(metadata.creationTimestamp) + HOUR_MS).toISOString(),
  };
}
