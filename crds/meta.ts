/**
 * The Kubernetes object envelope every kind shares, in the shape of meta/v1.
 * Source: Kubernetes API conventions, "Objects" and "Metadata".
 */

/** RFC 3339 UTC, seconds precision where Kubernetes writes it, milliseconds allowed in our own status fields. */
export type Timestamp = string;

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  manager?: string;
  operation?: 'Apply' | 'Update';
  apiVersion?: string;
  time?: Timestamp;
  fieldsType?: string;
  fieldsV1?: Record<string, unknown>;
  subresource?: string;
}

/** Metadata as a client may send it: only the name is sure to be there. */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  /** Opaque: compare for equality only. */
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: Timestamp;
  deletionTimestamp?: Timestamp;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

/** Metadata as a store returns it. */
export interface StoredMeta extends ObjectMeta {
  namespace: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: Timestamp;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** An object as a store returns it: the server-set metadata are there. */
export type Stored<T extends KubeObject> = Omit<T, 'metadata'> & { metadata: StoredMeta };

export interface ObjectKey {
  namespace: string;
  name: string;
}

export function keyOf(object: { metadata: { namespace?: string; name: string } }): ObjectKey {
  return { namespace: object.metadata.namespace ?? 'default', name: object.metadata.name };
}

/** `namespace/name`, the usual printed form of a key and its form as a map key. */
export function keyText(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
}

/** metav1.Condition. */
export interface Condition<Type extends string = string, Reason extends string = string> {
  type: Type;
  status: 'True' | 'False' | 'Unknown';
  reason: Reason;
  message: string;
  lastTransitionTime: Timestamp;
  observedGeneration?: number;
}
