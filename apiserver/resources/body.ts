/** Request bodies: bounded, by media type, decoded with places. */
import type { IncomingMessage } from 'node:http';
import { BODY_LIMIT, TooLarge, decode } from '../admission/decode.js';
import type { Decoded } from '../admission/decode.js';
import type { Kind } from '#crds/kinds.js';
import { unsupportedMediaType } from './errors.js';
import { secretFromProtobuf } from './secretProtobuf.js';

/** Past the limit this much more is read and dropped, so that the client gets to read the refusal. */
const DRAIN_LIMIT = 16 * BODY_LIMIT;

/** @throws TooLarge */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
    else chunks.length = 0;
    if (size > DRAIN_LIMIT) break;
  }
  if (size > BODY_LIMIT) throw new TooLarge(BODY_LIMIT);
  return Buffer.concat(chunks);
}

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaType = (req: IncomingMessage): string => (req.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

export const OBJECT_TYPES = ['application/json', 'application/yaml'];

/** What typed clients post core kinds as (`kubectl create secret`). */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** An object body. @throws ApiError 415, DecodeError, TooLarge */
export async function readObject(req: IncomingMessage, kind: Kind): Promise<Decoded> {
  const type = mediaType(req);
  if (type === PROTOBUF && kind === 'Secret') return { value: secretFromProtobuf(await readBody(req)), duplicates: [] };
  const format = type === '' || type === 'application/json' ? 'json' : type === 'application/yaml' ? 'yaml' : undefined;
  if (format === undefined) throw unsupportedMediaType(OBJECT_TYPES);
  return decode(await readBody(req), format);
}
