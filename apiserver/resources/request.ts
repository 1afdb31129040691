/** A request in Kubernetes' terms: which resource, which verb, which parameters. Nothing else in this room parses a path. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal, WriteOptions } from '#crds/objectStore.js';
import { invalid, invalidOptions, notSupported, tooLong } from '../admission/fieldErrors.js';
import { badRequest } from './errors.js';
import type { About } from './errors.js';

export interface ResourcePath {
  group: string;
  version: string;
  plural: string;
  namespace?: string;
  name?: string;
  subresource?: string;
}

/** Undefined when the path names no resource. @param path decoded by segment, e.g. /apis/g/v/namespaces/n/hosts/web1/status */
export function parsePath(path: string): ResourcePath | undefined {
  const parts = path.split('/').filter((part) => part !== '').map(decodeSegment);
  const [root, ...rest] = parts;
  let group = '';
  if (root === 'apis') group = rest.shift() ?? '';
  else if (root !== 'api') return undefined;
  const version = rest.shift();
  if (version === undefined || rest.length === 0) return undefined;
  let namespace: string | undefined;
  if (rest[0] === 'namespaces' && rest.length > 2) [, namespace] = rest.splice(0, 2);
  const [plural, name, subresource, ...more] = rest;
  if (plural === undefined || more.length > 0) return undefined;
  return { group, version, plural, ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }), ...(subresource === undefined ? {} : { subresource }) };
}

function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`the path segment ${JSON.stringify(part)} is not valid percent-encoding`);
  }
}

/** A request with what the authentication before it found out. */
export interface ResourceRequest extends IncomingMessage {
  principal?: Principal;
}

/** The path as sent, without the query. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

export function queryOf({ url = '' }: IncomingMessage): string {
  const begin = url.indexOf('?');
  return begin < 0 ? '' : url.slice(begin + 1);
}

export interface Call {
  /** What a refusal is about; completed while the request is read. */
  about: About;
  req: ResourceRequest;
  res: ServerResponse;
  path: ResourcePath;
  query: URLSearchParams;
  principal: Principal;
  verb: string;
}

export function verbOf(method: string, path: ResourcePath, query: URLSearchParams): string | undefined {
  const named = path.name !== undefined;
  switch (method) {
    case 'GET': case 'HEAD': return isTrue(query.get('watch')) && !named ? 'watch' : named ? 'get' : 'list';
    case 'POST': return named && path.subresource === undefined ? undefined : 'create';
    case 'PUT': return named ? 'update' : undefined;
    case 'PATCH': return named ? 'patch' : undefined;
    case 'DELETE': return named ? 'delete' : 'deletecollection';
    default: return undefined;
  }
}

/** As the API server reads a boolean: given without a value it is true, and so is whatever is not `false` or `0`. */
export const isTrue = (value: string | null): boolean => value !== null && value !== '0' && value.toLowerCase() !== 'false';

/** @throws ApiError 400 when a number is expected and something else is there */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?[0-9]{1,15}$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
const optionsOf: Record<string, string> = { create: 'CreateOptions', update: 'UpdateOptions', patch: 'PatchOptions', delete: 'DeleteOptions', deletecollection: 'DeleteOptions' };

/** The query's dryRun, fieldManager and fieldValidation with the writer. Warnings go to `warn`. */
export function writeOptions({ req, query, principal, verb }: Call, warn: (message: string) => void): WriteOptions & { fieldValidation: NonNullable<WriteOptions['fieldValidation']> } {
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (fieldValidation !== 'Strict' && fieldValidation !== 'Warn' && fieldValidation !== 'Ignore') {
    throw invalidOptions(optionsOf[verb] ?? '', notSupported('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  const fieldManager = query.get('fieldManager') || (req.headers['user-agent'] ?? 'unknown').split('/')[0] || 'unknown';
  if (fieldManager.length > 128) throw invalidOptions(optionsOf[verb] ?? '', tooLong('fieldManager', 128));
  if (UNPRINTABLE.test(fieldManager)) throw invalidOptions(optionsOf[verb] ?? '', invalid('fieldManager', fieldManager, `invalid character U+${(UNPRINTABLE.exec(fieldManager)?.[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')} (at position ${UNPRINTABLE.exec(fieldManager)?.index ?? 0})`));
  return { principal, door: 'resources', fieldManager, sourceIP: req.socket.remoteAddress, dryRun: isDryRun(query, optionsOf[verb]), fieldValidation, warn };
}

/** @throws InvalidAs */
export function isDryRun(query: URLSearchParams, options = 'DeleteOptions'): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '');
  if (values.some((value) => value !== 'All')) throw invalidOptions(options, notSupported('dryRun', values, ['All']));
  return values.length > 0;
}
