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
export function readBody(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (): void => {
      if (size > BODY_LIMIT) reject(new TooLarge(BODY_LIMIT));
      else resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    };
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) chunks.push(chunk);
      else chunks.length = 0;
      if (size > DRAIN_LIMIT) { req.pause(); finish(); }
    });
    req.on('end', finish);
    req.on('error', reject);
    const cutOff = (): void => { if (!req.readableEnded) reject(new Error('the request was cut off')); };
    if (req.destroyed) cutOff();
    req.on('close', cutOff);
  });
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
