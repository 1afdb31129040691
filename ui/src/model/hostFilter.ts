/** The dashboard's filter and order, and how they stand in the URL: ?q= &state= &label= &sort=. */
import type { HostRow } from './hostRow.js';
import { sorted, type Sort, type SortValue } from './table.js';

export const states = ['all', 'trouble', 'online', 'offline', 'asleep', 'suspended', 'pending'] as const;
export type StateFilter = (typeof states)[number];
export interface HostFilter { text: string; state: StateFilter; labels: readonly string[] }

export function inState(row: HostRow, state: StateFilter): boolean {
  if (state === 'all') return true;
  if (state === 'trouble') return row.trouble.length > 0;
  return row.phase.toLowerCase() === state;
}

export function matches(row: HostRow, filter: HostFilter): boolean {
  if (!inState(row, filter.state) || !filter.labels.every((label) => row.labels.includes(label))) return false;
  const text = filter.text.trim().toLowerCase();
  return text === '' || [row.name, row.title, row.platform, row.host.status?.agent?.hostname ?? '', row.repository?.spec.url ?? '', ...row.labels].some((part) => part.toLowerCase().includes(text));
}

const order: Record<string, (row: HostRow) => SortValue> = {
  name: (row) => row.name,
  state: (row) => row.phase,
  last: (row) => row.lastBackupAt,
  next: (row) => row.nextBackupAt,
  size: (row) => row.sizeBytes,
  snapshots: (row) => row.snapshotCount,
  trouble: (row) => (row.trouble[0]?.severity === 'bad' ? 0 : row.trouble.length > 0 ? 1 : 2),
};
export const sortKeys = Object.keys(order);

export function ordered(rows: readonly HostRow[], sort: Sort): HostRow[] {
  return sorted(rows, order[sort.key] ?? ((row) => row.name), sort.descending, (row) => row.name);
}

/** Labels of the fleet, most used first. */
export function commonLabels(rows: readonly HostRow[], limit: number): string[] {
  const uses = new Map<string, number>();
  for (const row of rows) for (const label of row.labels) uses.set(label, (uses.get(label) ?? 0) + 1);
  return [...uses].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, limit).map(([label]) => label);
}
