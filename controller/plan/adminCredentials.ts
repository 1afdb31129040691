/**
 * The account that may delete in a repository: where it comes from, and whether deletion is possible at all. The everyday
 * credential is used for deletion only while nothing shows that the storage refuses it.
 */
import type { ReadyReason } from '#crds/conditions.js';
import { nobodyMayDelete } from '#crds/deletion.js';
import type { Repository } from '#crds/kinds.js';
import type { PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { readCredentials, type Credentials, type CredentialsInput, type SecretProblem } from './credentials.js';

export type AdminSource = NonNullable<PlanRepository['adminCredentials']>;
export type AdminResult =
  | { ok: true; from: 'None' | 'OnRunner' }
  | { ok: true; from: 'FromServer'; credentials: Credentials }
  | { ok: false; reason: Extract<ReadyReason, `AdminSecret${SecretProblem}`>; message: string };

/** The admin credential of a repository. OnRunner wins over a Secret: it never comes to the server. Messages never hold a value. */
export function resolveAdminCredentials(repository: Pick<Repository, 'spec'>, input: CredentialsInput): AdminResult {
  const { runner, adminCredentialsSecretRef: ref } = repository.spec;
  if (runner?.adminCredentials === 'OnRunner') return { ok: true, from: 'OnRunner' };
  if (!ref) return { ok: true, from: 'None' };
  const read = readCredentials(ref.name, { use: 'repository-admin', field: 'spec.adminCredentialsSecretRef' }, input);
  return read.ok ? { ok: true, from: 'FromServer', credentials: read.credentials } : { ...read, reason: `AdminSecret${read.reason}` as const };
}

/**
 * Why nothing can be deleted in a repository, or undefined when it can be tried: with an admin credential, or, when none is
 * named, with the everyday one unless its storage is known to refuse that (E16, E34). A dry run needs nobody who may delete, but an
 * admin Secret that is not fit is told before it too: it could not say what would happen.
 */
export function deletionProblem(repository: Pick<Repository, 'spec' | 'status' | 'metadata'>, input: CredentialsInput, dryRun = false): string | undefined {
  const admin = resolveAdminCredentials(repository, input);
  if (!admin.ok) return admin.message;
  if (dryRun || !nobodyMayDelete(repository)) return undefined;
  return `the storage of repository ${repository.metadata.name} refuses deletion to the everyday credential; name an account that may delete in spec.adminCredentialsSecretRef, or set spec.runner.adminCredentials: OnRunner`;
}
