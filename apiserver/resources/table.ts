/** meta.k8s.io/v1 Table replies, which is what `kubectl get` prints: the CRD's printer columns, core kinds as kubectl knows them. */
import type { Event, Lease, Secret } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { age } from './humanDuration.js';
import type { Served } from './served.js';

interface Column { name: string; type: string; format: string; description: string; priority: number }
type Cell = string | number | boolean | null;
interface Columns { definitions: Column[]; cells: (object: KubeObject, now: number) => Cell[] }

const column = (name: string, type: string, priority = 0, description = '', format = ''): Column => ({ name, type, format, description, priority });
const nameColumn = column('Name', 'string', 0, 'Name must be unique within a namespace.', 'name');

export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** @param list its metadata is the Table's @param headers false: columnDefinitions are left out (later events of a watch) */
export function tableOf(served: Served, objects: readonly KubeObject[], metadata: object, include: IncludeObject, now: number, headers = true): object {
  const { definitions, cells } = columnsOf(served);
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata,
    columnDefinitions: headers ? definitions : null,
    rows: objects.map((object) => ({ cells: cells(object, now), ...rowObject(object, include) })),
  };
}

function rowObject(object: KubeObject, include: IncludeObject): { object?: unknown } {
  if (include === 'None') return {};
  return { object: include === 'Object' ? object : partial(object) };
}

/** Only the metadata of an object. */
export const partial = (object: KubeObject): object => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata });

function columnsOf(served: Served): Columns {
  switch (served.kind) {
    case 'Secret': return secretColumns;
    case 'Event': return eventColumns;
    case 'Lease': return leaseColumns;
    default: return {
      definitions: [nameColumn, ...served.columns.map((each) => column(each.name, each.type, each.priority ?? 0, each.description ?? `Custom resource definition column (in JSONPath format): ${each.jsonPath}`, each.format ?? ''))],
      cells: (object, now) => [object.metadata.name, ...served.columns.map((each) => cell(valueAt(object, each.jsonPath), each.type, now))],
    };
  }
}

function cell(value: unknown, type: string, now: number): Cell {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'date': return age(value, now);
    case 'integer': case 'number': return typeof value === 'number' ? value : null;
    case 'boolean': return typeof value === 'boolean' ? value : null;
    default: return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

/** The value at a simple JSONPath: `.spec.url`, `.status.conditions[?(@.type=="Ready")].status`. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const [, key, filterKey, filterValue, index] of path.matchAll(/\.([A-Za-z0-9_-]+)|\[\?\(@\.([A-Za-z0-9_]+)==["']([^"']*)["']\)\]|\[(\d+)\]/g)) {
    if (key !== undefined) value = member(value, key);
    else if (filterKey !== undefined) value = Array.isArray(value) ? (value as unknown[]).find((each) => member(each, filterKey) === filterValue) : undefined;
    else value = Array.isArray(value) ? (value as unknown[])[Number(index)] : undefined;
  }
  return value;
}

const member = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined);

const secretColumns: Columns = {
  definitions: [nameColumn, column('Type', 'string'), column('Data', 'string'), column('Age', 'string')],
  cells: (object, now) => {
    const secret = object as Secret;
    return [secret.metadata.name, secret.type ?? 'Opaque', Object.keys(secret.data ?? {}).length, age(secret.metadata.creationTimestamp, now)];
  },
};

const eventColumns: Columns = {
  definitions: [
    column('Last Seen', 'string'), column('Type', 'string'), column('Reason', 'string'), column('Object', 'string'), column('Subobject', 'string', 1),
    column('Source', 'string', 1), column('Message', 'string'), column('First Seen', 'string', 1), column('Count', 'string', 1), column('Name', 'string', 1, '', 'name'),
  ],
  cells: (object, now) => {
    const event = object as Event;
    const { kind, name, fieldPath } = event.involvedObject;
    const first = event.firstTimestamp ?? event.eventTime;
    const source = event.source?.component ?? event.reportingComponent ?? '';
    return [
      age(event.lastTimestamp ?? first, now), event.type ?? '', event.reason ?? '', kind === undefined ? (name ?? '') : `${kind.toLowerCase()}/${name ?? ''}`, fieldPath ?? '',
      event.source?.host ? `${source}, ${event.source.host}` : source, (event.message ?? '').trim(), age(first, now), event.count ?? 1, event.metadata.name,
    ];
  },
};

const leaseColumns: Columns = {
  definitions: [nameColumn, column('Holder', 'string'), column('Age', 'string')],
  cells: (object, now) => [object.metadata.name, (object as Lease).spec.holderIdentity ?? '', age(object.metadata.creationTimestamp, now)],
};
