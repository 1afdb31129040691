/** Reads fields of restic's JSON without trusting it: a member of another type is as good as none. */
export type Json = Record<string, unknown>;

export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : {};
}

export function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(object: Json, name: string): string | undefined {
  const value = object[name];
  return typeof value === 'string' ? value : undefined;
}

export function number(object: Json, name: string): number | undefined {
  const value = object[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** A count: whole and not negative. */
export function count(object: Json, name: string): number | undefined {
  const value = number(object, name);
  return value !== undefined && value >= 0 ? Math.trunc(value) : undefined;
}

export function texts(object: Json, name: string): string[] {
  return asArray(object[name]).filter((value): value is string => typeof value === 'string');
}
