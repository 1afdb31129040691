/**
 * What must not work again although it still verifies: ended sessions and used enrolment tokens. Durable and shared, one
 * small Secret each, swept once the thing would have expired anyway.
 */
import { createHash } from 'node:crypto';
import { AlreadyExists } from '#crds/objectStore.js';
import type { SecretBox } from './secrets.js';

export interface Revocations {
  /** `id` is hashed before it is stored. @param until epoch ms after which nobody asks any more */
  revoke(id: string, until: number): Promise<void>;
  isRevoked(id: string): Promise<boolean>;
}

export const REVOCATION_LABEL = { 'restic-manager.io/revocation': 'true' };

export function createRevocations(secrets: SecretBox): Revocations {
  const nameOf = (id: string): string => `revoked-${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
  return {
    async revoke(id, until) {
      try {
        await secrets.create({ name: nameOf(id), use: 'token', labels: REVOCATION_LABEL, data: { expires: new Date(until).toISOString() } });
      } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error;
      }
    },
    async isRevoked(id) {
      return await secrets.get(nameOf(id)) !== undefined;
    },
  };
}
