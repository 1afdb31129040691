/**
 * Field rights (40-api): some fields decide where data go, what runs or what may be destroyed, so setting, changing or removing
 * them needs a verb of its own on the object besides create or update. The same table becomes ValidatingAdmissionPolicies in a
 * cluster, so a right sees nothing but the object and what it replaces.
 */
import { APPROVE_FORGET_ANNOTATION, resources } from '#crds/kinds.js';
import type { Kind, Repository } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { Forbidden } from '#crds/objectStore.js';
import type { Principal } from '#crds/objectStore.js';
import { isPlain, sameJson } from './schemaWalk.js';

export type FieldVerb = 'bind' | 'sethooks' | 'restoreinplace' | 'restorefrom' | 'approveforget';

export interface FieldRight {
  verb: FieldVerb;
  /** As people read it: dotted, a key with dots in brackets. */
  field: string;
  /** The same in steps, for keys that hold dots. */
  path?: readonly string[];
  /** Absent means this: the schema's default, or false of a switch. */
  byDefault?: unknown;
  /** Only for objects of which this is true. */
  when?: (object: KubeObject) => boolean;
  /** How to do without the right. */
  hint?: string;
}

export const fieldRights: Partial<Record<Kind, readonly FieldRight[]>> = {
  Host: [{ verb: 'sethooks', field: 'spec.hooks' }],
  SourceGroup: [
    { verb: 'sethooks', field: 'spec.hooks' },
    { verb: 'sethooks', field: 'spec.stdin' },
  ],
  Repository: [
    { verb: 'bind', field: 'spec.url' },
    { verb: 'bind', field: 'spec.credentialsSecretRef' },
    { verb: 'bind', field: 'spec.adminCredentialsSecretRef' },
    { verb: 'bind', field: 'spec.options' },
    { verb: 'bind', field: 'spec.runner.adminCredentials', byDefault: 'FromServer' },
    // The runner is given the credential that may delete.
    { verb: 'bind', field: 'spec.runner.hostRef', when: (object) => (object as Repository).spec.adminCredentialsSecretRef !== undefined },
    // Who may widen the guard's bounds may approve everything.
    { verb: 'approveforget', field: 'spec.retentionGuard' },
    { verb: 'approveforget', field: `metadata.annotations[${APPROVE_FORGET_ANNOTATION}]`, path: ['metadata', 'annotations', APPROVE_FORGET_ANNOTATION] },
  ],
  ResticJob: [
    { verb: 'restoreinplace', field: 'spec.restore.inPlace', byDefault: false },
    { verb: 'restorefrom', field: 'spec.restore.repositoryRef', hint: 'leave it out for the repository of the host itself' },
    { verb: 'approveforget', field: 'spec.forget.snapshotIDs' },
    { verb: 'approveforget', field: 'spec.forget.approvedPlan' },
  ],
};

/** May this principal use the verb on this object? The one role table of apiserver/auth fits. */
export type MayUseVerb = (principal: Principal, question: { verb: string; group: string; resource: string; name: string }) => boolean;

/** When no role table is given: admins and the server itself. */
export const adminsOnly: MayUseVerb = (principal) => principal.role === 'admin' || principal.role === 'system';

/** @throws Forbidden naming the fields, as the API server words it */
export function checkFieldRights(kind: Kind, object: KubeObject, old: KubeObject | undefined, principal: Principal, may: MayUseVerb): void {
  const changed = (fieldRights[kind] ?? []).filter((right) => !sameJson(valueOf(object, right), valueOf(old, right)) && (right.when?.(object) ?? true));
  const { group, plural } = resources[kind];
  const { name } = object.metadata;
  for (const verb of new Set(changed.map((right) => right.verb))) {
    if (may(principal, { verb, group, resource: plural, name })) continue;
    const rights = changed.filter((right) => right.verb === verb);
    const hints = rights.flatMap(({ hint }) => (hint === undefined ? [] : [`; ${hint}`])).join('');
    throw new Forbidden(`${plural}.${group} ${JSON.stringify(name)} is forbidden: User ${JSON.stringify(principal.name)} cannot ${verb} resource ${JSON.stringify(plural)} in API group ${JSON.stringify(group)} in the namespace ${JSON.stringify(object.metadata.namespace ?? 'default')}: setting ${rights.map((right) => right.field).join(' and ')} needs it${hints}`);
  }
}

function valueOf(object: unknown, { field, path = field.split('.'), byDefault }: FieldRight): unknown {
  let value = object;
  for (const key of path) value = isPlain(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value ?? byDefault;
}
