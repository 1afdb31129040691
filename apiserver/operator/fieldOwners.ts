/**
 * What is declared elsewhere is not edited here (X11): the next apply would take the edit back, or the edit would quietly win
 * over what Git says. Declared is a field that somebody applies (server-side, or by the last-applied annotation), or that a
 * known Git manager set. Pure.
 */
import type { Kind } from '#crds/kinds.js';
import type { KubeObject, ManagedFieldsEntry } from '#crds/meta.js';
import { pathsInOrder } from '../stores/applyFields.js';
import { intersection, isEmptySet, parseFields, union, type FieldSet } from '../stores/fieldSet.js';
import { lastAppliedFields } from '../stores/lastApplied.js';
import { diffObjects } from '../stores/managedFields.js';
import { Problem } from './problem.js';

/** Whose updates are Git's word as well: these do not, or not always, apply server-side. */
const gitManagers = new Set(['manifests', 'argocd-controller', 'argocd-application-controller', 'kustomize-controller', 'helm-controller', 'helm', 'flux', 'fleetagent']);
/** Who edits for people, through /api and the page. */
export const OPERATOR_MANAGER = 'restic-manager-api';
/** As `kubectl apply` without --server-side calls itself. */
const CLIENT_SIDE = 'kubectl-client-side-apply';

export interface FieldOwner {
  manager: string;
  /** `spec.schedule` */
  fields: string[];
}

/** Who declares what this edit would change; empty when nobody does. @param own the editor's manager */
export function declaredElsewhere(kind: Kind, before: KubeObject, after: KubeObject, own: string): FieldOwner[] {
  const { changed, removed } = diffObjects(kind, before, after, undefined);
  const edited = union(changed, removed);
  const owners = new Map<string, FieldSet>();
  const add = (manager: string, fields: FieldSet): void => {
    const touched = intersection(fields, edited);
    if (!isEmptySet(touched)) owners.set(manager, union(owners.get(manager) ?? touched, touched));
  };
  for (const entry of before.metadata.managedFields ?? []) if (declares(entry, own)) add(entry.manager ?? 'unknown', parseFields(entry.fieldsV1));
  const applied = lastAppliedFields(kind, before, undefined);
  if (applied) add(CLIENT_SIDE, applied);
  return [...owners].map(([manager, fields]) => ({ manager, fields: pathsInOrder(fields).map((path) => path.replace(/^\./, '')) }));
}

/** Does this entry stand in the way of edits by `own`? */
export function declares({ manager = '', operation, subresource }: ManagedFieldsEntry, own: string): boolean {
  if (subresource !== undefined || manager === own) return false;
  return operation === 'Apply' || (manager !== 'manifests' && gitManagers.has(manager));
}

/** @throws Problem 409 field_owned naming manager and fields */
export function refuseDeclaredElsewhere(kind: Kind, before: KubeObject, after: KubeObject, own: string): void {
  const owners = declaredElsewhere(kind, before, after, own);
  const [first] = owners;
  if (!first) return;
  const text = owners.map(({ manager, fields }) => `${fields.join(', ')} by ${JSON.stringify(manager)}`).join('; ');
  throw new Problem(409, 'field_owned', `${kind} ${before.metadata.name} is declared elsewhere: ${text}. Change it there`, { details: { manager: first.manager, owners } });
}

/** Deleted here, it would be back with the next sync of whoever goes on declaring it. @throws Problem 409 field_owned */
export function refuseDeletingDeclared(kind: Kind, { metadata: { name, managedFields = [] } }: KubeObject): void {
  const entry = managedFields.find((each) => each.subresource === undefined && gitManagers.has(each.manager ?? '') && (each.operation === 'Apply' || each.manager !== 'manifests'));
  if (!entry) return;
  throw new Problem(409, 'field_owned', `${kind} ${name} is declared by ${JSON.stringify(entry.manager)}: remove it there`, { details: { manager: entry.manager } });
}
