/** From the bytes of a manifest file to configurations ready to be applied, and everything that is wrong with them. Pure. */
import { createHash } from 'node:crypto';
import { apiVersionOf, kinds, type Kind } from '#crds/kinds.js';
import type { ObjectKey } from '#crds/meta.js';
import { decodeObject } from '../admission/decodeObject.js';
import { DecodeError, decode, decodeDocuments } from '../admission/decode.js';
import { isPlain } from '../admission/schemaWalk.js';
import { objectText, problemsOf, type ManifestProblem } from './problem.js';

export interface ManifestDocument {
  file: string;
  /** From one, empty ones left out. */
  document: number;
  kind: Kind;
  key: ObjectKey;
  /** As it was written. */
  configuration: Record<string, unknown>;
  /** Of the configuration: another one means another wish. */
  hash: string;
}

export interface DecodedManifests {
  documents: ManifestDocument[];
  problems: ManifestProblem[];
}

/** What a manifest may declare; the server makes the other kinds itself. */
const declarable: readonly Kind[] = kinds.filter((kind) => kind !== 'Event' && kind !== 'Lease');

/** `Host/default/web1` */
export const idOf = (kind: Kind, { namespace, name }: ObjectKey): string => `${kind}/${namespace}/${name}`;

/** @param namespace of objects that name none */
export function decodeManifest(file: string, bytes: Uint8Array, namespace: string): DecodedManifests {
  const result: DecodedManifests = { documents: [], problems: [] };
  const text = Buffer.from(bytes).toString('utf8');
  // Cut off by who is still writing it, or by a full disk. Who means "nothing" removes the file or leaves a comment.
  if (text.trim() === '') return { documents: [], problems: [{ file, message: 'is empty' }] };
  let values: unknown[];
  try {
    values = documentsOf(file, bytes);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const holdsSecret = /kind["']?\s*:\s*["']?Secret/.test(text);
    return { documents: [], problems: [{ file, ...(error instanceof DecodeError ? { document: documentAt(text, error.line) } : {}), message: holdsSecret ? message.replaceAll(/"[^"]*"|!<[^>]*>/g, '***') : message }] };
  }
  for (const [index, value] of values.entries()) {
    for (const each of itemsOf(value)) {
      const found = decodeDocument(file, index + 1, each, namespace);
      if ('problems' in found) result.problems.push(...found.problems);
      else result.documents.push(found);
    }
  }
  return result;
}

/** Duplicate keys are errors: the reader of a manifest sees one of them and the server would take another. */
function documentsOf(file: string, bytes: Uint8Array): unknown[] {
  if (!/\.json$/i.test(file)) return decodeDocuments(bytes);
  const { value, duplicates } = decode(bytes, 'json');
  if (duplicates.length > 0) throw new Error(`duplicate field ${JSON.stringify(duplicates[0])}`);
  return value === null ? [] : [value];
}

/** A v1 List is the documents in it, as for kubectl. */
function itemsOf(value: unknown): unknown[] {
  return isPlain(value) && value['kind'] === 'List' && value['apiVersion'] === 'v1' && Array.isArray(value['items']) ? value['items'] : [value];
}

function decodeDocument(file: string, document: number, value: unknown, namespace: string): ManifestDocument | { problems: ManifestProblem[] } {
  const refuse = (message: string, field?: string): { problems: ManifestProblem[] } => ({ problems: [{ file, document, ...(field === undefined ? {} : { field }), message }] });
  if (!isPlain(value)) return refuse('an object with apiVersion, kind and metadata is expected');
  const { apiVersion, kind: given, metadata } = value;
  if (typeof apiVersion !== 'string') return refuse('is required', 'apiVersion');
  if (typeof given !== 'string') return refuse('is required', 'kind');
  const kind = declarable.find((known) => known === given && apiVersionOf(known) === apiVersion);
  if (kind === undefined) return refuse(`${JSON.stringify(given)} in version ${JSON.stringify(apiVersion)} is not a kind of this server (${declarable.join(', ')})`, 'kind');
  const name = isPlain(metadata) ? metadata['name'] : undefined;
  if (!isPlain(metadata) || typeof name !== 'string' || name === '') return refuse('is required', 'metadata.name');
  const place = { file, document, object: objectText(kind, name) };
  try {
    const { metadata: meta } = decodeObject(kind, value, { fieldValidation: 'Strict' });
    return { file, document, kind, key: { namespace: meta.namespace ?? namespace, name }, configuration: value, hash: createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32) };
  } catch (error) {
    return { problems: problemsOf(error, place, value) };
  }
}

/** An object declared twice is applied from neither place: which one counts must not depend on the order of files. */
export function withoutDuplicates(documents: readonly ManifestDocument[]): DecodedManifests {
  const places = new Map<string, ManifestDocument[]>();
  for (const each of documents) places.set(idOf(each.kind, each.key), [...(places.get(idOf(each.kind, each.key)) ?? []), each]);
  const result: DecodedManifests = { documents: [], problems: [] };
  for (const [first, ...more] of places.values()) {
    if (!first) continue;
    if (more.length === 0) result.documents.push(first);
    else for (const { file, document, kind, key } of more) result.problems.push({ file, document, object: objectText(kind, key.name), message: `is declared already in ${first.file}, document ${String(first.document)}` });
  }
  return result;
}

/** The number of the document that holds a line; documents without content do not count. */
function documentAt(text: string, line: number): number {
  let document = 1;
  let hasContent = false;
  for (const each of text.split('\n').slice(0, line)) {
    if (/^---(\s|$)/.test(each)) {
      if (hasContent) document++;
      hasContent = each.slice(3).trim() !== '';
    } else if (each.trim() !== '' && !each.trimStart().startsWith('#')) hasContent = true;
  }
  return document;
}
