/**
 * The one role table: role x verb x resource, for /apis and /api alike. Fail closed: what no row names is for admins.
 * Secrets are on no row: their data are read by admins only.
 */
import { GROUP } from '#crds/kinds.js';
import type { Principal, Role } from '#crds/objectStore.js';
import type { AccessQuestion, Verdict } from './types.js';

export interface RoleRule { groups: string[]; resources: string[]; verbs: string[] }

const READ = ['get', 'list', 'watch'];
const EDIT = ['create', 'update', 'patch'];

/** Each role has its own rows and those of the roles before it. */
const rows: Record<'viewer' | 'operator', RoleRule[]> = {
  viewer: [
    { groups: [GROUP], resources: ['hosts', 'repositories', 'sourcegroups', 'schedules', 'resticjobs', 'enrollmentrequests'], verbs: READ },
    { groups: [GROUP], resources: ['hosts/status', 'repositories/status', 'sourcegroups/status', 'schedules/status', 'resticjobs/status', 'enrollmentrequests/status', 'resticjobs/log'], verbs: ['get'] },
    { groups: ['', 'events.k8s.io'], resources: ['events'], verbs: READ },
    { groups: [''], resources: ['namespaces'], verbs: READ },
    // No objects: the snapshots agents reported of a host's repository.
    { groups: [GROUP], resources: ['hosts/snapshots'], verbs: ['list'] },
    // No object: one's own name and role (/api/account).
    { groups: [GROUP], resources: ['account'], verbs: ['get'] },
    // No object either: the state of the manifest directory (/api/manifests).
    { groups: [GROUP], resources: ['manifests'], verbs: ['get'] },
    { groups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
    { groups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], verbs: ['create'] },
  ],
  operator: [
    { groups: [GROUP], resources: ['sourcegroups', 'schedules'], verbs: [...EDIT, 'delete'] },
    { groups: [GROUP], resources: ['resticjobs'], verbs: [...EDIT, 'delete'] },
    { groups: [GROUP], resources: ['hosts', 'enrollmentrequests'], verbs: EDIT },
    { groups: [GROUP], resources: ['repositories'], verbs: ['update', 'patch'] },
    // No objects: names of files in a snapshot.
    { groups: [GROUP], resources: ['hosts/tree'], verbs: ['get'] },
    // No kind of its own: kept as Secrets, minted through /api.
    { groups: [GROUP], resources: ['enrollmenttokens'], verbs: ['create'] },
  ],
};

/** The rules of a role, for `kubectl auth can-i --list`. */
export function rulesOf(role: Role): RoleRule[] {
  switch (role) {
    case 'viewer': return rows.viewer;
    case 'operator': return [...rows.viewer, ...rows.operator];
    case 'admin': case 'system': return [{ groups: ['*'], resources: ['*'], verbs: ['*'] }];
  }
}

/** Synchronous and pure. Field rights (bind, sethooks, restoreinplace, restorefrom, approveforget, rollout) are verbs like any other: on no row, so admins only. */
export function authorize(principal: Principal, question: AccessQuestion): Verdict {
  const allowed = rulesOf(principal.role).some((rule) => covers(rule.verbs, question.verb) && covers(rule.groups, question.group) && covers(rule.resources, question.resource));
  if (allowed) return { allowed, reason: `role ${principal.role}` };
  const target = question.group === '' ? question.resource : `${question.resource}.${question.group}`;
  return { allowed, reason: `role ${principal.role} may not ${question.verb} ${target}` };
}

function covers(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}
