/** Every refusal as metav1.Status, in the API server's words. One place maps errors of all kinds to HTTP. */
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { constants, createGzip, gzip } from 'node:zlib';
import { StoreError, Unavailable } from '#crds/objectStore.js';
import type { StatusCause, StoreErrorReason } from '#crds/objectStore.js';
import { DecodeError, TooLarge } from '../admission/decode.js';
import { InvalidAs, ROOT } from '../admission/fieldErrors.js';
import { Undecodable } from '../admission/index.js';
import { NotTyped, BadRequest as StoreBadRequest } from '../stores/errors.js';

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { name?: string; group?: string; kind?: string; uid?: string; causes?: StatusCause[]; retryAfterSeconds?: number };
  code?: number;
}

/** A refusal decided in this room. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  constructor(code: number, reason: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.headers = headers;
  }
}
export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);
export const notFoundPath = (): ApiError => new ApiError(404, 'NotFound', 'the server could not find the requested resource');
export const methodNotAllowed = (): ApiError => new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized', { 'WWW-Authenticate': 'Bearer' });
export const notAcceptable = (accepted: readonly string[]): ApiError => new ApiError(406, 'NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);
export const unsupportedMediaType = (accepted: readonly string[]): ApiError => new ApiError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);

/** What the request was about, for details. */
export interface About { name?: string; group?: string; plural?: string; kind?: string; /** Of the object in the body, when the path has none. */ bodyName?: string }

const codes: Record<StoreErrorReason, { code: number; reason: string }> = {
  NotFound: { code: 404, reason: 'NotFound' },
  AlreadyExists: { code: 409, reason: 'AlreadyExists' },
  Conflict: { code: 409, reason: 'Conflict' },
  Invalid: { code: 422, reason: 'Invalid' },
  Forbidden: { code: 403, reason: 'Forbidden' },
  TooManyRequests: { code: 429, reason: 'TooManyRequests' },
  Unavailable: { code: 503, reason: 'ServiceUnavailable' },
  Gone: { code: 410, reason: 'Expired' },
};

/** Undefined: a fault of ours, to be logged and answered with 500. */
export function statusOf(error: unknown, about: About = {}): Status | undefined {
  if (error instanceof ApiError) return failure(error.code, error.reason, error.message, error.code === 403 ? detailsOf(about, about.plural) : undefined);
  if (error instanceof TooLarge) return failure(413, 'RequestEntityTooLarge', error.message);
  if (error instanceof DecodeError) return failure(400, 'BadRequest', `the object provided is not readable: ${error.message}`);
  if (error instanceof NotTyped) return failure(400, undefined, error.message);
  if (error instanceof StoreBadRequest || error instanceof Undecodable) return failure(400, 'BadRequest', error.message);
  if (!(error instanceof StoreError)) return undefined;
  const { code, reason } = codes[error.reason];
  const retry = error.retryAfterSeconds ?? (error.reason === 'TooManyRequests' || error.reason === 'Unavailable' ? 1 : undefined);
  const isInvalid = error.reason === 'Invalid';
  // kubectl shows only the causes of an Invalid, so there is always one.
  const causes = error.causes.length === 0 && isInvalid ? [{ reason: 'FieldValueInvalid', message: error.message, field: ROOT }] : error.causes;
  const details = {
    ...(error instanceof InvalidAs ? detailsOf(error.about, error.about.kind) : detailsOf(about, isInvalid ? about.kind : about.plural)),
    ...(causes.length === 0 ? {} : { causes }),
    ...(retry === undefined ? {} : { retryAfterSeconds: retry }),
  };
  return failure(error instanceof Unavailable && error.diskFull ? 507 : code, reason, error.message, details);
}

function detailsOf({ name: named, bodyName, group }: About, kind: string | undefined): NonNullable<Status['details']> {
  const name = named ?? bodyName;
  return { ...(name ? { name } : {}), ...(group ? { group } : {}), ...(kind ? { kind } : {}) };
}

function failure(code: number, reason: string | undefined, message: string, details?: Status['details']): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, ...(reason === undefined ? {} : { reason }), ...(details ? { details } : {}), code };
}

export const internalError = (): Status => failure(500, 'InternalError', 'Internal error occurred; the server log names it');

export function sendStatus(res: ServerResponse, status: Status, headers: Record<string, string> = {}): void {
  const retry = status.details?.retryAfterSeconds;
  sendJson(res, status.code ?? 200, JSON.stringify(status), { ...headers, ...(retry === undefined ? {} : { 'Retry-After': String(retry) }) });
}

/** From this size on a reply is compressed for clients that take it, as the API server does. */
const GZIP_FROM = 128 * 1024;
const takesGzip = ({ req }: ServerResponse): boolean => /(^|,)\s*gzip\s*(;(?!\s*q=0(\.0*)?\s*(,|$))|,|$)/i.test(req.headers['accept-encoding']?.toString() ?? '');

export function sendJson(res: ServerResponse, code: number, text: string, headers: Record<string, string | string[]> = {}): void {
  const body = `${text}\n`;
  const always = { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private', ...headers };
  const send = (): void => {
    res.writeHead(code, { ...always, 'Content-Length': Buffer.byteLength(body) });
    // As text: Node then sends head and body as one write.
    res.end(body);
  };
  if (body.length < GZIP_FROM || !takesGzip(res)) { send(); return; }
  gzip(body, { level: constants.Z_BEST_SPEED }, (error, compressed) => {
    if (res.destroyed) return;
    if (error) { send(); return; }
    res.writeHead(code, { ...always, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding', 'Content-Length': compressed.length });
    res.end(compressed);
  });
}

/** As much of a long reply as is written before the client's pace is asked for. */
const PIECE = 256 * 1024;

/**
 * A reply that may be long: what fits in one piece goes out like any other; of more, each piece is written when the client
 * has taken the last one, so that neither memory nor the other clients pay for a list of everything. Resolves when all is
 * written or the client is gone.
 */
export async function sendPieces(res: ServerResponse, code: number, pieces: Iterable<string>): Promise<void> {
  let text = '';
  let to: Writable | undefined;
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    to ??= beginLong(res, code);
    const taken = to.write(text);
    text = '';
    if (!taken) await drained(to);
    if (res.destroyed) return;
  }
  if (to) to.end(`${text}\n`);
  else sendJson(res, code, text);
}

/** Writes the head. @returns where the text goes */
function beginLong(res: ServerResponse, code: number): Writable {
  const always = { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' };
  if (!takesGzip(res)) {
    res.writeHead(code, always);
    return res;
  }
  res.writeHead(code, { ...always, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' });
  const compressor = createGzip({ level: constants.Z_BEST_SPEED });
  compressor.pipe(res);
  res.once('close', () => { compressor.destroy(); });
  return compressor;
}

function drained(to: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => { to.off('drain', done); to.off('close', done); resolve(); };
    to.on('drain', done);
    to.on('close', done);
    if (to.destroyed) done();
  });
}
