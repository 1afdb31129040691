/** Identity's records as typed Secrets: decoded on the way out, encoded on the way in. The label says what a Secret is for. */
import { newObject, SECRET_USE_LABEL, type Secret, type SecretUse } from '#crds/kinds.js';
import type { OwnerReference, Stored } from '#crds/meta.js';
import { NotFound, type ObjectStore, type Writer } from '#crds/objectStore.js';

export interface TypedSecret {
  name: string;
  uid: string;
  resourceVersion: string;
  createdAt: string;
  data: Record<string, string>;
}

export interface SecretBox {
  get(name: string): Promise<TypedSecret | undefined>;
  list(use: SecretUse, labels?: Record<string, string>): Promise<TypedSecret[]>;
  /** @throws AlreadyExists */
  create(input: { name: string; use: SecretUse; data: Record<string, string>; labels?: Record<string, string>; owner?: OwnerReference }): Promise<TypedSecret>;
  /** Deletes exactly this one. @returns false when it is gone or another has its name: somebody else was first */
  remove(secret: Pick<TypedSecret, 'name' | 'uid'>): Promise<boolean>;
  /** The Secret of this name, made when it is not there; several at once agree on one. */
  getOrCreate(name: string, use: SecretUse, make: () => Record<string, string>): Promise<TypedSecret>;
}

const writer: Writer = { principal: { name: 'system:identity', role: 'system' }, door: 'system', fieldManager: 'restic-manager-identity' };
const TYPE_PREFIX = 'restic-manager.io/';

export function createSecretBox(store: ObjectStore, namespace: string): SecretBox {
  const box: SecretBox = {
    async get(name) {
      try {
        return decode(await store.get('Secret', { namespace, name }));
      } catch (error) {
        if (error instanceof NotFound) return undefined;
        throw error;
      }
    },
    async list(use, labels = {}) {
      const labelSelector = Object.entries({ [SECRET_USE_LABEL]: use, ...labels }).map(([key, value]) => `${key}=${value}`).join(',');
      const found = await store.list('Secret', { namespace, labelSelector });
      return found.items.map(decode);
    },
    async create({ name, use, data, labels, owner }) {
      const secret: Secret = newObject('Secret', {
        name, namespace, labels: { ...labels, [SECRET_USE_LABEL]: use }, ...(owner ? { ownerReferences: [owner] } : {}),
      }, { type: `${TYPE_PREFIX}${use}`, data: encode(data) });
      return decode(await store.create('Secret', secret, writer));
    },
    async remove({ name, uid }) {
      try {
        await store.delete('Secret', { namespace, name }, { ...writer, preconditions: { uid } });
        return true;
      } catch (error) {
        if (isReason(error, 'NotFound') || isReason(error, 'Conflict')) return false;
        throw error;
      }
    },
    async getOrCreate(name, use, make) {
      const existing = await box.get(name);
      if (existing) return existing;
      try {
        return await box.create({ name, use, data: make() });
      } catch (error) {
        const other = isReason(error, 'AlreadyExists') ? await box.get(name) : undefined;
        if (other) return other;
        throw error;
      }
    },
  };
  return box;
}

function isReason(error: unknown, reason: string): boolean {
  return error instanceof Error && 'reason' in error && error.reason === reason;
}

function encode(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]));
}

/** A stored object never changes, and the one behind a token is asked for with each request. */
const decoded = new WeakMap<Stored<Secret>, TypedSecret>();

function decode(secret: Stored<Secret>): TypedSecret {
  let known = decoded.get(secret);
  if (known === undefined) decoded.set(secret, (known = Object.freeze(decodeNew(secret))));
  return known;
}

function decodeNew(secret: Stored<Secret>): TypedSecret {
  const { name, uid, resourceVersion, creationTimestamp } = secret.metadata;
  const data = Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
  return { name, uid, resourceVersion, createdAt: creationTimestamp, data };
}
