/** Reads everything an announcement's status depends on. */
import type { EnrollmentRequest } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { fingerprintOf } from '../../runtime/indexes.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import type { EnrollmentFacts } from './machine.js';

const HOUR = 3_600_000;

export interface GatheredEnrollment {
  facts: EnrollmentFacts;
  now: number;
  fingerprint: string;
  /** Name of the Host it became. */
  host?: string;
  /** Another host or waiting request has this hostname. */
  collision: boolean;
  /** Epoch ms. */
  expires: number;
  /** When the object is removed, epoch ms. */
  removed: number;
}

export function gatherEnrollmentFacts(request: Stored<EnrollmentRequest>, ctx: ReconcileContext): GatheredEnrollment {
  const now = ctx.clock.now();
  const { cache } = ctx;
  const fingerprint = fingerprintOf(request.spec.publicKey);
  const [host] = cache.byIndex('Host', 'fingerprint', fingerprint);
  const hostname = request.spec.hostname.toLowerCase();
  const label = hostname.split('.')[0] ?? hostname;
  const rivals = [...cache.byIndex('Host', 'hostname', hostname), ...cache.byIndex('Host', 'hostname', label)].filter((other) => other.spec.enrollment?.fingerprint !== fingerprint);
  const others = cache.byIndex('EnrollmentRequest', 'hostname', hostname).filter((other) => other.metadata.uid !== request.metadata.uid && other.spec.publicKey !== request.spec.publicKey && (other.status?.phase ?? 'Pending') === 'Pending');
  const expires = parseTime(request.status?.expiresTime) ?? (parseTime(request.metadata.creationTimestamp) ?? now) + HOUR;
  return {
    facts: { denied: request.spec.denied === true, hostExists: host !== undefined, expired: now >= expires },
    now,
    fingerprint,
    host: host?.metadata.name,
    collision: rivals.length + others.length > 0,
    expires,
    removed: expires + HOUR,
  };
}
