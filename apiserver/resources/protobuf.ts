/**
 * The few lines of protocol buffers this server speaks, because kubectl posts review objects as `k8s\0` + runtime.Unknown and
 * older clients want /openapi/v2 that way. Source: protobuf.dev/programming-guides/encoding, k8s.io/api generated.proto.
 */

export type Fields = Map<number, (bigint | Buffer)[]>;

const PREFIX = Buffer.from('k8s\0');

/** @throws Error naming the offset */
export function readFields(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error(`protobuf: bad varint at byte ${at}`);
  };
  const slice = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error(`protobuf: field runs past the end at byte ${at}`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    const value = wire === 0 ? varint() : wire === 2 ? slice(Number(varint())) : wire === 1 ? slice(8) : wire === 5 ? slice(4) : undefined;
    if (value === undefined) throw new Error(`protobuf: wire type ${wire} at byte ${at}`);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

const last = (fields: Fields, field: number): bigint | Buffer | undefined => fields.get(field)?.at(-1);

export function text(fields: Fields, field: number): string {
  const value = last(fields, field);
  return Buffer.isBuffer(value) ? value.toString('utf8') : '';
}

export function message(fields: Fields, field: number): Fields | undefined {
  const value = last(fields, field);
  return Buffer.isBuffer(value) ? readFields(value) : undefined;
}

/** Every value of a repeated field of messages or bytes. */
export const all = (fields: Fields, field: number): Buffer[] => (fields.get(field) ?? []).filter((value) => Buffer.isBuffer(value));

export const flag = (fields: Fields, field: number): boolean | undefined => {
  const value = last(fields, field);
  return typeof value === 'bigint' ? value !== 0n : undefined;
};

/** runtime.Unknown: typeMeta{apiVersion, kind}, raw. @throws Error when it is not one */
export function readUnknown(body: Buffer): { apiVersion: string; kind: string; raw: Fields } {
  if (!body.subarray(0, 4).equals(PREFIX)) throw new Error('protobuf: the body does not begin with "k8s\\0"');
  const unknown = readFields(body.subarray(4));
  const type = message(unknown, 1) ?? new Map();
  return { apiVersion: text(type, 1), kind: text(type, 2), raw: message(unknown, 2) ?? new Map() };
}

function varintOf(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) {
      bytes.push(left);
      return Buffer.from(bytes);
    }
    bytes.push((left % 128) + 128);
  }
}

/** A message from (field, value) pairs: text and messages length-delimited, booleans as varints. */
export function writeFields(...pairs: [field: number, value: string | Buffer | boolean][]): Buffer {
  return Buffer.concat(pairs.flatMap(([field, value]) => {
    if (typeof value === 'boolean') return [varintOf(field * 8), varintOf(value ? 1 : 0)];
    const bytes = Buffer.from(value);
    return [varintOf(field * 8 + 2), varintOf(bytes.length), bytes];
  }));
}

export function writeUnknown(apiVersion: string, kind: string, raw: Buffer): Buffer {
  return Buffer.concat([PREFIX, writeFields([1, writeFields([1, apiVersion], [2, kind])], [2, raw])]);
}
