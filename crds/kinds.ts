/** Every kind a store holds: ours, generated from the CustomResourceDefinitions, and the few core kinds served beside them. */
import type { KubeObject, ObjectMeta, Timestamp } from './meta.js';
import type { EnrollmentRequest } from './types/enrollmentRequest.gen.js';
import type { Host } from './types/host.gen.js';
import type { Repository } from './types/repository.gen.js';
import type { ResticJob } from './types/resticJob.gen.js';
import type { Schedule } from './types/schedule.gen.js';
import type { SourceGroup } from './types/sourceGroup.gen.js';

export type { EnrollmentRequest, Host, Repository, ResticJob, Schedule, SourceGroup };

export const GROUP = 'restic-manager.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** core/v1 Secret. `data` values are base64 in the API; the store keeps them encrypted (standalone). */
export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  /** Write only: folded into data, never returned. */
  stringData?: Record<string, string>;
  immutable?: boolean;
}

/** core/v1 Event, kept one hour. */
export interface Event extends KubeObject {
  involvedObject: { apiVersion?: string; kind?: string; namespace?: string; name?: string; uid?: string; resourceVersion?: string; fieldPath?: string };
  type?: 'Normal' | 'Warning';
  reason?: string;
  message?: string;
  source?: { component?: string; host?: string };
  firstTimestamp?: Timestamp | null;
  lastTimestamp?: Timestamp | null;
  eventTime?: Timestamp | null;
  count?: number;
  action?: string;
  reportingComponent?: string;
  reportingInstance?: string;
}

/** coordination.k8s.io/v1 Lease. */
export interface Lease extends KubeObject {
  spec: { holderIdentity?: string; leaseDurationSeconds?: number; acquireTime?: Timestamp; renewTime?: Timestamp; leaseTransitions?: number };
}

export interface KindMap {
  Host: Host;
  Repository: Repository;
  SourceGroup: SourceGroup;
  Schedule: Schedule;
  ResticJob: ResticJob;
  EnrollmentRequest: EnrollmentRequest;
  Secret: Secret;
  Event: Event;
  Lease: Lease;
}
export type Kind = keyof KindMap;

/** Where a kind is served. `crd` kinds take everything else from crds/types/crds.gen.ts. */
export interface ResourceInfo {
  kind: Kind;
  group: string;
  version: string;
  plural: string;
  crd: boolean;
}

const ours = (kind: Kind, plural: string): ResourceInfo => ({ kind, group: GROUP, version: VERSION, plural, crd: true });

export const resources: Record<Kind, ResourceInfo> = {
  Host: ours('Host', 'hosts'),
  Repository: ours('Repository', 'repositories'),
  SourceGroup: ours('SourceGroup', 'sourcegroups'),
  Schedule: ours('Schedule', 'schedules'),
  ResticJob: ours('ResticJob', 'resticjobs'),
  EnrollmentRequest: ours('EnrollmentRequest', 'enrollmentrequests'),
  Secret: { kind: 'Secret', group: '', version: 'v1', plural: 'secrets', crd: false },
  Event: { kind: 'Event', group: '', version: 'v1', plural: 'events', crd: false },
  Lease: { kind: 'Lease', group: 'coordination.k8s.io', version: 'v1', plural: 'leases', crd: false },
};

export const kinds = Object.keys(resources) as Kind[];

export function apiVersionOf(kind: Kind): string {
  const { group, version } = resources[kind];
  return group === '' ? version : `${group}/${version}`;
}

/** A fresh object of a kind, with apiVersion and kind filled in. */
export function newObject<K extends Kind>(kind: K, metadata: ObjectMeta, rest: Omit<KindMap[K], 'apiVersion' | 'kind' | 'metadata'>): KindMap[K] {
  return { apiVersion: apiVersionOf(kind), kind, metadata, ...rest } as unknown as KindMap[K];
}

/** Label on a Secret that says what may refer to it (20-resources). */
export const SECRET_USE_LABEL = 'restic-manager.io/use';
/** On a Repository: the hash of a forget plan that the guard holds, which a person approves (X6). */
export const APPROVE_FORGET_ANNOTATION = 'restic-manager.io/approve-forget';
export type SecretUse = 'repository' | 'repository-admin' | 'hook' | 'user' | 'token' | 'enrollment-token' | 'bearer' | 'signing-key' | 'api-token';

/** Labels on jobs: their parts, so that lists need no name parsing. */
export const labels = {
  host: 'restic-manager.io/host',
  sourceGroup: 'restic-manager.io/source-group',
  schedule: 'restic-manager.io/schedule',
  origin: 'restic-manager.io/origin',
} as const;
