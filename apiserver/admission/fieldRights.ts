/**
 * Field rights (40-api): some fields decide where data go or what runs, so setting or changing them needs a verb of its own
 * on the object besides create or update. The same table becomes ValidatingAdmissionPolicies in a cluster.
 */
import { resources } from '#crds/kinds.js';
import type { Kind } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { Forbidden } from '#crds/objectStore.js';
import type { Principal } from '#crds/objectStore.js';
import { isPlain, sameJson } from './schemaWalk.js';

export interface FieldRight {
  verb: 'bind';
  /** Dotted path. */
  field: string;
}

export const fieldRights: Partial<Record<Kind, readonly FieldRight[]>> = {
  Repository: [
    { verb: 'bind', field: 'spec.url' },
    { verb: 'bind', field: 'spec.credentialsSecretRef' },
  ],
};

/** May this principal use the verb on this object? The one role table of apiserver/auth fits. */
export type MayUseVerb = (principal: Principal, question: { verb: string; group: string; resource: string; name: string }) => boolean;

/** When no role table is given: admins and the server itself. */
export const adminsOnly: MayUseVerb = (principal) => principal.role === 'admin' || principal.role === 'system';

/** @throws Forbidden naming the fields, as the API server words it */
export function checkFieldRights(kind: Kind, object: KubeObject, old: KubeObject | undefined, principal: Principal, may: MayUseVerb): void {
  const changed = (fieldRights[kind] ?? []).filter(({ field }) => !sameJson(at(object, field), at(old, field)));
  const { group, plural } = resources[kind];
  const { name } = object.metadata;
  for (const verb of new Set(changed.map((right) => right.verb))) {
    if (may(principal, { verb, group, resource: plural, name })) continue;
    const fields = changed.filter((right) => right.verb === verb).map((right) => right.field).join(' and ');
    throw new Forbidden(`${plural}.${group} ${JSON.stringify(name)} is forbidden: User ${JSON.stringify(principal.name)} cannot ${verb} resource ${JSON.stringify(plural)} in API group ${JSON.stringify(group)} in the namespace ${JSON.stringify(object.metadata.namespace ?? 'default')}: setting ${fields} needs it`);
  }
}

function at(object: unknown, path: string): unknown {
  let value = object;
  for (const key of path.split('.')) value = isPlain(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}
