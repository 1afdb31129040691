/**
 * Strategic merge patch for core/v1 kinds, which kubectl sends for what it knows by type (a changed Secret). Maps merge,
 * null removes, lists are replaced, except the two metadata lists that have a merge strategy. Our own kinds have no such
 * strategies and answer 415, as custom resources do.
 * Source: Kubernetes community, contributors/devel/sig-api-machinery/strategic-merge-patch.md.
 */
import { isPlain, put, sameJson } from '../admission/schemaWalk.js';
import type { Plain } from '../admission/schemaWalk.js';
import { badRequest } from './errors.js';

/** Lists merged by key; `undefined`: a set of primitives. */
const mergedLists: Record<string, string | undefined> = { 'metadata.ownerReferences': 'uid', 'metadata.finalizers': undefined };

/** A new object; `target` is not changed. */
export function strategicMerge(target: unknown, patch: Plain, path = ''): Plain {
  const directive = patch['$patch'];
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'replace' && directive !== 'merge') throw badRequest(`unknown patch directive $patch: ${JSON.stringify(directive)}`);
  const result: Plain = {};
  if (directive !== 'replace' && isPlain(target)) for (const [key, value] of Object.entries(target)) put(result, key, value);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    const inner = path === '' ? key : `${path}.${key}`;
    if (value === null) Reflect.deleteProperty(result, key);
    else if (Array.isArray(value)) put(result, key, mergeList(Object.hasOwn(result, key) ? result[key] : undefined, value, inner));
    else put(result, key, isPlain(value) ? strategicMerge(Object.hasOwn(result, key) ? result[key] : undefined, value, inner) : value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$deleteFromPrimitiveList/') && Array.isArray(value)) {
      const name = key.slice(key.indexOf('/') + 1);
      const list = result[name];
      if (Array.isArray(list)) result[name] = list.filter((each) => !value.some((gone) => sameJson(gone, each)));
    }
    if (key.startsWith('$setElementOrder/') && Array.isArray(value)) order(result, key.slice(key.indexOf('/') + 1), value, path);
  }
  const kept = patch['$retainKeys'];
  if (Array.isArray(kept)) for (const key of Object.keys(result)) if (!kept.includes(key)) Reflect.deleteProperty(result, key);
  return result;
}

function mergeList(target: unknown, patch: readonly unknown[], path: string): unknown[] {
  if (!Object.hasOwn(mergedLists, path)) return structuredClone([...patch]);
  const key = mergedLists[path];
  const present: unknown[] = Array.isArray(target) ? [...(target as unknown[])] : [];
  if (key === undefined) return [...present, ...patch.filter((each) => !present.some((known) => sameJson(known, each)))];
  if (patch.some((each) => isPlain(each) && each['$patch'] === 'replace')) return patch.filter((each) => isPlain(each) && each['$patch'] === undefined);
  for (const each of patch) {
    if (!isPlain(each) || each[key] === undefined) throw badRequest(`${path}: each item of a strategic merge patch needs ${key}`);
    const at = present.findIndex((known) => isPlain(known) && known[key] === each[key]);
    if (each['$patch'] === 'delete') {
      if (at >= 0) present.splice(at, 1);
    } else if (at >= 0) present[at] = strategicMerge(present[at], each, `${path}[]`);
    else present.push(each);
  }
  return present;
}

function order(result: Plain, name: string, wanted: readonly unknown[], path: string): void {
  const list = result[name];
  if (!Array.isArray(list)) return;
  const key = mergedLists[path === '' ? name : `${path}.${name}`];
  const position = (value: unknown): number => {
    const at = wanted.findIndex((each) => (key !== undefined && isPlain(each) && isPlain(value) ? each[key] === value[key] : sameJson(each, value)));
    return at < 0 ? wanted.length : at;
  };
  result[name] = (list as unknown[]).map((value, index) => ({ value, index })).sort((a, b) => position(a.value) - position(b.value) || a.index - b.index).map(({ value }) => value);
}
