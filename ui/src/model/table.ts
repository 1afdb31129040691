/** What a table column says about itself, and how rows are ordered: unknown values always last. */
export interface Column {
  key: string;
  label: string;
  align?: 'right' | 'fill';
  sortable?: boolean;
  /** First click sorts from high to low: sizes, times. */
  descendingFirst?: boolean;
  /** Narrower than this, the column is left out: wide 1280 px, medium 900 px, small 560 px. */
  hide?: 'wide' | 'medium' | 'small';
  /** In a windowed table, so that columns stay where they are while rows come and go. */
  width?: string;
  /** The heading is for screen readers only. */
  quiet?: boolean;
}

export interface Sort { key: string; descending: boolean }

export type SortValue = string | number | undefined;

/** A sorted copy; ties by `tie`. */
export function sorted<T>(rows: readonly T[], value: (row: T) => SortValue, descending: boolean, tie: (row: T) => string): T[] {
  const keyed = rows.map((row) => ({ row, value: value(row), tie: tie(row) }));
  keyed.sort((a, b) => {
    if (a.value === undefined || b.value === undefined) return (a.value === undefined ? 1 : 0) - (b.value === undefined ? 1 : 0) || a.tie.localeCompare(b.tie);
    const order = typeof a.value === 'number' && typeof b.value === 'number' ? a.value - b.value : String(a.value).localeCompare(String(b.value));
    return (descending ? -order : order) || a.tie.localeCompare(b.tie);
  });
  return keyed.map((entry) => entry.row);
}

/** `size` or `-size`, as it stands in the URL. */
export function sortText(sort: Sort): string {
  return (sort.descending ? '-' : '') + sort.key;
}

export function sortFrom(text: unknown, fallback: Sort, keys: readonly string[]): Sort {
  if (typeof text !== 'string') return fallback;
  const key = text.replace(/^-/, '');
  return keys.includes(key) ? { key, descending: text.startsWith('-') } : fallback;
}
