/**
 * Structural schemas of the few core kinds served beside ours: enough to type, prune and explain them. The fields and their
 * meaning are Kubernetes' (core/v1 Secret and Event, coordination.k8s.io/v1 Lease).
 */
import type { StructuralSchema } from '#crds/crd.js';

export type CoreKind = 'Secret' | 'Event' | 'Lease';

const text: StructuralSchema = { type: 'string' };
const integer: StructuralSchema = { type: 'integer', format: 'int32' };
const time: StructuralSchema = { type: 'string', format: 'date-time', nullable: true };
const reference: StructuralSchema = {
  type: 'object', 'x-kubernetes-map-type': 'atomic',
  properties: { apiVersion: text, kind: text, namespace: text, name: text, uid: text, resourceVersion: text, fieldPath: text },
};
const kindOf = (description: string, properties: Record<string, StructuralSchema>, required: string[] = []): StructuralSchema => ({
  description, type: 'object', required, properties: { apiVersion: text, kind: text, metadata: { type: 'object' }, ...properties },
});

export const coreSchemas: Record<CoreKind, StructuralSchema> = {
  Secret: kindOf('Secret holds secret data of a certain type. Kept encrypted at rest.', {
    type: { ...text, description: 'Used to facilitate programmatic handling of secret data. Immutable.' },
    immutable: { type: 'boolean', description: 'If true, the data cannot be changed any more; only metadata can.' },
    data: { type: 'object', description: 'Values are base64.', additionalProperties: { type: 'string', format: 'byte', nullable: true } },
    stringData: { type: 'object', description: 'Write only: values as text, folded into data.', additionalProperties: text },
  }),
  Event: kindOf('Event is a report of an event somewhere in the system, kept for one hour.', {
    involvedObject: { ...reference, description: 'The object that this event is about.' },
    related: reference,
    type: { ...text, description: 'Normal or Warning.' }, reason: text, message: text, action: text,
    source: { type: 'object', properties: { component: text, host: text } },
    firstTimestamp: time, lastTimestamp: time, eventTime: time, count: integer,
    series: { type: 'object', properties: { count: integer, lastObservedTime: time } },
    reportingComponent: text, reportingInstance: text,
  }, ['involvedObject']),
  Lease: kindOf('Lease defines a lease concept.', {
    spec: {
      type: 'object',
      properties: { holderIdentity: text, leaseDurationSeconds: integer, acquireTime: time, renewTime: time, leaseTransitions: integer, strategy: text, preferredHolder: text },
    },
  }),
};
