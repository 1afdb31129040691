/** One frame from an agent: parsed, checked against its schema, and never trusted before that. */
import * as generated from '#crds/wire/agentProtocol.validate.gen.js';
import { payloadDefinition, type AgentFrame, type AgentFrames } from '#crds/wire/frames.js';

interface Validator {
  (value: unknown): boolean;
  errors?: { instancePath: string; message?: string }[] | null;
}
const validators = generated as unknown as Record<string, Validator>;

const agentTypes = new Set<string>(Object.keys({
  'hello': 0, 'heartbeat': 0, 'plan.applied': 0, 'job.started': 0, 'job.progress': 0, 'job.log': 0, 'job.finished': 0,
  'snapshots.report': 0, 'repo.stats': 0, 'spool.dropped': 0, 'rpc.result': 0, 'error': 0,
} satisfies Record<keyof AgentFrames, 0>));

/** A frame that is wrong. With a seq it was spooled: it must be put aside and acknowledged, or it would block those behind it. */
export interface Malformed {
  malformed: string;
  type?: string;
  seq?: number;
  raw: unknown;
}
export type Incoming = AgentFrame | Malformed | { unknown: string; seq?: number };

export function isMalformed(incoming: Incoming): incoming is Malformed {
  return 'malformed' in incoming;
}

function complaint(validator: Validator): string {
  const first = validator.errors?.[0];
  return `${first?.instancePath ?? ''} ${first?.message ?? 'is not valid'}`.trim();
}

/** @param text one text message; a binary message is malformed and never comes here */
export function parseFrame(text: string): Incoming {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { malformed: 'not JSON', raw: text.slice(0, 256) };
  }
  const envelope = validators['Envelope'];
  if (!envelope?.(raw)) return { malformed: `envelope: ${envelope ? complaint(envelope) : 'no validator'}`, raw };
  const { type, seq, payload } = raw as { type: string; seq?: number; payload?: unknown };
  if (!agentTypes.has(type)) return { unknown: type, ...(seq === undefined ? {} : { seq }) };
  const validator = validators[payloadDefinition[type as keyof AgentFrames]];
  if (!validator?.(payload ?? {})) return { malformed: `${type}: ${validator ? complaint(validator) : 'no validator'}`, type, raw, ...(seq === undefined ? {} : { seq }) };
  return payload === undefined ? { ...(raw as AgentFrame), payload: {} } as AgentFrame : raw as AgentFrame;
}
