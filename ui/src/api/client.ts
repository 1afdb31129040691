/**
 * The one place that talks HTTP to the operator API (/api). Errors come out as ApiFailure with the server's own words and,
 * where the server names a field, which one, so that a form can show the message beside it.
 */
import type { ApiError } from '#crds/operator/operator.gen.js';

export class ApiFailure extends Error {
  /** HTTP status; 0 when the server was not reached. */
  readonly status: number;
  readonly code: string;
  /** Messages by request field (`cron`, `repo_url`, ...). */
  readonly fields: Readonly<Record<string, string>>;
  constructor(status: number, code: string, message: string, fields: Record<string, string> = {}) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

/** Anything thrown, as a failure that can be shown. */
export function asFailure(thrown: unknown): ApiFailure {
  return thrown instanceof ApiFailure ? thrown : new ApiFailure(0, 'page', thrown instanceof Error ? thrown.message : String(thrown));
}

let onUnauthorized: () => void = () => undefined;
/** Called on every 401 of a call that needs a session. */
export function whenUnauthorized(listener: () => void): void {
  onUnauthorized = listener;
}

interface CallOptions {
  body?: unknown;
  /** The call is itself about having a session: a 401 is its answer, not an expired session. */
  anonymous?: boolean;
}

/** @throws ApiFailure for every answer that is not 2xx and for a server that cannot be reached. */
export async function call<Reply>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, options: CallOptions = {}): Promise<Reply> {
  const init: RequestInit = { method, headers: { accept: 'application/json' }, credentials: 'same-origin', cache: 'no-store' };
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiFailure(0, 'unreachable', 'The server cannot be reached. Nothing was changed.');
  }
  const text = await response.text();
  const reply = parse(text);
  if (response.ok) return reply as Reply;
  if (response.status === 401 && !options.anonymous) onUnauthorized();
  throw failureFrom(response.status, reply, response.headers.get('retry-after'));
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Reads `{code, message, details?}`; details may name fields as {field}, as [{field, message}] or as {fields: {name: message}}. */
export function failureFrom(status: number, reply: unknown, retryAfter: string | null = null): ApiFailure {
  const error = (typeof reply === 'object' && reply !== null ? reply : {}) as Partial<ApiError>;
  const wait = status === 429 && retryAfter ? ` Try again in ${retryAfter} s.` : '';
  const message = (error.message ?? `The server answered ${status} without saying why.`) + wait;
  return new ApiFailure(status, error.code ?? `http_${status}`, message, fieldsFrom(error));
}

function fieldsFrom(error: Partial<ApiError>): Record<string, string> {
  const fields: Record<string, string> = {};
  const note = (name: unknown, message: unknown): void => {
    if (typeof name === 'string' && name !== '') fields[name.replace(/^[./]+/, '').replace(/[.[/].*$/, '')] = typeof message === 'string' ? message : error.message ?? '';
  };
  const read = (entry: unknown): void => {
    if (typeof entry !== 'object' || entry === null) return;
    const record = entry as Record<string, unknown>;
    note(record['field'] ?? record['path'] ?? record['instancePath'], record['message']);
    if (typeof record['fields'] === 'object' && record['fields'] !== null) for (const [name, message] of Object.entries(record['fields'])) note(name, message);
  };
  if (Array.isArray(error.details)) error.details.forEach(read);
  else read(error.details);
  const named = /^([a-z_]+)(?:\[\d+\])?: /.exec(error.message ?? '');
  if (Object.keys(fields).length === 0 && named) note(named[1], error.message);
  return fields;
}
