/**
 * Reads the JSON text of a stored object. The field sets of metadata.managedFields are often the larger half of an object and
 * nearly always equal to another object's: equal ones are parsed once and shared, so that 100,000 jobs hold them once. What an
 * object says twice (a status repeats what was observed) it holds once. Sharing is safe because all of it is frozen.
 */
import { apiVersionOf, kinds } from '#crds/kinds.js';
import { deepFreeze, equal, isRecord, type Json } from './plainJson.js';

const MEMBER = '"fieldsV1":';
/** Distinct field sets kept; a fleet has dozens. */
const MOST = 2048;
const shared = new Map<string, object>();

/** The object, frozen. @throws SyntaxError */
export function parseStored(text: string): object {
  const object = shareFields(text) ?? JSON.parse(text) as object;
  if (isRecord(object)) shareWithin(object);
  return deepFreeze(object);
}

const constants = new Map(kinds.map((kind) => [apiVersionOf(kind), apiVersionOf(kind)]));

/** What many objects repeat: names of hosts and groups, label values, messages. The newest generation of each, two at most. */
const MOST_REPEATED = 16_384;
function repeated<T>(make: (text: string) => T): (text: string) => T {
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  return (text) => {
    let known = young.get(text);
    if (known !== undefined) return known;
    if (young.size >= MOST_REPEATED) [old, young] = [young, new Map()];
    known = old.get(text) ?? make(text);
    young.set(text, known);
    return known;
  };
}
const sameText = repeated((text) => text);
/** `{ name }`, as every reference of ours is. */
const sameReference = repeated((name) => Object.freeze({ name }));

function shareTexts(object: Json): void {
  for (const member of Object.keys(object)) if (typeof object[member] === 'string') object[member] = sameText(object[member]);
}

/** Equal values become the same value; nothing else changes. */
function shareWithin(object: Json): void {
  const apiVersion = constants.get(object['apiVersion'] as string);
  if (apiVersion !== undefined) object['apiVersion'] = apiVersion;
  const { metadata, spec, status } = object;
  if (isRecord(spec)) {
    for (const [member, value] of Object.entries(spec)) if (isReference(value)) spec[member] = sameReference(value.name);
  }
  if (isRecord(metadata) && isRecord(metadata['labels'])) shareTexts(metadata['labels']);
  if (isRecord(status) && Array.isArray(status['conditions'])) {
    for (const condition of status['conditions'] as unknown[]) if (isRecord(condition) && typeof condition['message'] === 'string') condition['message'] = sameText(condition['message']);
  }
  if (isRecord(metadata) && Array.isArray(metadata['managedFields'])) {
    let last: Json = { time: metadata['creationTimestamp'] };
    for (const entry of metadata['managedFields'] as unknown[]) {
      if (!isRecord(entry)) continue;
      if (entry['apiVersion'] === apiVersion && apiVersion !== undefined) entry['apiVersion'] = apiVersion;
      for (const member of ['manager', 'time']) if (entry[member] !== undefined && entry[member] === last[member]) entry[member] = last[member];
      last = entry;
    }
  }
  if (!isRecord(status) || !isRecord(status['observed'])) return;
  for (const [member, value] of Object.entries(status['observed'])) if (Object.hasOwn(status, member) && equal(status[member], value)) status[member] = value;
}

function isReference(value: unknown): value is { name: string } {
  return isRecord(value) && typeof value['name'] === 'string' && Object.keys(value).length === 1;
}

/** Undefined when the text is not laid out as expected: then it is parsed whole. */
function shareFields(text: string): object | undefined {
  const sets: object[] = [];
  let rest = '';
  let from = 0;
  for (let at = text.indexOf(MEMBER); at >= 0; at = text.indexOf(MEMBER, from)) {
    const begin = at + MEMBER.length;
    const end = endOfObject(text, begin);
    if (end === undefined) return undefined;
    rest += `${text.slice(from, begin)}${sets.length}`;
    sets.push(fieldSet(text.slice(begin, end)));
    from = end;
  }
  if (sets.length === 0) return undefined;
  const object: unknown = JSON.parse(rest + text.slice(from));
  const entries = isRecord(object) && isRecord(object['metadata']) ? object['metadata']['managedFields'] : undefined;
  if (!isRecord(object) || !Array.isArray(entries)) return undefined;
  // Each number must have come back at its place: a member of that name may also stand elsewhere.
  let next = 0;
  for (const entry of entries as unknown[]) {
    if (!isRecord(entry) || entry['fieldsV1'] === undefined) continue;
    if (entry['fieldsV1'] !== next) return undefined;
    entry['fieldsV1'] = sets[next];
    next += 1;
  }
  return next === sets.length ? object : undefined;
}

function fieldSet(text: string): object {
  let known = shared.get(text);
  if (known === undefined) {
    if (shared.size >= MOST) shared.clear();
    known = deepFreeze(JSON.parse(text) as object);
    // A slice would keep the whole text it was cut from.
    shared.set(Buffer.from(text).toString(), known);
  }
  return known;
}

/** Index after the object that begins at `begin`; undefined when none begins there. */
function endOfObject(text: string, begin: number): number | undefined {
  if (text.charCodeAt(begin) !== 0x7b) return undefined;
  let depth = 0;
  for (let at = begin; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: depth += 1; break;
      case 0x7d: depth -= 1; if (depth === 0) return at + 1; break;
      case 0x22:
        for (at = text.indexOf('"', at + 1); at >= 0 && isEscaped(text, at); at = text.indexOf('"', at + 1));
        if (at < 0) return undefined;
        break;
      default:
    }
  }
  return undefined;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}
