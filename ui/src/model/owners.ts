/**
 * Who declares an object's fields, and so edits them (X11): appliers and known Git managers, as the live channel passes them
 * on, and the last-applied annotation of kubectl. The server decides; this shows it before somebody tries. Pure.
 */
import type { KubeObject } from '#crds/meta.js';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const CLIENT_SIDE = 'kubectl-client-side-apply';

export interface Owner {
  manager: string;
  /** `spec.schedule`, `labels` */
  fields: string[];
}

export function ownersOf({ metadata }: KubeObject): Owner[] {
  const owners = new Map<string, Set<string>>();
  const add = (manager: string, fields: Iterable<string>): void => { owners.set(manager, new Set([...owners.get(manager) ?? [], ...fields])); };
  for (const { manager = 'unknown', fieldsV1 = {} } of metadata.managedFields ?? []) add(manager, pathsOf(fieldsV1));
  const applied = parsed(metadata.annotations?.[LAST_APPLIED]);
  if (applied) add(CLIENT_SIDE, Object.keys(applied['spec'] ?? {}).map((field) => `spec.${field}`));
  return [...owners].map(([manager, fields]) => ({ manager, fields: [...fields].sort() })).filter(({ fields }) => fields.length > 0);
}

/** `{"f:spec": {"f:retention": {"f:keepLast": {}}}}` -> `spec.retention`: as deep as people think of a field. */
function pathsOf(fields: Record<string, unknown>): string[] {
  const names = (value: unknown): string[] => (typeof value === 'object' && value !== null ? Object.keys(value).filter((key) => key.startsWith('f:')).map((key) => key.slice(2)) : []);
  return [...names(fields['f:spec']).map((field) => `spec.${field}`), ...names(fields['f:metadata']).filter((field) => field === 'labels')];
}

function parsed(text: string | undefined): Record<string, object | undefined> | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return typeof value === 'object' && value !== null ? value as Record<string, object | undefined> : undefined;
  } catch {
    return undefined;
  }
}
