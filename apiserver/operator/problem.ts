/** How /api says no: one error class, and the mapping of what stores and parsers throw onto it. Body `{code, message, details?}`. */
import { StoreError, type StoreErrorReason, Unavailable } from '#crds/objectStore.js';
import type { ApiError } from '#crds/operator/operator.gen.js';

export interface FieldProblem { field: string; message: string }

export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly details: FieldProblem[] | Record<string, unknown> | undefined;
  readonly retryAfterSeconds: number | undefined;
  constructor(status: number, code: string, message: string, more: { details?: FieldProblem[] | Record<string, unknown>; retryAfterSeconds?: number } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = more.details;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  body(): ApiError {
    return { code: this.code, message: this.message, ...(this.details === undefined ? {} : { details: this.details }) };
  }
}

export const notFound = (what: string): Problem => new Problem(404, 'not_found', `${what} was not found`);

/** A value that cannot be accepted; the message begins with the field's name. */
export function invalid(field: string, message: string): Problem {
  return new Problem(422, 'invalid', `${field}: ${message}`, { details: [{ field, message }] });
}

const statusOf: Record<StoreErrorReason, [status: number, code: string]> = {
  NotFound: [404, 'not_found'], AlreadyExists: [409, 'already_exists'], Conflict: [409, 'conflict'], Invalid: [422, 'invalid'],
  Forbidden: [403, 'forbidden'], TooManyRequests: [429, 'too_many_requests'], Unavailable: [503, 'unavailable'], Gone: [410, 'gone'],
};

/**
 * Runs a write that the body's fields went into; what the store finds wrong with the object is said of those fields.
 * @param names path in the object -> field of the body, e.g. `spec.url` -> `repo_url`
 */
export async function inBodyTerms<T>(names: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'Invalid') throw error;
    const details = error.causes.flatMap(({ field, message }) => {
      const path = Object.keys(names).find((known) => field === known || field?.startsWith(`${known}[`) || field?.startsWith(`${known}.`));
      if (field === undefined || path === undefined) return [];
      const told = (names[path] ?? path) + field.slice(path.length);
      return [{ field: told, message: message.replaceAll(field, told) }];
    });
    if (details.length < error.causes.length || details.length === 0) throw error;
    throw new Problem(422, 'invalid', details.map(({ field, message }) => `${field}: ${message}`).join('; '), { details });
  }
}

/** Undefined for what is nobody's fault but ours: the caller logs it and answers 500 without its text. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    const [status, code] = statusOf[error.reason];
    const details = error.causes.filter((cause) => cause.field !== undefined).map(({ field = '', message }) => ({ field, message }));
    return new Problem(error instanceof Unavailable && error.diskFull ? 507 : status, code, error.message, { ...(details.length > 0 ? { details } : {}), ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }) });
  }
  return parserProblem(error);
}

/** What express' body parsers throw carries a type and a status. */
function parserProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('type' in error) || !('status' in error)) return undefined;
  switch (error.type) {
    case 'entity.parse.failed': return new Problem(400, 'bad_request', `the body is not JSON: ${error.message}`);
    case 'entity.too.large': return new Problem(413, 'too_large', 'the body is too large');
    case 'encoding.unsupported': case 'charset.unsupported': return new Problem(415, 'unsupported_media_type', error.message);
    case 'request.aborted': case 'request.size.invalid': case 'entity.verify.failed': case 'parameters.too.many': case 'querystring.parse.rangeError': return new Problem(400, 'bad_request', error.message);
    default: return undefined;
  }
}
