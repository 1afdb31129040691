/** What may come from the server: checked against the protocol's schemas before anything acts on it. */
import type { ServerFrame, ServerFrames } from '#crds/wire/frames.js';
import { payloadDefinition } from '#crds/wire/frames.js';
import * as generated from '#crds/wire/agentProtocol.validate.gen.js';

type Validator = ((value: unknown) => boolean) & { errors?: { instancePath?: string; message?: string }[] | null };
const validators = generated as unknown as Record<string, Validator>;
const known: Record<keyof ServerFrames, true> = { 'welcome': true, 'refused': true, 'plan.set': true, 'job.run': true, 'job.stop': true, 'ack': true, 'rpc.request': true, 'update': true, 'revoked': true, 'error': true };

export type ReadFrame = { ok: true; frame: ServerFrame } | { ok: false; ignored: true; type: string } | { ok: false; ignored: false; type: string; message: string };

/** A frame of an unknown type is ignored (a newer server), a malformed one is told; neither ends the link. */
export function readFrame(text: string): ReadFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, ignored: false, type: '', message: 'the frame is not JSON' };
  }
  const envelope = validators['Envelope'];
  if (!envelope?.(value)) return { ok: false, ignored: false, type: '', message: problem('envelope', envelope) };
  const { type, payload } = value as { type: string; payload?: unknown };
  if (!Object.hasOwn(known, type)) return { ok: false, ignored: true, type };
  const validator = validators[payloadDefinition[type as keyof ServerFrames]];
  if (!validator?.(payload)) return { ok: false, ignored: false, type, message: problem(type, validator) };
  return { ok: true, frame: value as ServerFrame };
}

function problem(what: string, validator: Validator | undefined): string {
  const error = validator?.errors?.[0];
  return `${what}${error?.instancePath ?? ''} ${error?.message ?? 'is malformed'}`.slice(0, 1024);
}
