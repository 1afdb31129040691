/** One manifest of each kind, and what a person does to it: a change, a mistake, a typing error. */
import { goodObject, type CrdKind, type Loose } from '../../admission/objects.js';

export type ParityKind = CrdKind | 'Secret';

export interface Variants {
  plural: string;
  /** `hosts.restic-manager.io`, or `secrets`. */
  resource: string;
  name: string;
  good: Loose;
  changed: Loose;
  bad: Loose;
  unknown: Loose;
  oneUnknown: Loose;
  /** A merge patch that changes something, and one that is refused. */
  patch: Loose;
  badPatch: Loose;
  status: Loose | undefined;
  badStatus: Loose | undefined;
}

const parts: Record<CrdKind, { plural: string; changed: Loose; bad: Loose; patch: Loose; status: Loose }> = {
  Host: { plural: 'hosts', changed: { displayName: 'Changed' }, bad: { presence: 'Sometimes' }, patch: { presence: 'Intermittent' }, status: { phase: 'Offline' } },
  Repository: { plural: 'repositories', changed: { displayName: 'Changed' }, bad: { credentialsSecretRef: {} }, patch: { displayName: 'Patched' }, status: { phase: 'Ready' } },
  SourceGroup: { plural: 'sourcegroups', changed: { excludes: ['*.tmp', '*.o'] }, bad: { includes: [] }, patch: { excludes: null }, status: { matchedHosts: 3 } },
  Schedule: { plural: 'schedules', changed: { suspend: true }, bad: { sourceGroupRefs: [{ name: 'a' }, { name: 'a' }] }, patch: { jitter: '5m' }, status: { groups: 'a' } },
  ResticJob: { plural: 'resticjobs', changed: { cancel: true }, bad: { type: 'Nothing' }, patch: { ttlSecondsAfterFinished: 7 }, status: { phase: 'Queued' } },
  EnrollmentRequest: { plural: 'enrollmentrequests', changed: { denied: true }, bad: { os: 5 }, patch: { denied: false }, status: { phase: 'Pending' } },
};

export const parityKinds: readonly ParityKind[] = ['Host', 'Repository', 'SourceGroup', 'Schedule', 'ResticJob', 'EnrollmentRequest', 'Secret'];

export function variantsOf(kind: ParityKind, name: string): Variants {
  if (kind === 'Secret') {
    const secret = (rest: Loose): Loose => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, labels: { team: 'one' } }, type: 'Opaque', ...rest });
    const data = { password: 'Zmlyc3Q=', user: 'd2ViMQ==' };
    return {
      plural: 'secrets', resource: 'secrets', name, good: secret({ data }), changed: secret({ data: { ...data, password: 'c2Vjb25k' } }), bad: secret({ data: { password: '!!' } }), unknown: secret({ data, dataa: { x: 'y' } }), oneUnknown: secret({ data, dataa: { x: 'y' } }),
      patch: { data: { extra: 'eA==' } }, badPatch: { type: 'example.com/other' }, status: undefined, badStatus: undefined,
    };
  }
  const { plural, changed, bad, patch, status } = parts[kind];
  const { apiVersion, spec } = goodObject(kind) as { apiVersion: string; spec: Loose };
  const object = (more: Loose): Loose => ({ apiVersion, kind, metadata: { name, labels: { team: 'one' } }, spec: { ...spec, ...more } });
  return {
    plural, resource: `${plural}.restic-manager.io`, name, good: object({}), changed: object(changed), bad: object(bad), unknown: object({ nonsense: true, more: { nonsense: 1 } }), oneUnknown: object({ nonsense: true }),
    patch: { spec: patch }, badPatch: { spec: bad }, status: { status }, badStatus: { status: { observedGeneration: 'x' } },
  };
}
