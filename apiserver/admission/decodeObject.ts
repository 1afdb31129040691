/**
 * From a decoded body to an object of a kind: the envelope has its types and nothing unknown is left, before any other code
 * looks into it. Doors that take text (the resource API, manifest files) call this; admission itself repeats the part that
 * objects made by our own code need.
 */
import type { Kind, KindMap } from '#crds/kinds.js';
import { apiVersionOf, resources } from '#crds/kinds.js';
import { invalid, InvalidAs, strictDecoding, summary, Undecodable, undecodable } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';
import { metadataSchema } from './metadata.js';
import { prune } from './prune.js';
import { schemaOf } from './schemaOf.js';
import { isPlain } from './schemaWalk.js';
import { validate } from './validate.js';

export interface DecodeOptions {
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Receives each unknown or duplicate field under Warn. */
  warn?: (message: string) => void;
  /** Paths of keys given twice in the text. */
  duplicates?: readonly string[];
}

/** @throws Undecodable: another kind, metadata of the wrong type, unknown or duplicate fields under Strict */
export function decodeObject<K extends Kind>(kind: K, value: unknown, { fieldValidation, warn, duplicates = [] }: DecodeOptions): KindMap[K] {
  const { version } = resources[kind];
  if (!isPlain(value)) throw undecodable(kind, version, 'an object is expected');
  const { apiVersion = apiVersionOf(kind), kind: given = kind, metadata = {}, ...rest } = value;
  const group = resources[kind].group;
  if (resources[kind].crd && apiVersion === apiVersionOf(kind) && typeof given === 'string' && given !== kind) {
    const name = isPlain(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
    throw new InvalidAs({ kind: given, group, name }, [invalid('kind', given, `must be ${kind}`)]);
  }
  if (given === kind && apiVersion !== apiVersionOf(kind)) throw new Undecodable(`the API version in the data (${shown(apiVersion)}) does not match the expected API version (${apiVersionOf(kind)})`);
  if (given !== kind) {
    throw undecodable(kind, version, `the API version or kind in the data (${shown(apiVersion)}, Kind=${shown(given)}) does not match the expected one (${apiVersionOf(kind)}, Kind=${kind})`);
  }
  if (!isPlain(metadata)) throw undecodable(kind, version, `metadata must be an object, not ${shown(metadata)}`);
  const unknown: string[] = [];
  const object = prune(rest, schemaOf(kind), '', unknown) as Record<string, unknown>;
  const unknownMeta: string[] = [];
  const meta = prune(metadata, metadataSchema, 'metadata', unknownMeta);
  const errors: FieldError[] = [];
  validate(meta, metadataSchema, 'metadata', errors);
  if (errors.length > 0) throw undecodable(kind, version, summary(errors));
  const problems = [...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`), ...inOrder(kind, unknown, unknownMeta).map((path) => `unknown field ${JSON.stringify(path)}`)];
  if (problems.length > 0 && fieldValidation === 'Strict') throw strictDecoding(kind, version, problems);
  if (fieldValidation === 'Warn') for (const problem of problems) warn?.(problem);
  return { apiVersion, kind, metadata: meta, ...object } as unknown as KindMap[K];
}

/** As the API server tells them: custom resources' sorted, those of metadata first; core kinds' as they come. */
const inOrder = (kind: Kind, unknown: string[], unknownMeta: string[]): string[] => (resources[kind].crd ? [...unknownMeta.sort(), ...unknown.sort()] : [...unknown, ...unknownMeta]);

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
