/** May deletion be tried in a repository? One rule for the server and the page (E16, E34). */
import type { Repository } from './kinds.js';

/** Nobody is named who may delete, and the storage is known to refuse the everyday credential. While that is Unknown it is tried, and told. */
export function nobodyMayDelete({ spec, status }: Pick<Repository, 'spec' | 'status'>): boolean {
  return spec.adminCredentialsSecretRef === undefined && spec.runner?.adminCredentials !== 'OnRunner' && status?.deletionProtection === 'Enforced';
}
