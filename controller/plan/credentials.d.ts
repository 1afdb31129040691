import { type Repository, type Secret } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { ReadyReason } from '#crds/conditions.js';
import type { Cache } from '../runtime/types.js';
export interface Credentials {
    password: string;
    username?: string;
    env: Record<string, string>;
}
export type CredentialsResult = {
    ok: true;
    credentials: Credentials;
    secret: Stored<Secret>;
} | {
    ok: false;
    reason: Extract<ReadyReason, 'SecretNotFound' | 'SecretNotLabelled' | 'SecretIncomplete' | 'SecretVariableRefused'>;
    message: string;
};
/** Reads the Secret a Repository names. Messages name Secret and key, never a value. */
export declare function resolveCredentials(repository: Pick<Repository, 'spec'>, { cache, namespace }: {
    cache: Cache;
    namespace: string;
}): CredentialsResult;
/** HMAC-SHA256 hex of url and credentials: tells whether they changed, and nothing else. */
export declare function credentialsHash(repository: Pick<Repository, 'spec'>, credentials: Credentials, planKey: Uint8Array): string;
