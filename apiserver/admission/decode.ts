/**
 * From bytes to plain objects, for request bodies and manifest files. What a body could do to the process is bounded here:
 * size, depth, YAML aliases and their expansion. YAML is 1.2 core with merge keys, one plain tree: no dates, no binary, no
 * shared nodes.
 */
import { CORE_SCHEMA, YAMLException, load, loadAll, mergeTag } from 'js-yaml';
import { DecodeError, TooLarge } from './decodeError.js';
import { parseJson } from './jsonParse.js';

export { DecodeError, TooLarge } from './decodeError.js';

/** kube-apiserver's limit for a request body, in bytes. */
export const BODY_LIMIT = 3 * 1024 * 1024;
const MAX_DEPTH = 100;
const MAX_ALIASES = 1000;
const MAX_NODES = 500_000;
const MAX_CHARACTERS = 2 * BODY_LIMIT;

export interface Decoded {
  value: unknown;
  /** Keys given twice, by path; the last one won. YAML reports them as errors instead. */
  duplicates: string[];
}

export type TextFormat = 'json' | 'yaml';

/** @throws DecodeError | TooLarge */
export function decode(body: Uint8Array | string, format: TextFormat): Decoded {
  const text = textOf(body);
  if (format === 'json') return parseJson(text);
  return { value: yaml(() => plain(load(text, yamlOptions))), duplicates: [] };
}

/** All documents of a manifest file, empty ones left out. JSON is a subset. @throws DecodeError | TooLarge */
export function decodeDocuments(body: Uint8Array | string): unknown[] {
  const text = textOf(body);
  return yaml(() => loadAll(text, yamlOptions).map(plain)).filter((document) => document !== null && document !== undefined);
}

const yamlOptions = { schema: CORE_SCHEMA.withTags(mergeTag), maxDepth: MAX_DEPTH, maxAliases: MAX_ALIASES };

function textOf(body: Uint8Array | string): string {
  const size = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  if (size > BODY_LIMIT) throw new TooLarge(BODY_LIMIT);
  if (typeof body === 'string') return body;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new DecodeError('the text is not UTF-8', 1, 1);
  }
}

function yaml<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    if (error instanceof YAMLException) throw new DecodeError(error.reason, (error.mark?.line ?? 0) + 1, (error.mark?.column ?? 0) + 1);
    // The parser says that other exceptions may escape it; none of them is ours to crash on.
    throw new DecodeError(error instanceof Error ? error.message : 'not YAML', 1, 1);
  }
}

/** A copy in which no node is shared, so that what aliases expand to is counted and bounded. */
function plain(document: unknown): unknown {
  let nodes = 0;
  let characters = 0;
  const copy = (value: unknown): unknown => {
    if (typeof value === 'string' && (characters += value.length) > MAX_CHARACTERS) throw new DecodeError(`aliases expand to more than ${MAX_CHARACTERS} characters`, 1, 1);
    if (++nodes > MAX_NODES) throw new DecodeError(`aliases expand to more than ${MAX_NODES} values`, 1, 1);
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) {
      if (typeof value === 'number' && !Number.isFinite(value)) throw new DecodeError(`${value} is not a JSON number`, 1, 1);
      return value;
    }
    const result: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__') throw new DecodeError('key "__proto__" is not accepted', 1, 1);
      result[key] = copy(inner);
    }
    return result;
  };
  return copy(document);
}
