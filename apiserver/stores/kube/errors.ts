/** What a Kubernetes API server answers, as one of the eight errors of the port: by HTTP code and reason, never by message. */
import { AlreadyExists, Conflict, Forbidden, Gone, Invalid, NotFound, TooManyRequests, Unavailable, type StatusCause, type StoreError } from '#crds/objectStore.js';
import { isRecord } from '../plainJson.js';

interface Refusal { message: string; reason: string; causes: StatusCause[]; retryAfterSeconds?: number }

/**
 * A 500 without a reason: the API server had an error it has no word for. Mostly etcd being away, but also a configuration to apply
 * that has not the shape of its kind.
 */
export class Unexplained extends Unavailable {}

/** @param text the body: a metav1.Status, or whatever a proxy in between says */
export function refusalOf(code: number, text: string, retryAfter?: string): StoreError {
  return errorOf(code, read(code, text, retryAfter));
}

/** The object of an ERROR event in a watch. */
export function watchError(status: unknown): StoreError {
  const code = isRecord(status) && typeof status['code'] === 'number' ? status['code'] : 500;
  return errorOf(code, read(code, JSON.stringify(status), undefined));
}

function errorOf(code: number, { message, reason, causes, retryAfterSeconds }: Refusal): StoreError {
  const detail = { causes, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  switch (code) {
    case 401: case 403: return new Forbidden(message, detail);
    case 404: return new NotFound(message, detail);
    case 409: return reason === 'AlreadyExists' ? new AlreadyExists(message, detail) : new Conflict(message, detail);
    case 410: return new Gone(message, detail);
    case 429: return new TooManyRequests(message, detail);
    case 500: return reason === '' ? new Unexplained(message, detail) : new Unavailable(message, detail);
    default: return code >= 400 && code < 500 ? new Invalid(message, detail) : new Unavailable(message, detail);
  }
}

function read(code: number, text: string, retryAfter: string | undefined): Refusal {
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch { /* not from an API server: shown as it is */ }
  const seconds = retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined;
  if (!isRecord(status) || status['kind'] !== 'Status') return { message: `the Kubernetes API answers ${code}: ${text.slice(0, 200)}`, reason: '', causes: [], ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
  const details = isRecord(status['details']) ? status['details'] : {};
  const causes = (Array.isArray(details['causes']) ? details['causes'] : []).filter(isRecord).map((cause): StatusCause => ({
    message: String(cause['message'] ?? ''), ...(typeof cause['reason'] === 'string' ? { reason: cause['reason'] } : {}), ...(typeof cause['field'] === 'string' ? { field: cause['field'] } : {}),
  }));
  const wait = typeof details['retryAfterSeconds'] === 'number' ? details['retryAfterSeconds'] : seconds;
  return { message: String(status['message'] ?? ''), reason: String(status['reason'] ?? ''), causes, ...(wait === undefined ? {} : { retryAfterSeconds: wait }) };
}
